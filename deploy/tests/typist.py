"""Somebody who types roomm8ctl's commands, for an environment on an emulator."""

from __future__ import annotations

import shlex
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.machinery import SourceFileLoader
from importlib.util import module_from_spec, spec_from_loader
from pathlib import Path
from typing import Any

import boto3
import pytest

from cloud import commands
from cloud.emulation import ministack, prepare, session
from cloud.projection import known_to_ministack
from cloud.stacks import Account
from cloud.template import DEPLOY, FROM_DRIVER, environment

AUTHORITIES = b"-----BEGIN CERTIFICATE-----\nof nobody\n-----END CERTIFICATE-----\n"


class Operator:
    """Somebody who types commands, for an account that is on the emulator."""

    def __init__(self, account: Account, folder: Path):
        self.account, self.folder = account, folder
        self.said: list[str] = []
        account.say = self.said.append
        # Instead of the examples of params/prod.json, which no account has.
        given = environment("prod")["parameters"] | {"HostedZoneId": account.own.pop("HostedZoneId")}
        self.given = " ".join(f"--set {name}={shlex.quote(value)}" for name, value in given.items())

    def types(self, words: str) -> list[str]:
        """What a command says."""
        with pytest.MonkeyPatch.context() as patch:
            # No alarm of the emulator's has to see the new colour.
            patch.setattr("cloud.bluegreen.SETTLE", 0)
            patch.setattr("sys.argv", ["roomm8ctl", *shlex.split(words)])
            patch.setattr(commands, "account", lambda given: self.account_of(given.environment))
            given = roomm8ctl().arguments()
            before = len(self.said)
            commands.run(given)
        return self.said[before:]

    def account_of(self, name: str) -> Account:
        return self.account if name == "prod" else Account(self.account.session, name, self.account.endpoint, say=self.said.append)

    def binary(self, text: str) -> Path:
        # A program for the hosts, and each time another one.
        path = self.folder / "roomm8"
        path.write_bytes(Path("/bin/true").read_bytes() + text.encode())
        return path


def roomm8ctl() -> Any:
    loader = SourceFileLoader("roomm8ctl", str(DEPLOY / "roomm8ctl"))
    spec = spec_from_loader("roomm8ctl", loader)
    assert spec
    module = module_from_spec(spec)
    loader.exec_module(module)
    return module


@contextmanager
def deployed(folder: Path) -> Iterator[Operator]:
    """Somebody with an environment that `deploy` made from nothing."""
    (folder / "rds.pem").write_bytes(AUTHORITIES)
    (folder / "web").mkdir()
    (folder / "web/index.html").write_text("<p>RoomM8")
    with zipfile.ZipFile(folder / "notifier.zip", "w") as archive:
        archive.write("/bin/true", "bootstrap")
    with ministack() as server:
        account = Account(boto3.Session(**session("us-east-1")), "prod", server.ready(), known_to_ministack)
        # What an account has before us; a release is what the commands bring.
        account.own = {name: value for name, value in prepare(account).items() if name not in FROM_DRIVER or name == "CloudFrontPrefixList"}
        typist = Operator(account, folder)
        typist.types(
            f"deploy prod {typist.given} --binary {typist.binary('the first')} --database-ca {folder}/rds.pem --notifier {folder}/notifier.zip"
            f" --web {folder}/web"
        )
        for color in ("Blue", "Green"):
            serve(account, color)
        yield typist


def serve(account: Account, color: str, number: int = 2) -> None:
    """Instances of a colour serve: the emulator starts none, so these stand for them."""
    targets = [{"Id": f"i-0{color.lower()}{one}", "Port": 9090} for one in range(number)]
    account.client("elbv2").register_targets(TargetGroupArn=account.outputs("40-app")[f"{color}TargetsArn"], Targets=targets)


def fall_silent(account: Account, color: str, number: int = 2) -> None:
    targets = [{"Id": f"i-0{color.lower()}{one}"} for one in range(number)]
    account.client("elbv2").deregister_targets(TargetGroupArn=account.outputs("40-app")[f"{color}TargetsArn"], Targets=targets)


def parameter(account: Account, name: str) -> str:
    described = account.described("40-app")
    assert described
    return next(item["ParameterValue"] for item in described["Parameters"] if item["ParameterKey"] == name)
