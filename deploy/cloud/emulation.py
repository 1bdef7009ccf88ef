"""All stacks on this machine: MiniStack makes what it knows, moto what MiniStack does not, and the rest is a list."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
from botocore.exceptions import ClientError

from cloud.projection import NOT_IN_MINISTACK, known_to_ministack, left_to_moto
from cloud.stacks import CAPABILITIES, PREFIX_LIST, Account, cloudfront_prefix_list, stack_names, update
from cloud.template import FROM_DRIVER, LETTERS, TEMPLATES, environment, files, parse, resolve

DUMMY = {
    "AWS_ACCESS_KEY_ID": "test",
    "AWS_SECRET_ACCESS_KEY": "test",
    "AWS_EC2_METADATA_DISABLED": "true",
}


def free_port() -> int:
    """A port that nobody listens on now."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


class Server:
    """A server of our own: started at once, waited for when its address is asked, gone at the end."""

    def __init__(self, command: list[str], settings: dict[str, str], port: int, health: str):
        self.address = f"http://127.0.0.1:{port}"
        self.health = self.address + health
        self.folder = tempfile.TemporaryDirectory(prefix="roomm8-emulation-")
        self.log = Path(self.folder.name) / "log"
        program = str(Path(sys.executable).parent / command[0])
        with self.log.open("w") as log:
            self.process = subprocess.Popen(
                [program, *command[1:]], env={**os.environ, **DUMMY, **settings}, cwd=self.folder.name, stdout=log, stderr=subprocess.STDOUT
            )

    def ready(self) -> str:
        deadline = time.monotonic() + 30
        while True:
            try:
                urllib.request.urlopen(self.health, timeout=1).close()
                return self.address
            except urllib.error.HTTPError:
                return self.address
            except OSError as error:
                if self.process.poll() is not None or time.monotonic() > deadline:
                    raise RuntimeError(f"{self.process.args} did not start: {self.log.read_text()[-2000:]}") from error
                time.sleep(0.05)

    def __enter__(self) -> Server:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.terminate()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.folder.cleanup()


def ministack() -> Server:
    port = free_port()
    settings = {"BIND_HOST": "127.0.0.1", "GATEWAY_PORT": str(port), "LAMBDA_EXECUTOR": "local"}
    return Server(["ministack"], settings, port, "/_ministack/health")


def moto() -> Server:
    port = free_port()
    return Server(["moto_server", "-H", "127.0.0.1", "-p", str(port)], {}, port, "/moto-api/")


@dataclass
class Emulation:
    """What came of it."""

    account: Account
    """On MiniStack."""
    beside: Account
    """On moto."""
    seconds: float
    made: dict[str, dict[str, str]]
    """By stack: the resources that an emulator made, and which one did."""
    nowhere: dict[str, str]
    """`stack.Name` of each resource that none did, and its type."""

    @property
    def total(self) -> int:
        return sum(map(len, self.made.values())) + len(self.nowhere)


def session(region: str) -> dict[str, str]:
    """Credentials that open nothing."""
    return {"aws_access_key_id": "test", "aws_secret_access_key": "test", "region_name": region}


def wake(server: Server, account: Account) -> None:
    """Have a server read what it needs."""
    server.ready()
    account.client("cloudformation").describe_stacks()
    account.client("ec2").describe_vpcs()


def prepare(account: Account) -> dict[str, str]:
    """What an account has before us: a hosted zone, CloudFront's prefix list, a release."""
    zone = account.client("route53").create_hosted_zone(Name="roomm8.example", CallerReference="emulation")
    ec2 = account.client("ec2")
    if not ec2.describe_managed_prefix_lists(Filters=[{"Name": "prefix-list-name", "Values": [PREFIX_LIST]}])["PrefixLists"]:
        ec2.create_managed_prefix_list(PrefixListName=PREFIX_LIST, MaxEntries=10, AddressFamily="IPv4")
    return FROM_DRIVER | {
        "HostedZoneId": zone["HostedZone"]["Id"].removeprefix("/hostedzone/"),
        "CloudFrontPrefixList": cloudfront_prefix_list(account),
    }


