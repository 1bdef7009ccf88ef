"""Stacks, one after the other: the outputs of those before are the parameters of those that follow."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from botocore.exceptions import ClientError, WaiterError

from cloud.template import TEMPLATES, environment, parse

# What holds what people wrote: deleting one of these asks for more than a command.
PROTECTED = ("20-data",)
CAPABILITIES = ["CAPABILITY_IAM", "CAPABILITY_NAMED_IAM", "CAPABILITY_AUTO_EXPAND"]
NEWEST_IMAGE = "/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-x86_64"
PREFIX_LIST = "com.amazonaws.global.cloudfront.origin-facing"

# A template's text as it goes to CloudFormation: emulators get one without what they do not know.
Projection = Callable[[str, str], str]


class Refused(Exception):
    """Something the operator has to know; the message is a sentence for them."""


def stack_names() -> list[str]:
    """All stacks, in the order in which they are made."""
    return sorted(path.stem for path in TEMPLATES.glob("*.yml"))


@dataclass
class Account:
    """An AWS account and region, or an emulator of one."""

    session: Any
    environment: str
    endpoint: str | None = None
    project: Projection = lambda _stack, text: text
    # What stands for an output whose resource an emulator does not have.
    stand_ins: dict[str, str] = field(default_factory=dict)
    # What is otherwise here than the environment's file says.
    own: dict[str, str] = field(default_factory=dict)
    say: Callable[[str], None] = print
    clients: dict[str, Any] = field(default_factory=dict)

    def client(self, service: str) -> Any:
        # Making one reads megabytes of descriptions.
        if service not in self.clients:
            self.clients[service] = self.session.client(service, endpoint_url=self.endpoint)
        return self.clients[service]

    def full_name(self, stack: str) -> str:
        return f"roomm8-{self.environment}-{stack}"

    def described(self, stack: str) -> dict[str, Any] | None:
        """The stack as it is, or None where there is none that was ever made."""
        try:
            stacks = self.client("cloudformation").describe_stacks(StackName=self.full_name(stack))["Stacks"]
        except ClientError as error:
            if "does not exist" in str(error):
                return None
            raise
        return stacks[0] if stacks and stacks[0]["StackStatus"] not in ("REVIEW_IN_PROGRESS", "DELETE_COMPLETE") else None

    def outputs(self, stack: str) -> dict[str, str]:
        described = self.described(stack)
        return {item["OutputKey"]: item["OutputValue"] for item in (described or {}).get("Outputs", [])}

    def outputs_of(self, stack: str) -> dict[str, str]:
        """The outputs of a stack that must be there."""
        if self.described(stack) is None:
            raise Refused(f"{self.full_name(stack)} is not deployed; deploy {self.environment} first")
        return self.outputs(stack)


def cloudfront_prefix_list(account: Account) -> str:
    """The prefix list of CloudFront's addresses, whose id is another in every region."""
    lists = account.client("ec2").describe_managed_prefix_lists(Filters=[{"Name": "prefix-list-name", "Values": [PREFIX_LIST]}])
    if not lists["PrefixLists"]:
        raise Refused(f"this region has no prefix list {PREFIX_LIST}")
    return lists["PrefixLists"][0]["PrefixListId"]


def newest_image(account: Account) -> str:
    """Amazon Linux as it is today in this region."""
    return account.client("ssm").get_parameter(Name=NEWEST_IMAGE)["Parameter"]["Value"]


def have_service_role(account: Account) -> None:
    """The role by which Auto Scaling acts; the key's policy names it, and an account that never scaled has none."""
    try:
        account.client("iam").create_service_linked_role(AWSServiceName="autoscaling.amazonaws.com")
    except ClientError as error:
        # It is there already.
        if error.response["Error"]["Code"] not in ("InvalidInput", "EntityAlreadyExists"):
            raise


def clear_away(account: Account, stack: str) -> None:
    """Delete a stack that could not be made: nothing is in it, and it can neither be updated nor made again."""
    described = account.described(stack)
    if described and described["StackStatus"] == "ROLLBACK_COMPLETE":
        formation = account.client("cloudformation")
        formation.delete_stack(StackName=account.full_name(stack))
        formation.get_waiter("stack_delete_complete").wait(StackName=account.full_name(stack))


