"""Everything that can be known of deploy/ without an account, in under a minute."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import yaml

from cloud import template
from cloud.invariants import INVARIANTS, applies, problems
from cloud.invariants.secrets import secrets_in
from cloud.template import DEPLOY, TEMPLATES, Deployment

TOOLS = Path(sys.executable).parent
GUARD = DEPLOY / "node_modules/@cdklabs/cdk-validator-cfnguard"
GUARD_BINARY = GUARD / "bin/ubuntu/x86_64/cfn-guard"
CONTROL_TOWER = GUARD / "rules/control-tower/cfn-guard"
CHECKOV = DEPLOY / ".venv-checkov/bin/checkov"
SUPPRESSIONS = DEPLOY / "guard/suppressions.yml"
MOST_SUPPRESSIONS = 20
# In tenths, as systemd-analyze takes it.
EXPOSURE = 15

Finding = tuple[str, str]
"""A rule and the resource that it is about."""


def run(*command: str | Path, **options: Any) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "AWS_EC2_METADATA_DISABLED": "true", "PYTHONWARNINGS": "ignore"}
    return subprocess.run([str(part) for part in command], capture_output=True, text=True, env=environment, check=False, **options)


def clean(*command: str | Path, **options: Any) -> list[str]:
    """A tool that is content says nothing and exits with 0."""
    done = run(*command, **options)
    return [] if done.returncode == 0 else (done.stdout + done.stderr).strip().splitlines()


def environments() -> list[str]:
    return sorted(path.stem for path in template.PARAMETERS.glob("*.json"))


def templates() -> list[Path]:
    return sorted(TEMPLATES.glob("*.yml"))


def cfn_lint() -> list[str]:
    """No error and no warning."""
    return clean(TOOLS / "cfn-lint", "--", *templates())


def yamllint() -> list[str]:
    rules = "{extends: default, rules: {line-length: disable, document-start: disable, braces: disable, brackets: disable, truthy: {check-keys: false}, comments: {min-spaces-from-content: 1}}}"
    return clean(TOOLS / "yamllint", "--strict", "-d", rules, "cfn", "container", "guard", "host", "tests", "claims.yml", cwd=DEPLOY)


def shellcheck() -> list[str]:
    scripts = [*sorted((DEPLOY / "host").glob("*.sh")), *(path for path in (DEPLOY / "install",) if path.exists())]
    found = clean(TOOLS / "shellcheck", *scripts)
    deployment = template.resolve("prod", template.files())
    for launch in deployment.some("AWS::EC2::LaunchTemplate"):
        script = template.REFERENCE.sub("made", launch.get("LaunchTemplateData.UserData"))
        found += [f"{launch}: {line}" for line in clean(TOOLS / "shellcheck", "--shell", "bash", "-", input=script)]
    return found


def hadolint() -> list[str]:
    return clean(TOOLS / "hadolint", DEPLOY / "container/Dockerfile")


def compose() -> list[str]:
    return clean(TOOLS / "check-jsonschema", "--builtin-schema", "vendor.compose-spec", DEPLOY / "container/compose.yml")


def ruff() -> list[str]:
    return clean(TOOLS / "ruff", "check", "--no-cache", "cloud", "tests", "roomm8ctl", cwd=DEPLOY) + clean(
        TOOLS / "ruff", "format", "--no-cache", "--check", "cloud", "tests", "roomm8ctl", cwd=DEPLOY
    )


def units() -> list[str]:
    """Units that systemd understands, the API's with an exposure of at most 1.5."""
    found = []
    with tempfile.TemporaryDirectory() as folder:
        for path in sorted((DEPLOY / "host").glob("*.service")):
            # systemd asks whether the program is there, which it is on hosts only.
            here = Path(folder) / path.name
            here.write_text(
                "\n".join("ExecStart=/bin/true" if line.startswith("ExecStart=") else line for line in path.read_text().splitlines()) + "\n"
            )
        for path in sorted(Path(folder).glob("*.service")):
            # What it does not understand it tells, and exits with 0.
            done = run("systemd-analyze", "verify", path)
            found += (done.stdout + done.stderr).splitlines()
        found += clean("systemd-analyze", "security", "--offline=yes", f"--threshold={EXPOSURE}", Path(folder) / "roomm8.service")
    return found


def guard_findings(folder: Path, rules: list[Path]) -> set[Finding]:
    """What cfn-guard finds in the templates of a folder."""
    if not GUARD_BINARY.exists():
        raise FileNotFoundError("cfn-guard is not installed; run deploy/install")
    GUARD_BINARY.chmod(0o755)
    given = [part for path in rules for part in ("--rules", path)]
    done = run(GUARD_BINARY, "validate", *given, "--data", folder, "--show-summary", "none", "--structured", "--output-format", "json")
    try:
        reports = json.loads(done.stdout)
    except json.JSONDecodeError as error:
        raise RuntimeError(f"cfn-guard failed: {(done.stderr or done.stdout)[:500]}") from error
    if not reports or not any(report["compliant"] or report["not_compliant"] for report in reports):
        raise RuntimeError("cfn-guard evaluated nothing")
    found: set[Finding] = set()
    for report in reports:
        for item in report["not_compliant"]:
            rule = item["Rule"]["name"]
            resources = {part.split("/")[0] for part in json.dumps(item).split('"/Resources/')[1:]}
            found |= {(rule, resource.split('"')[0]) for resource in resources} or {(rule, "?")}
    return found


def resolved(deployment: Deployment, folder: Path) -> None:
    """Resolved templates in a folder."""
    for stack in deployment.templates:
        (folder / f"{stack}.json").write_text(json.dumps(template.resolved_template(deployment, stack)))


