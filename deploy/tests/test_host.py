"""What runs on hosts and at CloudFront's edge, run here: the drain, and the two functions."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qsl

import pytest
from aiohttp import WSMsgType
from crowd import session
from machine import Instance, Machine, until

from cloud.template import HOST, REFERENCE, Deployment


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


def drill(folder: Path, settings: str) -> subprocess.CompletedProcess[str]:
    """What a drill does on a host with these settings; the program says what it was given."""
    (folder / "environment").write_text(settings)
    command(folder, "roomm8", 'echo "$@" "$DATABASE_URL" "$DATABASE_CA" "$AWS_REGION" "${SNS_TOPIC_ARN-no topic}" "${REDIS_URL-no Redis}"')
    script = folder / "drill.sh"
    text = (HOST / "drill.sh").read_text()
    script.write_text(text.replace("/etc/roomm8/", f"{folder}/").replace("/opt/roomm8/", f"{folder}/"))
    environment = {"PATH": os.environ["PATH"]}
    return subprocess.run(["bash", script, "restored.example"], env=environment, capture_output=True, text=True, check=False, timeout=20)


def test_a_restored_database_is_opened_as_the_api_s_own_and_no_letter_of_it_is_sent(ours: dict[str, Deployment], tmp_path: Path) -> None:
    made = "arn:aws:secretsmanager:us-east-1:000000000000:secret:made-AbCdEf"
    settings = REFERENCE.sub(made, str(ours["prod"].named("40-app.Settings").get("Value")))
    (url,) = [line.partition("=")[2] for line in settings.splitlines() if line.startswith("DATABASE_URL=")]
    user, _, place = url.rpartition("@")
    assert place.endswith("#host}:3306/roomm8")
    done = drill(tmp_path, settings)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.strip() == f"migrate {user}@restored.example:3306/roomm8 /opt/roomm8/rds-ca.pem us-east-1 no topic no Redis"


def test_a_drill_does_not_open_the_database_that_is_in_use(tmp_path: Path) -> None:
    done = drill(tmp_path, "DATABASE_URL=mysql://roomm8:secret@in-use.example:3306/roomm8\n")
    assert (done.returncode, done.stdout) == (1, "")
    assert "names no database to put another in the place of" in done.stderr


def boot(folder: Path, ready_after: int) -> subprocess.CompletedProcess[str]:
    """What the boot script makes of a host whose root is a folder, and whose API answers after some questions."""
    release, commands = folder / "opt/roomm8", folder / "commands"
    for path in ("opt/roomm8", "etc/roomm8", "etc/systemd/system", "etc/logrotate.d", "var/log", "commands"):
        (folder / path).mkdir(parents=True)
    for path in HOST.iterdir():
        text = path.read_text()
        if path.name == "user-data.sh":
            for place in ("/etc/", "/var/log/"):
                text = text.replace(f" {place}", f" {folder}{place}").replace(f"file:{place}", f"file:{folder}{place}")
        (release / path.name).write_text(text.replace("/opt/aws/amazon-cloudwatch-agent/bin/", f"{commands}/"))
    (release / "roomm8").write_text("a program")
    (folder / "etc/roomm8/environment").write_text("LISTEN_ADDR=0.0.0.0:9090\n")
    (folder / "left").write_text("x" * ready_after)
    for name in ("dnf", "systemctl", "sleep", "journalctl", "tail", "amazon-cloudwatch-agent-ctl"):
        command(commands, name, f'echo "{name} $*" >> {folder}/done')
    command(commands, "seq", "echo 1 2 3 4 5")
    command(commands, "curl", f'left=$(cat {folder}/left); [ -z "$left" ] && exit 0; printf %s "${{left#x}}" > {folder}/left; exit 22')
    environment = {"PATH": f"{commands}:{os.environ['PATH']}"}
    return subprocess.run(
        ["bash", release / "user-data.sh", "prod", "green"], env=environment, capture_output=True, text=True, check=False, timeout=20
    )


def test_the_boot_script_makes_a_host_that_serves(tmp_path: Path) -> None:
    done = boot(tmp_path, ready_after=2)
    assert (done.returncode, done.stderr) == (0, "")
    assert (tmp_path / "done").read_text().splitlines() == [
        "dnf install --assumeyes --quiet amazon-cloudwatch-agent",
        f"amazon-cloudwatch-agent-ctl -a fetch-config -m ec2 -s -c file:{tmp_path}/etc/roomm8/cloudwatch-agent.json",
        "systemctl daemon-reload",
        "systemctl enable --now roomm8.service roomm8-drain.service",
        "sleep 2",
        "sleep 2",
    ]
    assert (tmp_path / "etc/roomm8/host").read_text() == "ENVIRONMENT=prod\nCOLOR=green\n"
    assert sorted(path.name for path in (tmp_path / "etc/systemd/system").iterdir()) == ["roomm8-drain.service", "roomm8.service"]
    assert (tmp_path / "var/log/roomm8").is_dir()
    agent = json.loads((tmp_path / "etc/roomm8/cloudwatch-agent.json").read_text())
    assert agent["metrics"]["namespace"] == "RoomM8/prod"
    assert 'Color: "green"' in (tmp_path / "etc/roomm8/prometheus.yml").read_text()
    for name in ("cloudwatch-agent.json", "prometheus.yml"):
        assert "{{" not in (tmp_path / "etc/roomm8" / name).read_text()
    assert oct((tmp_path / "etc/roomm8/environment").stat().st_mode)[-3:] == "600"


def test_a_host_that_never_serves_fails(tmp_path: Path) -> None:
    done = boot(tmp_path, ready_after=99)
    assert done.returncode == 1
    assert "RoomM8 did not become ready" in done.stderr


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


class Cloud:
    """What an instance can ask: its metadata, by tokens only, and Auto Scaling. Notes what happens, in order."""

    def __init__(self, states: list[str | None], happened: list[str]):
        cloud = self
        self.states, self.happened, self.refusals = states, happened, 1

        class Handler(BaseHTTPRequestHandler):
            def do_PUT(self) -> None:
                granted = self.path == "/latest/api/token" and self.headers["X-aws-ec2-metadata-token-ttl-seconds"] == "60"
                self.answer(*((200, "a token") if granted else (400, "")))

            def do_GET(self) -> None:
                if self.headers["X-aws-ec2-metadata-token"] != "a token":
                    return self.answer(401, "")
                self.answer(*cloud.metadata(self.path.removeprefix("/latest/meta-data/")))

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"])).decode()
                self.answer(*cloud.auto_scaling(dict(parse_qsl(body))))

            def answer(self, status: int, text: str) -> None:
                self.send_response(status)
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text.encode())

            def log_message(self, *_: object) -> None:
                """Not to the test's output."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def metadata(self, path: str) -> tuple[int, str]:
        if path == "autoscaling/target-lifecycle-state":
            state = self.states.pop(0) if len(self.states) > 1 else self.states[0]
            self.happened.append(f"asked, and told {state}")
            return (200, state) if state else (404, "")
        return {"placement/region": (200, "eu-west-1"), "instance-id": (200, "i-0abc")}.get(path, (404, ""))

    def auto_scaling(self, asked: dict[str, str]) -> tuple[int, str]:
        del asked["Version"]
        # An action may be ended only once Auto Scaling waits for it, which is a moment after the instance is told.
        if self.refusals:
            self.refusals -= 1
            self.happened.append("Auto Scaling does not wait yet")
            error = "<Error><Type>Sender</Type><Code>ValidationError</Code><Message>No active Lifecycle Action found</Message></Error>"
            return 400, f"<ErrorResponse>{error}</ErrorResponse>"
        self.happened.append(f"Auto Scaling is told {asked}")
        return 200, "<CompleteLifecycleActionResponse><CompleteLifecycleActionResult/></CompleteLifecycleActionResponse>"

    def __enter__(self) -> Cloud:
        return self

    def __exit__(self, *_: object) -> None:
        self.server.shutdown()
        self.server.server_close()


