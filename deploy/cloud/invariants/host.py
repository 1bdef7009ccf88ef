"""Hosts, containers, the driver and the folder itself."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

import yaml

from cloud.invariants import invariant
from cloud.template import Deployment


def directives(text: str) -> dict[str, list[str]]:
    """The settings of a unit."""
    found: dict[str, list[str]] = {}
    for line in text.splitlines():
        name, separator, value = line.partition("=")
        if separator and not line.startswith(("#", "[")):
            found.setdefault(name, []).append(value)
    return found


@invariant
def unit_is_started_as_the_binary_speaks(d: Deployment) -> Iterator[str]:
    """Type=exec: the binary tells systemd nothing; it is started again for ever, and stopped by SIGTERM."""
    unit = directives(d.file("host/roomm8.service"))
    for name, value in {"Type": "exec", "Restart": "always", "KillSignal": "SIGTERM", "StartLimitIntervalSec": "0"}.items():
        if unit.get(name) != [value]:
            yield f"{name} is {unit.get(name)}"
    if "WatchdogSec" in unit:
        yield "systemd waits for a sign of life that the binary does not give"


@invariant
def unit_has_little_to_lose(d: Deployment) -> Iterator[str]:
    """The API runs as nobody in particular, without capabilities, on a read-only system."""
    unit = directives(d.file("host/roomm8.service"))
    for name, value in {
        "DynamicUser": "yes",
        "NoNewPrivileges": "yes",
        "ProtectSystem": "strict",
        "ProtectHome": "yes",
        "PrivateDevices": "yes",
        "PrivateTmp": "yes",
        "MemoryDenyWriteExecute": "yes",
        "CapabilityBoundingSet": "",
        "RestrictAddressFamilies": "AF_INET AF_INET6",
        "RestrictNamespaces": "yes",
        "UMask": "0077",
    }.items():
        if unit.get(name) != [value]:
            yield f"{name} is {unit.get(name)}"


@invariant
def boot_brings_what_units_need(d: Deployment) -> Iterator[str]:
    """Whatever the boot script installs is packed into a release, and units start what is there."""
    script = d.file("host/user-data.sh")
    packed = {path.removeprefix("host/") for path in d.files if path.startswith("host/")} | {"roomm8", "rds-ca.pem"}
    for name in re.findall(r'"\$release/([\w.-]+)"', script):
        if name not in packed:
            yield f"no release holds {name}"
    for path in ("host/roomm8.service", "host/roomm8-drain.service"):
        for command in directives(d.file(path)).get("ExecStart", []):
            if command.split()[0].removeprefix("/opt/roomm8/") not in packed:
                yield f"{path} starts {command}"
        if path.removeprefix("host/") not in script:
            yield f"nobody installs {path}"


@invariant
def scripts_stop_at_the_first_failure(d: Deployment) -> Iterator[str]:
    """Scripts are strict, and a host that never serves fails its deployment."""
    for path in [path for path in d.files if path.endswith(".sh")]:
        if "set -euo pipefail" not in d.files[path]:
            yield f"{path} goes on after a failure"
    if not d.file("host/user-data.sh").rstrip().endswith("exit 1") or "/readyz" not in d.file("host/user-data.sh"):
        yield "a host that does not serve counts as one that does"


@invariant
def image_holds_the_binary_and_no_more(d: Deployment) -> Iterator[str]:
    """The image is built from nothing, runs as nobody, and stops by SIGTERM."""
    lines = [line for line in d.file("container/Dockerfile").splitlines() if line and not line.startswith("#")]
    if [line for line in lines if line.startswith("FROM")] != ["FROM scratch"]:
        yield "the image has another below it"
    if not any(re.fullmatch(r"USER [1-9]\d+:[1-9]\d+", line) for line in lines):
        yield "the image runs as root"
    if not any("ca-certificates.crt" in line for line in lines if line.startswith("COPY")):
        yield "the image trusts nobody"
    if any(line.startswith(("RUN", "ADD")) for line in lines):
        yield "the image is more than a copy"


@invariant
def no_tag_moves(d: Deployment) -> Iterator[str]:
    """Images, packages and tools have exact versions."""
    images = re.findall(r"^\s+image: (\S+)", d.file("container/compose.yml"), re.MULTILINE)
    if not images:
        yield "compose.yml has no image"
    for image in images:
        if not image.startswith("${ROOMM8_IMAGE:?") and not re.search(r":\d+\.\d+\.\d+", image):
            yield f"{image} moves"
    for path in ("requirements.txt", "checkov.txt"):
        pins = re.findall(r"^([A-Za-z0-9._-]+)(\[[^\]]+\])?(\S*)", d.file(path), re.MULTILINE)
        named = [pin for pin in pins if pin[0]]
        if not named or any(not pin[2].startswith("==") for pin in named):
            yield f"{path} has what is not pinned"
        if d.file(path).count("--hash=sha256:") < len(named):
            yield f"{path} has what has no hash"
    for name, version in json.loads(d.file("package.json"))["dependencies"].items():
        if not re.fullmatch(r"\d+\.\d+\.\d+", version):
            yield f"{name} {version} moves"


@invariant
def compose_is_like_production(d: Deployment) -> Iterator[str]:
    """Two instances on MySQL and Valkey of production's series, behind a load balancer that asks /readyz."""
    services = yaml.safe_load(d.file("container/compose.yml"))["services"]
    instances = [name for name, about in services.items() if "ROOMM8_IMAGE" in about["image"]]
    if len(instances) < 2:
        yield f"there are {len(instances)} instances"
    for name, about in services.items():
        for port in about.get("ports", []):
            if not str(port).startswith("127.0.0.1:"):
                yield f"{name} is open to the network"
    images = " ".join(about["image"] for about in services.values())
    for series in ("mysql:8.4.", "valkey:8."):
        if series not in images:
            yield f"no {series}x"
    balancer = d.file("container/haproxy.cfg")
    if "GET /readyz" not in balancer or "timeout tunnel" not in balancer:
        yield "the load balancer does not ask for readiness"
    for name in instances:
        if not re.search(rf"server \w+ {name}:9090", balancer):
            yield f"{name} gets no requests"


