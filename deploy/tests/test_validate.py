"""Each tool that `roomm8ctl validate` runs finds what it is for; a check that finds nothing anywhere would be none."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from cloud import validate
from cloud.template import DEPLOY


@pytest.fixture
def copy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the folder, to break."""
    for folder in ("cfn", "host", "container", "guard", "tests"):
        shutil.copytree(DEPLOY / folder, tmp_path / folder)
    shutil.copy(DEPLOY / "claims.yml", tmp_path)
    monkeypatch.setattr(validate, "DEPLOY", tmp_path)
    monkeypatch.setattr(validate, "TEMPLATES", tmp_path / "cfn")
    return tmp_path


@pytest.mark.parametrize(
    ("check", "path", "before", "after", "found"),
    [
        (validate.cfn_lint, "cfn/20-data.yml", "EngineVersion: 8.4.11", "EngineVersion: 8.4.999", "8.4.999"),
        (validate.units, "host/roomm8.service", "Type=exec", "Type=nonsense", "nonsense"),
        (validate.units, "host/roomm8-drain.service", "RestartSec=5", "RestartSecs=5", "RestartSecs"),
        (validate.units, "host/roomm8.service", "CapabilityBoundingSet=\n", "", "CapabilityBoundingSet"),
        (validate.shellcheck, "host/drain.sh", '"$(metadata instance-id)"', "$(metadata instance-id)", "SC2046"),
        (validate.hadolint, "container/Dockerfile", "FROM scratch", "FROM debian:latest", "DL3007"),
        (validate.compose, "container/compose.yml", "    ports:", "    port:", "'port'"),
        (validate.yamllint, "container/haproxy.yml", "", "a: 1\na: 2\n", "duplication"),
    ],
)
def test_a_tool_finds_what_it_is_for(copy: Path, check: Callable[[], list[str]], path: str, before: str, after: str, found: str) -> None:
    assert check() == []
    broken = copy / path
    text = broken.read_text() if broken.exists() else ""
    assert before in text
    broken.write_text(text.replace(before, after) if before else after)
    assert found in "\n".join(check())


@pytest.mark.parametrize(
    ("path", "text", "found"),
    [
        ("notes.md", "AK" + "IA" + "0123456789ABCDEF", "an AWS key"),
        ("tests/key.pem", "-----BEGIN RSA " + "PRIVATE KEY-----", "a private key"),
        ("runbooks/restore.md", "mysql://root:" + "hunter22@db", "a password in a URL"),
        ("cloud/settings.py", "PASSWORD = " + '"hunter2222"', "a password"),
        ("cfn/data.yml", "MasterUserPassword: " + "hunter2222", "a password"),
        ("ci.sh", "token=gh" + "p_" + "0123456789abcdef0123456789abcdef0123", "a token"),
    ],
)
def test_a_secret_in_any_file_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, path: str, text: str, found: str) -> None:
    subprocess.run(["git", "init", "--quiet", tmp_path], check=True)
    (tmp_path / path).parent.mkdir(exist_ok=True)
    (tmp_path / "kept.md").write_text("mysql://roomm8:" + "PASSWORD@")
    monkeypatch.setattr(validate, "DEPLOY", tmp_path)
    monkeypatch.setattr(validate, "NO_SECRETS", {"mysql://roomm8:" + "PASSWORD@"})
    assert validate.literal_secrets() == []
    (tmp_path / path).write_text(f"{text}\n")
    assert validate.literal_secrets() == [f"{path} holds {found}"]
    (tmp_path / path).unlink()
    (tmp_path / "kept.md").write_text("nothing")
    assert validate.literal_secrets() == ["no file holds mysql://roomm8:PASSWORD@, which may be there"]


def test_a_finding_that_nobody_meant_and_one_that_is_gone_are_both_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    allowed, _ = validate.suppressions()
    gone = ("CKV_AWS_18", "AccessLogBucket")
    assert gone in allowed
    monkeypatch.setattr(validate, "checkov_findings", lambda *_: {("CKV_AWS_1", "Database")})
    monkeypatch.setattr(validate, "guard_findings", lambda *_: set(allowed) - {gone})
    assert validate.findings() == ["CKV_AWS_1: Database", "CKV_AWS_18: AccessLogBucket is suppressed for nothing"]


def test_a_suppression_without_a_reason_is_wrong(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    listed = tmp_path / "suppressions.yml"
    listed.write_text("- {rules: [CKV_AWS_1], resources: [Database], reason: later}\n")
    monkeypatch.setattr(validate, "SUPPRESSIONS", listed)
    assert "CKV_AWS_1 has no reason" in validate.suppressions()[1]


def test_a_template_that_suppresses_by_itself_is_wrong(copy: Path) -> None:
    broken = copy / "cfn/30-notify.yml"
    before = "  Notifier:\n    Type: AWS::Lambda::Function\n"
    text = broken.read_text()
    assert before in text
    reason = "there is a very good reason for this one, too"
    broken.write_text(text.replace(before, f"{before}    Metadata: {{checkov: {{skip: [{{id: CKV_AWS_115, comment: {reason}}}]}}}}\n"))
    assert validate.suppressions()[1] == ["30-notify.yml: Notifier suppresses by itself; say it in suppressions.yml"]


def test_too_many_suppressions_are_wrong(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    entry = "- {rules: [CKV_AWS_%d], resources: [Database], reason: there is a very good reason for this one}\n"
    listed = tmp_path / "suppressions.yml"
    listed.write_text("".join(entry % number for number in range(21)))
    monkeypatch.setattr(validate, "SUPPRESSIONS", listed)
    assert validate.suppressions()[1][0] == "there are 21 suppressions, 20 may be"
