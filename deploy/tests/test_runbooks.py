"""What README and runbooks tell to type exists: commands of AWS's with their options, and ours."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator

import botocore.session
import pytest
from botocore.exceptions import UnknownServiceError
from typist import roomm8ctl

from cloud.template import DEPLOY

PAGES = ["README.md", *sorted(f"runbooks/{path.name}" for path in (DEPLOY / "runbooks").glob("*.md"))]
# Every command takes these.
ALWAYS = {"query", "output", "region", "profile", "no-cli-pager", "max-items"}
# What the command line has beside the service's own calls.
OF_THE_COMMAND_LINE = {("logs", "tail"): {"since", "filter-pattern", "follow"}, ("s3", "cp"): {"only-show-errors"}}
# What a description does not say, and the service refuses.
GO_TOGETHER = {("rds", "describe-events", "source-identifier"): "source-type"}

SESSION = botocore.session.get_session()


def code(page: str) -> Iterator[tuple[str, bool]]:
    """Each block of commands, and each command within a sentence; whether it is meant to be typed as it stands."""
    blocks = re.findall(r"^```sh\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    yield from ((block, True) for block in blocks)
    yield from ((span, False) for span in re.findall(r"`([^`\n]+)`", re.sub(r"^```.*?^```$", "", page, flags=re.MULTILINE | re.DOTALL)))


def commands(text: str) -> Iterator[tuple[list[str], set[str]]]:
    """The words and the options of each command of AWS's in a text."""
    text = text.replace("\\\n", " ")
    # What is quoted holds no option of the command.
    text = re.sub(r"'[^']*'|\"[^\"$]*(?:\$\([^)]*\)[^\"$]*|\$[^\"]*)*\"", "QUOTED", text)
    for found in re.finditer(r"\baws ([a-z0-9-]+(?: [a-z][a-z0-9-]*){1,2})([^\n;|&)]*)", text):
        yield found[1].split(), set(re.findall(r"(?<=\s)--([a-z][a-z0-9-]*)", found[2]))


def members(service: str, operation: str) -> tuple[set[str], set[str]] | None:
    """The options that a call takes, and those that it must be given."""
    model = SESSION.get_service_model(service)
    for name in model.operation_names:
        if botocore.xform_name(name, "-") == operation:
            shape = model.operation_model(name).input_shape
            options = {botocore.xform_name(member, "-"): about for member, about in (shape.members if shape else {}).items()}
            switches = {f"no-{option}" for option, about in options.items() if about.type_name == "boolean"}
            return {*options, *switches}, {botocore.xform_name(member, "-") for member in (shape.required_members if shape else [])}
    return None


def wrong(text: str, *, is_whole: bool) -> Iterator[str]:
    """What no command of AWS's would take."""
    for words, options in commands(text):
        service, operation = words[:2]
        if (service, operation) in OF_THE_COMMAND_LINE:
            yield from (
                f"{service} {operation} takes no --{option}" for option in options - OF_THE_COMMAND_LINE[service, operation] - ALWAYS
            )
            continue
        try:
            if operation == "wait":
                waiters = SESSION.get_waiter_model(service)
                names = {botocore.xform_name(name, "-"): waiters.get_waiter(name).operation for name in waiters.waiter_names}
                if len(words) < 3 or words[2] not in names:
                    yield f"{service} waits for no {' '.join(words[2:])}"
                    continue
                operation = botocore.xform_name(names[words[2]], "-")
            found = members(service, operation)
        except UnknownServiceError:
            yield f"there is no service {service}"
            continue
        if found is None:
            yield f"{service} has no {operation}"
            continue
        takes, needs = found
        switched = {option.removeprefix("no-") for option in options} | options
        yield from (f"{service} {operation} takes no --{option}" for option in sorted(options - takes - ALWAYS))
        if is_whole:
            yield from (f"{service} {operation} needs --{option}" for option in sorted(needs - switched))
        for (of, call, option), other in GO_TOGETHER.items():
            if (service, operation) == (of, call) and option in options and other not in options:
                yield f"{service} {operation} takes --{option} with --{other} only"


@pytest.mark.parametrize("page", PAGES)
def test_commands_of_aws_exist_with_their_options(page: str) -> None:
    text = (DEPLOY / page).read_text()
    assert [problem for part, is_whole in code(text) for problem in wrong(part, is_whole=is_whole)] == []


def test_there_are_commands_to_look_at() -> None:
    found = [words for page in PAGES for part, _ in code((DEPLOY / page).read_text()) for words, _ in commands(part)]
    assert len(found) > 50
    assert {"rds", "ssm", "autoscaling", "elasticache", "secretsmanager"} <= {words[0] for words in found}


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("aws rdz describe-events", "there is no service rdz"),
        ("aws rds describe-event", "rds has no describe-event"),
        ("aws rds describe-events --source-id x", "rds describe-events takes no --source-id"),
        ("aws rds describe-events --source-identifier x", "rds describe-events takes --source-identifier with --source-type only"),
        ("x=$(aws rds reboot-db-instance --force-failover)", "rds reboot-db-instance needs --db-instance-identifier"),
        ("aws elasticache wait cache-available", "elasticache waits for no cache-available"),
        ("aws rds wait db-instance-available \\\n  --name x", "rds describe-db-instances takes no --name"),
        ("aws logs tail /x --until 1h", "logs tail takes no --until"),
    ],
)
def test_a_command_that_is_not_there_is_found(text: str, problem: str) -> None:
    assert list(wrong(text, is_whole=True)) == [problem]


@pytest.mark.parametrize("page", PAGES)
def test_commands_of_ours_are_understood(page: str, monkeypatch: pytest.MonkeyPatch) -> None:
    text = (DEPLOY / page).read_text()
    for part, is_whole in code(text):
        part = re.sub(r"\$\([^)]*\)", "something", part.replace("\\\n", " "))
        for line in re.findall(r"deploy/roomm8ctl ([^\n#|]+)", part) if is_whole else []:
            monkeypatch.setattr("sys.argv", ["roomm8ctl", *shlex.split(line)])
            roomm8ctl().arguments()