@invariant
def balancer_repeats_only_what_nobody_has_done(d: Deployment) -> Iterator[str]:
    """HAProxy repeats what it found no connection for, and the opening of a socket; it looks its instances up again and again."""
    balancer = d.file("container/haproxy.cfg")
    repeated = re.findall(r"^ +retry-on (.+)$", balancer, re.MULTILINE)
    if repeated != ["conn-failure 503"] or "\n    http-request disable-l7-retry unless { req.hdr(upgrade) -i websocket }\n" not in balancer:
        yield f"it repeats {repeated}"
    if not re.search(r"^ +default-server resolvers \w+ init-addr none$", balancer, re.MULTILINE):
        yield "it knows its instances by the addresses that they had when it started"


@invariant
def templates_fit_into_a_request(d: Deployment) -> Iterator[str]:
    """CloudFormation takes 51,200 bytes of template without a bucket, and 500 resources."""
    if not d.templates:
        yield "there are no templates"
    for stack, text in d.templates.items():
        if len(d.file(f"cfn/{stack}.yml").encode()) > 51_200:
            yield f"{stack} is too long"
        if len(text["Resources"]) > 500:
            yield f"{stack} has too many resources"


@invariant
def environments_are_parameters_only(d: Deployment) -> Iterator[str]:
    """Each environment gives every parameter that has no other source, and none that no template takes."""
    taken = {name for template in d.templates.values() for name in template.get("Parameters", {})}
    for path in [path for path in d.files if path.startswith("params/")]:
        given = json.loads(d.files[path])
        if set(given) != {"region", "parameters"}:
            yield f"{path} says more than region and parameters"
        # A template that is not there yet takes what is given for it.
        spare = set(given["parameters"]) - taken - ({"MailDomain"} if "cfn/30-notify.yml" not in d.files else set())
        yield from (f"nobody takes {name} of {path}" for name in sorted(spare))
    regions = {json.loads(d.files[path])["region"] for path in d.files if path.startswith("params/")}
    if len(regions) < 2:
        yield "all environments are in one region"


@invariant
def every_alarm_s_runbook_exists(d: Deployment) -> Iterator[str]:
    """Alarms name runbooks that are there."""
    named = set()
    for alarm in d.some("AWS::CloudWatch::Alarm") + d.some("AWS::CloudWatch::CompositeAlarm"):
        named |= set(re.findall(r"\b([a-z-]+\.md)\b", str(alarm.get("AlarmDescription"))))
    if not named:
        yield "no alarm names a runbook"
    yield from (f"there is no runbooks/{name}" for name in sorted(named) if f"runbooks/{name}" not in d.files)


@invariant
def runbooks_say_how_to_see_that_it_worked(d: Deployment) -> Iterator[str]:
    """Each runbook has commands and a part that says how to see it worked."""
    wanted = {"deploy", "rotate", "failover", "restore", "region-loss", "mail-sandbox", "incident"}
    there = {path.removeprefix("runbooks/").removesuffix(".md") for path in d.files if path.startswith("runbooks/")}
    yield from (f"there is no runbook {name}" for name in sorted(wanted - there))
    for path in [path for path in d.files if path.startswith("runbooks/")]:
        if "```sh" not in d.files[path] or "## It worked if" not in d.files[path]:
            yield f"{path} is not to be followed"


@invariant
def runbooks_reach_a_database_through_an_instance(d: Deployment) -> Iterator[str]:
    """Databases are private: whoever is to speak to one is led there by an instance, so none takes all of them away."""
    found = False
    for path in [path for path in d.files if path.startswith("runbooks/")]:
        text = d.files[path]
        if "mysql --host" in text:
            found = True
            if not 0 <= text.find("AWS-StartPortForwardingSessionToRemoteHost") < text.find("mysql --host"):
                yield f"{path} speaks to a database without a way to it"
        if re.search(r"--(max-size|desired-capacity) 0\b", text):
            yield f"{path} takes all instances away"
    if not found:
        yield "no runbook speaks to a database"


@invariant
def runbooks_start_what_they_stop(d: Deployment) -> Iterator[str]:
    """Where the API is stopped, groups start no other instance meanwhile, and both go on afterwards."""
    found = False
    for path in [path for path in d.files if path.startswith("runbooks/")]:
        steps = ("suspend-processes", "systemctl stop roomm8", "SET epoch", "systemctl start roomm8", "resume-processes")
        places = [d.files[path].find(step) for step in steps]
        if places[1] >= 0:
            found = True
            if -1 in places or places != sorted(places):
                yield f"{path} does not suspend, stop, give an epoch, start and resume, in this order"
    if not found:
        yield "no runbook stops the API"
