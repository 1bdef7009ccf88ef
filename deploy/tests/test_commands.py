"""roomm8ctl as an operator types it."""

from __future__ import annotations

import re
import subprocess

import pytest

from cloud.template import DEPLOY


def roomm8ctl(*words: str, typed: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run([DEPLOY / "roomm8ctl", *words], capture_output=True, text=True, input=typed, check=False, timeout=60)


def test_help_names_every_command() -> None:
    told = roomm8ctl("--help").stdout
    for command in ("validate", "deploy", "diff", "bluegreen", "rotate", "drill", "emulate", "destroy", "measure", "image", "costs"):
        assert command in told


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("deploy", "production"), "there is no environment production; there are dr, lean, prod, staging"),
        (("deploy", "prod", "--until", "30"), "there is no stack 30; there are 10-network"),
        (("deploy", "prod", "--set", "DbSnapshot"), "--set takes NAME=VALUE"),
        (("deploy", "prod"), "params/prod.json still has examples: OperatorEmail, WebDomain,"),
        (("bluegreen", "prod"), "bluegreen takes --binary or --back"),
        (("measure", "--binary", "nothing-here"), "there is no nothing-here"),
        (("image", "--binary", "nothing-here"), "there is no nothing-here"),
    ],
)
def test_what_cannot_be_is_said_in_a_sentence(words: tuple[str, ...], said: str) -> None:
    done = roomm8ctl(*words)
    assert done.returncode != 0
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_nothing_is_destroyed_by_a_yes() -> None:
    done = roomm8ctl("destroy", "prod", typed="yes\n")
    assert done.returncode == 1
    assert "nothing was deleted" in done.stderr


def test_costs_are_printed() -> None:
    assert "| **Together** |" in roomm8ctl("costs").stdout


def test_emulate_says_what_was_made_and_what_no_emulator_has() -> None:
    done = roomm8ctl("emulate")
    assert done.returncode == 0, done.stderr
    assert re.search(r"^1\d\d of 1\d\d resources in \d+\.\d s$", done.stdout, re.MULTILINE)
    assert "no emulator has 60-observe.Budget, AWS::Budgets::Budget" in done.stdout
