"""What runs on hosts and at CloudFront's edge, run here: the drain, and the two functions."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest

from cloud.template import HOST, Deployment


def command(folder: Path, name: str, text: str) -> None:
    """A command that stands for one of the host's."""
    path = folder / name
    path.write_text(f"#!/bin/bash\n{text}\n")
    path.chmod(0o755)


def drain(folder: Path, states: list[str]) -> list[str]:
    """What the drain does on an instance whose lifecycle goes through these states."""
    (folder / "states").write_text("\n".join(states) + "\n")
    command(
        folder,
        "curl",
        f"""case "${{!#}}" in
          */api/token) echo token ;;
          *target-lifecycle-state) state=$(head -1 {folder}/states); sed -i 1d {folder}/states; [ "$state" = none ] && exit 22; echo "$state" ;;
          *placement/region) echo us-east-1 ;;
          *instance-id) echo i-0abc ;;
        esac""",
    )
    for name in ("systemctl", "aws", "sleep"):
        command(folder, name, f'echo "{name} $*" >> {folder}/done')
    environment = {"PATH": f"{folder}:{os.environ['PATH']}", "ENVIRONMENT": "prod", "COLOR": "green"}
    subprocess.run(["bash", HOST / "drain.sh"], env=environment, check=True, timeout=20)
    return (folder / "done").read_text().splitlines()


def test_the_drain_waits_stops_and_says_so(tmp_path: Path) -> None:
    assert drain(tmp_path, ["none", "InService", "InService", "Terminated"]) == [
        "sleep 5",
        "sleep 5",
        "sleep 5",
        "systemctl stop roomm8.service",
        "aws autoscaling complete-lifecycle-action --region us-east-1 --auto-scaling-group-name roomm8-prod-green"
        " --lifecycle-hook-name drain --lifecycle-action-result CONTINUE --instance-id i-0abc",
    ]


def test_the_hook_is_ended_in_the_group_that_has_it(ours: dict[str, Deployment]) -> None:
    names = {group.get("AutoScalingGroupName") for group in ours["prod"].some("AWS::AutoScaling::AutoScalingGroup")}
    assert names == {"roomm8-prod-blue", "roomm8-prod-green"}


def edge(deployment: Deployment, name: str, event: dict[str, object]) -> dict[str, object]:
    """What a function at the edge makes of a request."""
    code = deployment.named(f"50-web.{name}").get("FunctionCode")
    script = f"{code}\nconsole.log(JSON.stringify(handler({json.dumps(event)})));"
    return json.loads(subprocess.run(["node", "-e", script], capture_output=True, text=True, check=True, timeout=20).stdout)


@pytest.mark.parametrize(
    ("asked", "given"),
    [
        ("/", "/index.html"),
        ("/households/42", "/index.html"),
        ("/households/", "/index.html"),
        ("/app.3f2a.js", "/app.3f2a.js"),
        ("/config.json", "/config.json"),
        ("/v1.2/page", "/index.html"),
    ],
)
def test_paths_without_a_file_are_pages(ours: dict[str, Deployment], asked: str, given: str) -> None:
    assert edge(ours["prod"], "PagesFunction", {"request": {"uri": asked}})["uri"] == given


def test_nobody_chooses_who_they_are(ours: dict[str, Deployment]) -> None:
    event = {"viewer": {"ip": "203.0.113.9"}, "request": {"uri": "/graphql", "headers": {"x-roomm8-viewer": {"value": "198.51.100.1"}}}}
    assert edge(ours["prod"], "ViewerFunction", event)["headers"] == {"x-roomm8-viewer": {"value": "203.0.113.9"}}
