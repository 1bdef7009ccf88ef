"""roomm8ctl as an operator types it."""

from __future__ import annotations

import re
import subprocess

import pytest

from cloud import bluegreen
from cloud.template import DEPLOY, Deployment


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


def test_every_option_is_read_by_the_command_that_takes_it() -> None:
    source = (DEPLOY / "roomm8ctl").read_text()
    options = {name.replace("-", "_") for name in re.findall(r'add_argument\(\s*"(?:--)?([a-z-]+)"', source)}
    assert len(options) > 10
    read = (DEPLOY / "cloud/commands.py").read_text()
    assert [option for option in sorted(options) if not re.search(rf"\bgiven\.{option}\b", read)] == []


def test_a_release_is_watched_for_longer_than_the_slowest_alarm_takes(ours: dict[str, Deployment]) -> None:
    alarms = {str(alarm.get("AlarmName")): alarm for alarm in ours["prod"].some("AWS::CloudWatch::Alarm")}
    takes = {
        name: int(alarms[f"roomm8-prod-{name}"].get("Period")) * int(alarms[f"roomm8-prod-{name}"].get("EvaluationPeriods"))
        for name in bluegreen.TROUBLE
    }
    bake = (bluegreen.release.__kwdefaults__ or {})["bake"]
    assert f'"--bake", type=int, default={bake},' in (DEPLOY / "roomm8ctl").read_text()
    # Figures of the load balancer come a minute or two late, and the first minute is of both colours.
    assert bake >= max(takes.values()) + 180
    assert takes["nobody-healthy"] + 60 <= bluegreen.SETTLE


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