def refused_types(account: Account) -> set[str]:
    """The types that MiniStack names when it is given our templates whole."""
    formation = account.client("cloudformation")
    named: set[str] = set()
    for stack in stack_names():
        template = parse((TEMPLATES / f"{stack}.yml").read_text())
        template.pop("Transform", None)
        try:
            formation.validate_template(TemplateBody=json.dumps(template))
            formation.create_stack(
                StackName=f"whole-{stack}", TemplateBody=json.dumps(template), Capabilities=CAPABILITIES, OnFailure="DELETE"
            )
        except ClientError as error:
            if "Unrecognized resource types" in str(error):
                named |= set(str(error).split("[", 1)[1].split("]")[0].split(", "))
    return named


@contextmanager
def emulate(name: str = "prod", say: Any = print) -> Iterator[Emulation]:
    """All stacks of an environment on emulators, deployed by the same code as in the cloud."""
    started = time.monotonic()
    region = environment(name)["region"]
    with moto() as other, ministack() as main:
        # One session, as it reads megabytes of descriptions; and clients made here, as it is not to be shared by threads.
        boto = boto3.Session(**session(region))
        beside = Account(boto, name, other.address, say=say)
        beside.client("cloudformation"), beside.client("ec2")
        # moto reads most of itself at the first question, which it may do while the other works.
        woken = threading.Thread(target=wake, args=(other, beside))
        woken.start()
        first = main.ready()
        stand_ins = {} if (TEMPLATES / "30-notify.yml").exists() else LETTERS
        account = Account(boto, name, first, known_to_ministack, dict(stand_ins), say=say)
        account.own = prepare(account)
        made: dict[str, dict[str, str]] = {}
        for stack in stack_names():
            update(account, stack, {})
            made[stack] = {
                item["LogicalResourceId"]: "MiniStack"
                for item in account.client("cloudformation").describe_stack_resources(StackName=account.full_name(stack))["StackResources"]
                if item["ResourceStatus"] in ("CREATE_COMPLETE", "UPDATE_COMPLETE")
            }
        woken.join()
        for stack in stack_names():
            text = (TEMPLATES / f"{stack}.yml").read_text()
            for resource in rest_on_moto(beside, stack, text, account):
                made[stack].setdefault(resource, "moto")
        there = resolve(name, files()).resources
        nowhere = {resource.id: resource.type for resource in there if resource.name not in made[resource.stack]}
        seconds = time.monotonic() - started
        yield Emulation(account, beside, seconds, made, nowhere)


def rest_on_moto(beside: Account, stack: str, text: str, first: Account) -> set[str]:
    """The resources that moto made of those MiniStack does not know."""
    template = left_to_moto(text)
    if template is None:
        return set()
    known = first.stand_ins | environment(first.environment)["parameters"] | first.own
    for other in stack_names():
        known |= first.outputs(other)
    # moto asks whether these exist, and they do on the other side only.
    if "VpcId" in template["Parameters"]:
        known["VpcId"] = beside.client("ec2").describe_vpcs()["Vpcs"][0]["VpcId"]
    chosen = [{"ParameterKey": key, "ParameterValue": str(known[key])} for key in template["Parameters"] if key in known]
    formation = beside.client("cloudformation")
    full_name = beside.full_name(stack)
    formation.create_stack(StackName=full_name, TemplateBody=json.dumps(template), Parameters=chosen, Capabilities=CAPABILITIES)
    resources = formation.describe_stack_resources(StackName=full_name)["StackResources"]
    wanted = {name for name, about in template["Resources"].items() if about["Type"] in NOT_IN_MINISTACK}
    # What moto left out it lists without a name.
    return {item["LogicalResourceId"] for item in resources if "LogicalResourceId" in item} & wanted