def parameters(
    account: Account, stack: str, template: dict[str, Any], given: dict[str, str], kept: frozenset[str] = frozenset()
) -> list[dict[str, Any]]:
    """
    A value for each parameter: what was given, else of the environment's file, else an earlier stack's output, else as it was.
    What is to be kept is as it was, whatever the file says.
    """
    known: dict[str, str] = dict(account.stand_ins)
    for earlier in stack_names():
        if earlier < stack:
            known |= account.outputs(earlier)
    known |= environment(account.environment)["parameters"] | account.own | given
    before = {item["ParameterKey"] for item in (account.described(stack) or {}).get("Parameters", [])}
    chosen: list[dict[str, Any]] = []
    missing = []
    for name, about in template.get("Parameters", {}).items():
        if name in kept & before - set(given):
            chosen.append({"ParameterKey": name, "UsePreviousValue": True})
        elif name in known:
            chosen.append({"ParameterKey": name, "ParameterValue": str(known[name])})
        elif name in before:
            chosen.append({"ParameterKey": name, "UsePreviousValue": True})
        elif "Default" not in about:
            missing.append(name)
    if missing:
        raise Refused(
            f"{stack} needs {', '.join(missing)}: neither params/{account.environment}.json nor an earlier stack has it"
            + (" (give a release: --binary)" if any("Release" in name for name in missing) else "")
        )
    return chosen


@dataclass
class ChangeSet:
    """What CloudFormation would do to a stack."""

    name: str
    stack: str
    kind: str
    changes: list[dict[str, Any]]

    def lines(self) -> Iterator[str]:
        for change in self.changes:
            about = change["ResourceChange"]
            replaced = " (replaced)" if about.get("Replacement") == "True" else ""
            yield f"  {about['Action'].lower():7}{about['LogicalResourceId']} {about['ResourceType']}{replaced}"

    def replaces(self, types: tuple[str, ...]) -> list[str]:
        """Resources of these types that would be lost."""
        return [
            about["LogicalResourceId"]
            for about in (change["ResourceChange"] for change in self.changes)
            if about["ResourceType"] in types and (about["Action"] == "Remove" or about.get("Replacement") == "True")
        ]


KEEPS_DATA = ("AWS::RDS::DBInstance", "AWS::KMS::Key", "AWS::S3::Bucket", "AWS::SecretsManager::Secret", "AWS::Backup::BackupVault")


def change_set(account: Account, stack: str, given: dict[str, str], kept: frozenset[str] = frozenset()) -> ChangeSet | None:
    """The changes that a deployment would make; None if there are none."""
    formation = account.client("cloudformation")
    text = (TEMPLATES / f"{stack}.yml").read_text()
    kind = "UPDATE" if account.described(stack) else "CREATE"
    name = f"roomm8-{time.time_ns()}"
    formation.create_change_set(
        StackName=account.full_name(stack),
        ChangeSetName=name,
        ChangeSetType=kind,
        TemplateBody=account.project(stack, text),
        Parameters=parameters(account, stack, parse(text), given, kept),
        Capabilities=CAPABILITIES,
        Tags=[{"Key": "Environment", "Value": account.environment}, {"Key": "Application", "Value": "roomm8"}],
    )
    waited_for = {"StackName": account.full_name(stack), "ChangeSetName": name}
    try:
        formation.get_waiter("change_set_create_complete").wait(**waited_for, WaiterConfig={"Delay": 2, "MaxAttempts": 150})
    except WaiterError as error:
        reason = formation.describe_change_set(**waited_for).get("StatusReason", "")
        formation.delete_change_set(**waited_for)
        if "didn't contain changes" in reason or "No updates are to be performed" in reason:
            return None
        raise Refused(f"{stack}: no change set could be made: {reason or error}") from error
    changes: list[dict[str, Any]] = []
    for page in formation.get_paginator("describe_change_set").paginate(**waited_for):
        changes += page.get("Changes", [])
    return ChangeSet(name, stack, kind, changes)