def checkov_findings(*paths: Path) -> set[Finding]:
    """What checkov finds."""
    if not CHECKOV.exists():
        raise FileNotFoundError("checkov is not installed; run deploy/install")
    given = [part for path in paths for part in ("--file", path)]
    done = run(CHECKOV, *given, "--framework", "cloudformation", "--compact", "--quiet", "--skip-download", "--output", "json")
    report = json.loads(done.stdout)
    if not isinstance(report, dict) or "summary" not in report or not report["summary"]["passed"]:
        raise RuntimeError(f"checkov evaluated nothing: {done.stdout[:500]}{done.stderr[:500]}")
    return {(check["check_id"], check["resource"].split(".")[-1]) for check in report["results"]["failed_checks"]}


def suppressions() -> tuple[dict[Finding, str], list[str]]:
    """What is meant to be found, and what is wrong with the list itself."""
    entries = yaml.safe_load(SUPPRESSIONS.read_text())
    wrong = [f"{', '.join(entry['rules'])} has no reason" for entry in entries if len(str(entry.get("reason", ""))) < 30]
    if len(entries) > MOST_SUPPRESSIONS:
        wrong.append(f"there are {len(entries)} suppressions, {MOST_SUPPRESSIONS} may be")
    allowed = {(rule, resource): entry["reason"] for entry in entries for rule in entry["rules"] for resource in entry["resources"]}
    for path in templates():
        for name, resource in template.parse(path.read_text())["Resources"].items():
            for tool in resource.get("Metadata", {}):
                if tool in ("checkov", "guard", "cfn-lint"):
                    wrong.append(f"{path.name}: {name} suppresses by itself; say it in suppressions.yml")
    return allowed, wrong


def findings() -> list[str]:
    """Everything that checkov and Guard find and nobody meant, and everything that was meant and is not found."""
    allowed, wrong = suppressions()
    with tempfile.TemporaryDirectory() as made, ThreadPoolExecutor() as both:
        folder = Path(made)
        # Both judge a property by its value, so they get templates without parameters and conditions.
        resolved(template.resolve("prod", template.files()), folder)
        by_checkov = both.submit(checkov_findings, *sorted(folder.iterdir()))
        by_guard = both.submit(guard_findings, folder, [CONTROL_TOWER, DEPLOY / "guard/roomm8.guard"])
        found = by_checkov.result() | by_guard.result()
    wrong += [f"{rule}: {resource}" for rule, resource in sorted(found - set(allowed))]
    # What is of a template that is not there yet is not stale.
    there = {name for path in templates() for name in template.parse(path.read_text())["Resources"]}
    stale = {(rule, resource) for rule, resource in set(allowed) - found if resource in there or (TEMPLATES / "30-notify.yml").exists()}
    wrong += [f"{rule}: {resource} is suppressed for nothing" for rule, resource in sorted(stale)]
    return wrong


# What looks like a secret and opens nothing, the whole of it: so another one beside it is found.
NO_SECRETS = {"mysql://roomm8:PASSWORD@", "mysql://roomm8:roomm8@", "mysql://roomm8:secret@", "Password: not-a-password-2"}


def literal_secrets() -> list[str]:
    """No file of the folder that is kept holds a secret, whatever it is for."""
    listed = run("git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", ".", cwd=DEPLOY)
    paths = [path for path in listed.stdout.split("\0") if path and (DEPLOY / path).is_file()]
    if not paths:
        raise RuntimeError(f"git lists no files of {DEPLOY}: {listed.stderr.strip()}")
    found = [(path, what, text) for path in paths for what, text in secrets_in((DEPLOY / path).read_text(errors="replace"))]
    wrong = [f"{path} holds {what}" for path, what, text in found if text not in NO_SECRETS]
    gone = NO_SECRETS - {text for path, _, text in found if path != "cloud/validate.py"}
    return wrong + [f"no file holds {text}, which may be there" for text in sorted(gone)]


def invariants() -> list[str]:
    """Every invariant in every environment."""
    texts = template.files()
    found = []
    for environment in environments():
        deployment = template.resolve(environment, texts)
        found += [
            f"{environment}: {name}: {problem}"
            for name in INVARIANTS
            if applies(name, deployment)
            for problem in problems(name, deployment)
        ]
    return found


CHECKS: dict[str, Callable[[], list[str]]] = {
    "cfn-lint": cfn_lint,
    "checkov and cfn-guard": findings,
    "invariants": invariants,
    "secrets": literal_secrets,
    "systemd units": units,
    "shellcheck": shellcheck,
    "hadolint": hadolint,
    "compose schema": compose,
    "yamllint": yamllint,
    "ruff": ruff,
}


def validate(say: Callable[[str], None] = print) -> Iterator[str]:
    """Run every check, two at a time as machines have at least that; yields what is wrong."""
    started = time.monotonic()

    def timed(check: Callable[[], list[str]]) -> tuple[list[str], float]:
        began = time.monotonic()
        return check(), time.monotonic() - began

    with ThreadPoolExecutor(2) as pool:
        running = {name: pool.submit(timed, check) for name, check in CHECKS.items()}
        for name, future in running.items():
            found, seconds = future.result()
            say(f"{'ok   ' if not found else 'wrong'} {name} ({seconds:.1f} s)")
            yield from (f"{name}: {line}" for line in found)
    say(
        f"{len(INVARIANTS)} invariants in {len(environments())} environments, {len(templates())} templates, {time.monotonic() - started:.1f} s"
    )