# As the AWS CLI does: words to parameters, which the description of the service must know.
AWS = """#!{python}
import sys, boto3
service, operation, *words = sys.argv[1:]
given = {{word.removeprefix("--"): value for word, value in zip(words[::2], words[1::2], strict=True)}}
client = boto3.client(service, region_name=given.pop("region"), endpoint_url="{cloud}", aws_access_key_id="test", aws_secret_access_key="test")
getattr(client, operation.replace("-", "_"))(**{{"".join(part.title() for part in name.split("-")): value for name, value in given.items()}})
"""


async def leave(instance: Instance, folder: Path) -> list[str]:
    """An instance with a follower is taken away by Auto Scaling; what happened, in order."""
    happened: list[str] = []
    with Cloud([None, "InService", "Terminated"], happened) as cloud:
        (folder / "aws").write_text(AWS.format(python=sys.executable, cloud=cloud.address))
        (folder / "aws").chmod(0o755)
        assert instance.process
        # As systemd stops a unit: it waits for the end.
        command(
            folder,
            "systemctl",
            f'echo "$*" > {folder}/stopped; kill -TERM {instance.process.process.pid}; tail --pid={instance.process.process.pid} -f /dev/null',
        )
        command(folder, "sleep", "true")
        script = folder / "drain.sh"
        script.write_text((HOST / "drain.sh").read_text().replace("http://169.254.169.254", cloud.address))
        environment = {"PATH": f"{folder}:{os.environ['PATH']}", "ENVIRONMENT": "prod", "COLOR": "green"}
        async with session() as http, http.ws_connect(f"{instance.address}/graphql", protocols=["graphql-transport-ws"]) as socket:
            await socket.send_json({"type": "connection_init"})
            assert (await socket.receive_json())["type"] == "connection_ack"

            async def follower() -> None:
                while (await socket.receive()).type is WSMsgType.TEXT:
                    pass
                happened.append(f"a follower's socket is closed with {socket.close_code}")

            following = asyncio.create_task(follower())
            # Whoever waits for its end must see it gone.
            ending = asyncio.create_task(asyncio.to_thread(instance.process.process.wait, 60))
            for code in (1, 0):
                # Started again by systemd after a failure, until Auto Scaling believes it.
                running = await asyncio.create_subprocess_exec("bash", script, env=environment, stderr=asyncio.subprocess.PIPE)
                _, said = await asyncio.wait_for(running.communicate(), 30)
                assert bool(running.returncode) == bool(code), said
            await asyncio.wait_for(following, 1)
            assert await ending == 0
    assert (folder / "stopped").read_text() == "stop roomm8.service\n"
    return happened


@pytest.mark.program
def test_an_instance_that_auto_scaling_takes_away_ends_its_sockets_first(tmp_path: Path) -> None:
    with Machine() as machine:
        settings = {"DATABASE_URL": f"sqlite://{machine.folder}/roomm8.sqlite3", "MAILBOX_DIR": f"{machine.folder}/mailbox", "LOG": "warn"}
        instance = Instance("leaving", machine.folder, settings | {"DRAIN_SECONDS": "2"})
        machine.ends.callback(instance.kill)
        instance.start()
        asyncio.run(until(60, "it is ready", instance.is_ready))
        happened = asyncio.run(leave(instance, tmp_path))
    told = {"Action": "CompleteLifecycleAction", "AutoScalingGroupName": "roomm8-prod-green", "LifecycleHookName": "drain"}
    told |= {"LifecycleActionResult": "CONTINUE", "InstanceId": "i-0abc"}
    assert happened == [
        "asked, and told None",
        "asked, and told InService",
        "asked, and told Terminated",
        "a follower's socket is closed with 1012",
        "Auto Scaling does not wait yet",
        "asked, and told Terminated",
        f"Auto Scaling is told {told}",
    ]