def execute(account: Account, changes: ChangeSet) -> None:
    """Carry out a change set and wait for its end."""
    formation = account.client("cloudformation")
    full_name = account.full_name(changes.stack)
    formation.execute_change_set(StackName=full_name, ChangeSetName=changes.name)
    waiter = "stack_create_complete" if changes.kind == "CREATE" else "stack_update_complete"
    delay = 1 if account.endpoint else 10
    try:
        formation.get_waiter(waiter).wait(StackName=full_name, WaiterConfig={"Delay": delay, "MaxAttempts": 720})
    except WaiterError as error:
        reasons = [
            f"{event['LogicalResourceId']}: {event.get('ResourceStatusReason', '')}"
            for event in formation.describe_stack_events(StackName=full_name)["StackEvents"]
            if event["ResourceStatus"].endswith("FAILED")
        ]
        raise Refused(f"{changes.stack} failed and was rolled back. " + "; ".join(reversed(reasons))) from error
    if changes.stack in PROTECTED:
        formation.update_termination_protection(StackName=full_name, EnableTerminationProtection=True)


def update(account: Account, stack: str, given: dict[str, str], kept: frozenset[str] = frozenset()) -> bool:
    """Bring one stack to its template; says whether anything changed."""
    clear_away(account, stack)
    changes = change_set(account, stack, given, kept)
    if changes is None:
        account.say(f"{stack}: nothing to change")
        return False
    lost = changes.replaces(KEEPS_DATA)
    if lost:
        account.client("cloudformation").delete_change_set(StackName=account.full_name(stack), ChangeSetName=changes.name)
        raise Refused(f"{stack}: this would replace or remove {', '.join(lost)}, which keep data; do that by hand if you mean it")
    account.say(f"{stack}: {changes.kind.lower()}, {len(changes.changes)} changes")
    execute(account, changes)
    return True


def diff(account: Account, given: dict[str, str]) -> None:
    """Say what a deployment would change, and change nothing."""
    for stack in stack_names():
        try:
            changes = change_set(account, stack, given)
        except Refused as refused:
            account.say(f"{stack}: {refused}")
            continue
        account.say(f"{stack}: " + (f"{changes.kind.lower()}" if changes else "no changes"))
        if changes:
            for line in changes.lines():
                account.say(line)
            formation = account.client("cloudformation")
            formation.delete_change_set(StackName=account.full_name(stack), ChangeSetName=changes.name)
            if changes.kind == "CREATE":
                # A change set for a stack that is not there leaves an empty one behind.
                formation.delete_stack(StackName=account.full_name(stack))


def lift_protection(account: Account, stack: str) -> None:
    """Let what refuses to be deleted go: asking was done before."""
    formation = account.client("cloudformation")
    formation.update_termination_protection(StackName=account.full_name(stack), EnableTerminationProtection=False)
    for resource in formation.describe_stack_resources(StackName=account.full_name(stack))["StackResources"]:
        name = resource.get("PhysicalResourceId")
        if resource["ResourceType"] == "AWS::RDS::DBInstance":
            account.client("rds").modify_db_instance(DBInstanceIdentifier=name, DeletionProtection=False, ApplyImmediately=True)
        if resource["ResourceType"] == "AWS::ElasticLoadBalancingV2::LoadBalancer":
            account.client("elbv2").modify_load_balancer_attributes(
                LoadBalancerArn=name, Attributes=[{"Key": "deletion_protection.enabled", "Value": "false"}]
            )


def destroy(account: Account, *, with_data: bool) -> None:
    """Delete the stacks, last first; the data only if that was asked for too."""
    formation = account.client("cloudformation")
    for stack in reversed(stack_names()):
        if account.described(stack) is None:
            continue
        if stack in PROTECTED and not with_data:
            account.say(f"{stack} and what it stands on stay: --with-data deletes them too")
            return
        account.say(f"{stack}: delete")
        lift_protection(account, stack)
        formation.delete_stack(StackName=account.full_name(stack))
        formation.get_waiter("stack_delete_complete").wait(
            StackName=account.full_name(stack), WaiterConfig={"Delay": 1 if account.endpoint else 10, "MaxAttempts": 720}
        )
