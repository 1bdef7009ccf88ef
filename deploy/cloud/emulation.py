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

from cloud.stacks import CAPABILITIES, PREFIX_LIST, Account, cloudfront_prefix_list, stack_names, update
from cloud.template import FROM_DRIVER, LETTERS, TEMPLATES, environment, parse

# Types that MiniStack does not know. It refuses a template that has one, and names them: so the list is exact.
NOT_IN_MINISTACK = {
    "AWS::Backup::BackupSelection",
    "AWS::Budgets::Budget",
    "AWS::CloudWatch::CompositeAlarm",
    "AWS::EC2::EIP",
    "AWS::EC2::FlowLog",
    "AWS::EC2::NatGateway",
    "AWS::EC2::SecurityGroupEgress",
    "AWS::EC2::SecurityGroupIngress",
    "AWS::SecretsManager::RotationSchedule",
    "AWS::WAFv2::LoggingConfiguration",
    "AWS::WAFv2::WebACLAssociation",
}
# Of those, what moto does not know either: no emulator shows anything of it. moto leaves it out without a word.
NOWHERE = {
    "AWS::Backup::BackupSelection",
    "AWS::Budgets::Budget",
    "AWS::CloudWatch::CompositeAlarm",
    "AWS::SecretsManager::RotationSchedule",
    "AWS::WAFv2::LoggingConfiguration",
    "AWS::WAFv2::WebACLAssociation",
}
# Attributes that MiniStack's resources do not have; an output of one is left out.
MISSING_ATTRIBUTES = ("DkimDNSToken",)
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


def named_in(value: Any) -> set[str]:
    """The names that a value refers to, by Ref, GetAtt, Sub or DependsOn."""
    found: set[str] = set()
    if isinstance(value, list):
        for item in value:
            found |= named_in(item)
    elif isinstance(value, dict):
        for key, item in value.items():
            if key == "Ref":
                found.add(item)
            elif key == "Fn::GetAtt":
                found.add(item[0])
            elif key == "Fn::Sub":
                text, own = item if isinstance(item, list) else (item, {})
                found |= {part.split("}")[0].split(".")[0] for part in text.split("${")[1:]} | named_in(own)
            elif key == "DependsOn":
                found |= {item} if isinstance(item, str) else set(item)
            else:
                found |= named_in(item)
    return found


def without(value: Any, gone: set[str]) -> Any:
    """A value in which a word stands for each reference to what is gone."""
    if isinstance(value, list):
        return [without(item, gone) for item in value]
    if not isinstance(value, dict):
        return value
    if len(value) == 1:
        ((key, item),) = value.items()
        if key == "Ref" and item in gone:
            return f"no-{item}"
        if key == "Fn::GetAtt" and item[0] in gone:
            return f"no-{item[0]}"
        if key == "Fn::Sub" and isinstance(item, str):
            for name in gone:
                item = item.replace(f"${{{name}}}", f"no-{name}").replace(f"${{{name}.", f"no-{name}.${{!")
            return {key: item}
    return {key: without(item, gone) for key, item in value.items()}


def keep(template: dict[str, Any], names: set[str]) -> dict[str, Any]:
    """The template with these resources only."""
    gone = set(template["Resources"]) - names
    kept = {}
    for name in sorted(names):
        resource = dict(template["Resources"][name])
        after = resource.pop("DependsOn", [])
        after = [other for other in ([after] if isinstance(after, str) else after) if other in names]
        kept[name] = without(resource, gone) | ({"DependsOn": after} if after else {})
    outputs = {
        name: about
        for name, about in template.get("Outputs", {}).items()
        if not named_in(about) & gone and not any(attribute in json.dumps(about) for attribute in MISSING_ATTRIBUTES)
    }
    return {key: item for key, item in template.items() if key != "Transform"} | {"Resources": kept, "Outputs": outputs}


def of_one_metric(alarm: dict[str, Any]) -> dict[str, Any]:
    """An alarm on the first of the metrics that it reckons with: MiniStack has no metric math."""
    properties = dict(alarm["Properties"])
    first = properties.pop("Metrics")[0]["MetricStat"]
    return alarm | {"Properties": properties | first["Metric"] | {"Statistic": first["Stat"], "Period": first["Period"]}}


def known_to_ministack(_stack: str, text: str) -> str:
    """The template without what MiniStack does not know."""
    template = parse(text)
    for name, about in template["Resources"].items():
        if about["Type"] == "AWS::CloudWatch::Alarm" and "Metrics" in about["Properties"]:
            template["Resources"][name] = of_one_metric(about)
    return json.dumps(keep(template, {name for name, about in template["Resources"].items() if about["Type"] not in NOT_IN_MINISTACK}))


def left_to_moto(text: str) -> dict[str, Any] | None:
    """What MiniStack does not know, with what that refers to; None if that is nothing."""
    template = parse(text)
    resources = template["Resources"]
    wanted = {name for name, about in resources.items() if about["Type"] in NOT_IN_MINISTACK - NOWHERE}
    todo = list(wanted)
    while todo:
        for name in named_in(resources[todo.pop()]) & set(resources) - wanted:
            wanted.add(name)
            todo.append(name)
    return keep(template, wanted) if wanted else None


@dataclass
class Emulation:
    """What came of it."""

    account: Account
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
        nowhere: dict[str, str] = {}
        for stack in stack_names():
            text = (TEMPLATES / f"{stack}.yml").read_text()
            for resource in rest_on_moto(beside, stack, text, account):
                made[stack].setdefault(resource, "moto")
            conditions = undone(parse(text), name)
            nowhere |= {
                f"{stack}.{resource}": about["Type"]
                for resource, about in parse(text)["Resources"].items()
                if resource not in made[stack] and about.get("Condition") not in conditions
            }
        seconds = time.monotonic() - started
        yield Emulation(account, seconds, made, nowhere)


def undone(template: dict[str, Any], name: str) -> set[str]:
    """The conditions of a template that do not hold in an environment."""
    from cloud.template import _Stack  # the same resolution as the checks use

    values = {key: about.get("Default", "") for key, about in template.get("Parameters", {}).items()}
    values |= environment(name)["parameters"] | {"AWS::Region": environment(name)["region"]}
    resolution = _Stack("", template, values)
    return {condition for condition in template.get("Conditions", {}) if not resolution.condition(condition)}


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
    return {item["LogicalResourceId"] for item in resources if item.get("PhysicalResourceId")} & wanted
