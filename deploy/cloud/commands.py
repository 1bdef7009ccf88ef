"""What each command of roomm8ctl does, as a list of steps."""

from __future__ import annotations

import argparse
import re
import sys

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from cloud import bluegreen, costs, emulation, operate, program, release, stacks, validate
from cloud.stacks import Account, Refused
from cloud.template import environment

# Names, accounts and zones that are nobody's.
EXAMPLE = re.compile(r"\.example$|EXAMPLE|:000000000000:")


def account(given: argparse.Namespace) -> Account:
    """The account that credentials lead to, in the environment's region."""
    session = boto3.Session(profile_name=given.profile, region_name=environment(given.environment)["region"])
    return Account(session, given.environment)


def run(given: argparse.Namespace) -> None:
    """Carry out one command."""
    try:
        COMMANDS[given.command](given)
    except (ClientError, BotoCoreError) as error:
        raise Refused(f"AWS refused: {error}") from error


def check(_given: argparse.Namespace) -> None:
    wrong = list(validate.validate())
    for line in wrong:
        print(line, file=sys.stderr)
    if wrong:
        raise Refused(f"{len(wrong)} things are wrong")


def assignments(given: argparse.Namespace) -> dict[str, str]:
    pairs = [item.partition("=") for item in given.set]
    if any(not separator for _, separator, _ in pairs):
        raise Refused("--set takes NAME=VALUE")
    return {name: value for name, _, value in pairs}


def database_ca(given: argparse.Namespace) -> bytes:
    return given.database_ca.read_bytes() if given.database_ca else release.authorities(environment(given.environment)["region"])


def looked_up(there: Account, values: dict[str, str]) -> dict[str, str]:
    """What an operator gives, and what the account knows."""
    known = {
        "CloudFrontPrefixList": stacks.cloudfront_prefix_list(there),
        "ImageId": stacks.newest_image(there),
        "InstancesInService": bluegreen.kept_in_service(there, values),
    }
    return known | values


def deploy(given: argparse.Namespace) -> None:
    there = account(given)
    values = assignments(given)
    if given.until not in (None, *stacks.stack_names()):
        raise Refused(f"there is no stack {given.until}; there are {', '.join(stacks.stack_names())}")
    # No account has these; AWS would say so late, and one after the other.
    examples = [
        name for name, value in environment(given.environment)["parameters"].items() if EXAMPLE.search(value) and name not in values
    ]
    if examples:
        raise Refused(f"params/{given.environment}.json still has examples: {', '.join(examples)}")
    if given.binary:
        program.check_that_hosts_run(given.binary)
    if given.notifier:
        release.check_the_notifier(given.notifier)
    values = looked_up(there, values)
    stacks.have_service_role(there)
    for stack in stacks.stack_names():
        # The bucket of releases is there after the stack of data.
        if stack == "30-notify" and given.notifier:
            values["NotifierKey"] = release.upload_notifier(there, given.notifier)
        if stack == "40-app" and given.binary:
            values |= release.for_the_active_colour(there, given.binary, database_ca(given))
        stacks.update(there, stack, values)
        if stack == given.until:
            return
    if given.web:
        release.upload_site(there, given.web)


def diff(given: argparse.Namespace) -> None:
    there = account(given)
    stacks.diff(there, looked_up(there, assignments(given)))


def colours(given: argparse.Namespace) -> None:
    there = account(given)
    if given.back:
        bluegreen.go_back(there)
    elif given.binary:
        program.check_that_hosts_run(given.binary)
        bluegreen.release(there, release.upload_release(there, given.binary, database_ca(given)), bake=given.bake)
    else:
        raise Refused("bluegreen takes --binary or --back")


def destroy(given: argparse.Namespace) -> None:
    word = f"destroy {given.environment}"
    if input(f"Type '{word}' to delete it{' and its data' if given.with_data else ''}: ") != word:
        raise Refused("nothing was deleted")
    stacks.destroy(account(given), with_data=given.with_data)


def emulate(given: argparse.Namespace) -> None:
    with emulation.emulate(given.environment) as shown:
        made = sum(map(len, shown.made.values()))
        print(f"{made} of {shown.total} resources in {shown.seconds:.1f} s")
        for name, kind in sorted(shown.nowhere.items()):
            print(f"  no emulator has {name}, {kind}")


def table(given: argparse.Namespace) -> None:
    if given.write:
        costs.write()
    else:
        print(costs.table())


COMMANDS = {
    "validate": check,
    "deploy": deploy,
    "diff": diff,
    "bluegreen": colours,
    "rotate": lambda given: operate.rotate(account(given), given.secret),
    "drill": lambda given: operate.drill(account(given)),
    "destroy": destroy,
    "emulate": emulate,
    "measure": lambda given: program.measure(given.binary, given.database, given.starts),
    "image": lambda given: program.image(given.binary, given.tag),
    "costs": table,
}
