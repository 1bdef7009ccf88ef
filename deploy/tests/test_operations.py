"""An environment's life by roomm8ctl's own commands, on an emulator."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator

import pytest
from typist import Operator, fall_silent, parameter, serve

from cloud import bluegreen as colours
from cloud import operate, stacks
from cloud.stacks import Account, Refused
from cloud.template import environment


def test_deploy_makes_everything_in_order_and_brings_what_it_is_given(operator: Operator) -> None:
    made = [line for line in operator.said if ": create, " in line]
    assert [line.partition(":")[0] for line in made] == stacks.stack_names()
    uploads = [line.split(",")[0] for line in operator.said if line.startswith("uploaded")]
    # The bucket of a release is there before the stack that needs it, and the site's before the site.
    assert [re.sub(r"[0-9a-f]{16}", "DIGEST", line) for line in uploads] == [
        "uploaded notifier/DIGEST.zip",
        "uploaded releases/DIGEST.tar.gz",
        "uploaded 1 files of the site",
    ]
    assert f"uploaded {parameter(operator.account, 'BlueRelease')}" in uploads


def test_deploy_again_changes_nothing_and_a_release_goes_to_the_colour_that_runs(operator: Operator) -> None:
    assert operator.types(f"deploy prod {operator.given}") == [f"{stack}: nothing to change" for stack in stacks.stack_names()]
    waiting = parameter(operator.account, "GreenRelease")
    binary = operator.binary("another for those that run")
    said = operator.types(f"deploy prod {operator.given} --binary {binary} --database-ca {operator.folder}/rds.pem --until 40-app")
    assert said[-1].startswith("40-app: update, ")
    assert not any(line.startswith("50-web") for line in said)
    assert parameter(operator.account, "BlueRelease") in " ".join(said)
    assert parameter(operator.account, "GreenRelease") == waiting


def test_deploy_without_a_release_says_so_before_it_makes_anything_of_that_stack(operator: Operator) -> None:
    account = operator.account
    empty = Account(account.session, "staging", account.endpoint, account.project, own=account.own, say=lambda _: None)
    with pytest.raises(Refused, match=r"40-app needs .*\(give a release: --binary\)"):
        stacks.update(empty, "40-app", {})
    assert empty.described("40-app") is None


def test_deploy_refuses_what_is_no_release(operator: Operator) -> None:
    with pytest.raises(Refused, match=r"there is no .*nothing-here"):
        operator.types(f"deploy prod {operator.given} --binary {operator.folder}/nothing-here --database-ca {operator.folder}/rds.pem")
    (operator.folder / "text").write_text("no program")
    with pytest.raises(Refused, match=r"readelf .* failed: .*file header"):
        operator.types(f"deploy prod {operator.given} --binary {operator.folder}/text --database-ca {operator.folder}/rds.pem")
    with pytest.raises(Refused, match="what should be the certificates of RDS holds none"):
        operator.types(f"deploy prod {operator.given} --binary {operator.binary('x')} --database-ca {operator.folder}/web/index.html")


def test_deploy_refuses_a_function_that_lambda_cannot_start(operator: Operator, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(Refused, match=r"there is no .*nothing\.zip"):
        operator.types(f"deploy prod {operator.given} --notifier {operator.folder}/nothing.zip")
    with pytest.raises(Refused, match=r"rds\.pem is no zip with a bootstrap in it"):
        operator.types(f"deploy prod {operator.given} --notifier {operator.folder}/rds.pem")
    monkeypatch.setattr("cloud.program.HOSTS_HAVE", (2, 17))
    with pytest.raises(Refused, match=r"bootstrap needs glibc 2\.\d+, and hosts have 2\.17"):
        operator.types(f"deploy prod {operator.given} --notifier {operator.folder}/notifier.zip")


def test_every_stack_carries_the_tags_that_the_bill_is_counted_by(operator: Operator) -> None:
    for stack in stacks.stack_names():
        tags = {tag["Key"]: tag["Value"] for tag in (operator.account.described(stack) or {})["Tags"]}
        assert tags == {"Environment": "prod", "Application": "roomm8"}, stack


def test_diff_tells_of_a_change_and_makes_none(operator: Operator) -> None:
    said = operator.types(f"diff prod {operator.given} --set MaxInstances=3")
    assert "40-app: update" in said
    assert any("BlueInstances AWS::AutoScaling::AutoScalingGroup" in line for line in said)
    assert parameter(operator.account, "MaxInstances") == "5"
    assert {line for line in operator.types(f"diff prod {operator.given}") if not line.startswith("  ")} == {
        f"{stack}: no changes" for stack in stacks.stack_names()
    }


def bluegreen(operator: Operator, text: str, bake: float) -> list[str]:
    return operator.types(f"bluegreen prod --binary {operator.binary(text)} --database-ca {operator.folder}/rds.pem --bake {bake:.0f}")


def active(operator: Operator) -> tuple[str, str]:
    return parameter(operator.account, "ActiveColor"), parameter(operator.account, "Standby")


def test_bluegreen_leads_people_to_a_release_and_stops_the_old(operator: Operator) -> None:
    before = active(operator)[0]
    after = {"blue": "green", "green": "blue"}[before]
    kept = parameter(operator.account, f"{before.capitalize()}Release")
    said = bluegreen(operator, "the next", bake=0)
    assert active(operator) == (after, "off")
    assert parameter(operator.account, f"{before.capitalize()}Release") == kept
    steps = [line for line in said if not line.startswith(("uploaded", "40-app"))]
    assert [re.sub("releases/.*", "RELEASE", line) for line in steps] == [
        f"{before} serves; {after} starts with RELEASE",
        f"2 instances of {after} serve",
        f"people are led to {after}; {before} waits",
        f"{before} was stopped; bluegreen --binary with the release before is the way back now",
    ]


def test_bluegreen_refuses_what_hosts_cannot_load(operator: Operator, monkeypatch: pytest.MonkeyPatch) -> None:
    before = active(operator)
    monkeypatch.setattr("cloud.program.HOSTS_HAVE", (2, 17))
    with pytest.raises(Refused, match=r"roomm8 needs glibc 2\.\d+, and hosts have 2\.17"):
        bluegreen(operator, "a program of another year", bake=0)
    assert active(operator) == before


def test_bluegreen_changes_the_release_and_nothing_else(operator: Operator) -> None:
    stacks.update(operator.account, "40-app", {"HostedZoneId": parameter(operator.account, "HostedZoneId"), "MaxInstances": "4"})
    bluegreen(operator, "one beside settings that wait", bake=0)
    assert parameter(operator.account, "MaxInstances") == "4"
    assert environment("prod")["parameters"]["MaxInstances"] != "4"


def alarm(operator: Operator, name: str, state: str) -> None:
    operator.account.client("cloudwatch").set_alarm_state(AlarmName=f"roomm8-prod-{name}", StateValue=state, StateReason="a test")


@pytest.fixture
def when_led(operator: Operator) -> Iterator[Callable[[Callable[[], None]], None]]:
    """Have something happen as soon as people are led to another colour."""

    def arrange(happens: Callable[[], None]) -> None:
        def say(line: str) -> None:
            operator.said.append(line)
            if line.startswith("people are led to ") and line.endswith(" waits"):
                happens()

        operator.account.say = say

    yield arrange
    operator.account.say = operator.said.append
    for name in ("api-errors", "slow-answers"):
        alarm(operator, name, "OK")
    for color in ("Blue", "Green"):
        serve(operator.account, color)


def test_bluegreen_gives_the_new_colour_as_many_instances_as_the_old_has(operator: Operator, monkeypatch: pytest.MonkeyPatch) -> None:
    old = active(operator)[0]
    new = colours.OTHER[old]
    colours.grow(operator.account, old, 5)
    monkeypatch.setattr("cloud.bluegreen.release.__kwdefaults__", {"bake": 0, "patience": 0.2, "pause": 0.1})
    with pytest.raises(Refused, match=f"only 2 instances of {new} serve after 0 s, of 5; {old} goes on"):
        bluegreen(operator, "one for the evening", bake=0)
    assert (active(operator)[0], colours.size(operator.account, new)) == (old, 5)
    serve(operator.account, new.capitalize(), 5)
    assert f"5 instances of {new} serve" in bluegreen(operator, "one for the evening", bake=0)
    assert active(operator)[0] == new
    fall_silent(operator.account, new.capitalize(), 5)
    serve(operator.account, new.capitalize())
    colours.grow(operator.account, new, 2)


def test_deploy_keeps_as_many_in_service_as_run(operator: Operator) -> None:
    color = active(operator)[0]
    kept = []
    for number in (2, 4, 5):
        colours.grow(operator.account, color, number)
        kept.append(colours.kept_in_service(operator.account, {"MaxInstances": "5"}))
    # In a first deployment none runs yet.
    lean = Account(operator.account.session, "lean", operator.account.endpoint)
    assert colours.kept_in_service(lean, {}) == "2"
    # CloudFormation wants room for one more.
    assert kept == ["2", "4", "4"]
    operator.types(f"deploy prod {operator.given} --until 40-app")
    assert parameter(operator.account, "InstancesInService") == "4"
    colours.grow(operator.account, color, 2)
    operator.types(f"deploy prod {operator.given} --until 40-app")


def test_a_release_takes_no_newer_image_and_a_deployment_does(operator: Operator, monkeypatch: pytest.MonkeyPatch) -> None:
    before = parameter(operator.account, "ImageId")
    assert before.startswith("ami-")
    monkeypatch.setattr("cloud.stacks.newest_image", lambda _: "ami-0fedcba9876543210")
    bluegreen(operator, "one of the day of another image", bake=0)
    assert parameter(operator.account, "ImageId") == before
    operator.types(f"deploy prod {operator.given} --until 40-app")
    assert parameter(operator.account, "ImageId") == "ami-0fedcba9876543210"
    monkeypatch.undo()
    operator.types(f"deploy prod {operator.given} --until 40-app")


def test_nobody_is_led_to_what_served_for_a_moment_only(operator: Operator, monkeypatch: pytest.MonkeyPatch) -> None:
    old = active(operator)[0]
    new = colours.OTHER[old]
    monkeypatch.setattr("cloud.bluegreen.time.sleep", lambda _: fall_silent(operator.account, new.capitalize()))
    with pytest.raises(Refused, match=f"only 0 instances of {new} serve after 0 s more; {old} goes on"):
        bluegreen(operator, "one that fails after a minute", bake=0)
    assert active(operator)[0] == old
    serve(operator.account, new.capitalize())


def test_people_are_led_to_a_release_only_when_the_alarms_know_it(operator: Operator, monkeypatch: pytest.MonkeyPatch) -> None:
    slept: list[float] = []
    monkeypatch.setattr("cloud.bluegreen.time.sleep", slept.append)
    settled = colours.SETTLE
    colours.release(operator.account, colours.Release("releases/0000000000000000.tar.gz", "0" * 64), bake=0)
    assert settled in slept
    # That one is in no bucket.
    bluegreen(operator, "one that is", bake=0)


def test_bluegreen_leads_people_back_when_an_alarm_rings(operator: Operator, when_led: Callable[[Callable[[], None]], None]) -> None:
    before = active(operator)[0]
    when_led(lambda: alarm(operator, "api-errors", "ALARM"))
    with pytest.raises(Refused, match=f"^roomm8-prod-api-errors rang, so people were led back to {before}$"):
        bluegreen(operator, "one that fails", bake=60)
    # The other colour runs on, to be looked at.
    assert active(operator) == (before, "on")


def test_bluegreen_says_that_there_is_no_way_back(operator: Operator, when_led: Callable[[Callable[[], None]], None]) -> None:
    before = active(operator)[0]

    def everything_fails() -> None:
        fall_silent(operator.account, before.capitalize())
        alarm(operator, "api-errors", "ALARM")

    when_led(everything_fails)
    with pytest.raises(Refused, match=f"api-errors rang, and people could not be led back: {before} does not serve"):
        bluegreen(operator, "one that fails beside one that is gone", bake=60)


def test_bluegreen_releases_what_ends_an_alarm(operator: Operator, when_led: Callable[[Callable[[], None]], None]) -> None:
    before = active(operator)[0]
    alarm(operator, "slow-answers", "ALARM")
    when_led(lambda: alarm(operator, "slow-answers", "OK"))
    said = bluegreen(operator, "one that mends it", bake=1)
    assert "roomm8-prod-slow-answers rings already, and does not count until it has been quiet" in said
    assert active(operator)[0] != before


def test_bluegreen_leads_nobody_to_what_does_not_serve(operator: Operator, monkeypatch: pytest.MonkeyPatch) -> None:
    before = active(operator)
    idle = {"blue": "Green", "green": "Blue"}[before[0]]
    fall_silent(operator.account, idle)
    monkeypatch.setattr("cloud.bluegreen.wait_for.__kwdefaults__", {"patience": 0.2, "pause": 0.1})
    monkeypatch.setattr("cloud.bluegreen.release.__kwdefaults__", {"bake": 0, "patience": 0.2, "pause": 0.1})
    with pytest.raises(Refused, match=f"only 0 instances of {idle.lower()} serve after 0 s, of 2; {before[0]} goes on"):
        bluegreen(operator, "one that does not start", bake=0)
    serve(operator.account, idle)
    assert active(operator)[0] == before[0]


def test_bluegreen_back_leads_to_the_colour_that_waits(operator: Operator) -> None:
    colours.change(operator.account, {"Standby": "on"})
    before = active(operator)[0]
    (said,) = [line for line in operator.types("bluegreen prod --back") if not line.startswith("40-app")]
    assert said == f"people are led to {active(operator)[0]}"
    assert active(operator)[0] != before
    colours.change(operator.account, {"Standby": "off"})
    with pytest.raises(Refused, match="only one colour runs, so there is nothing to go back to"):
        operator.types("bluegreen prod --back")


@pytest.mark.parametrize("words", ["bluegreen lean --back", "rotate lean app", "drill lean"])
def test_what_is_not_deployed_is_said(operator: Operator, words: str) -> None:
    with pytest.raises(Refused, match=r"roomm8-lean-[0-9a-z-]+ is not deployed; deploy lean first"):
        operator.types(words)


@pytest.mark.parametrize("secret", ["app", "master"])
def test_rotate_waits_for_another_version(operator: Operator, secret: str) -> None:
    arn = operator.account.outputs("20-data")[operate.SECRETS[secret]]
    before = operate.current(operator.account, arn)
    assert operator.types(f"rotate prod {secret}") == [
        f"{secret} is rotated; instances take the new version within five minutes, or at the first refusal"
    ]
    assert operate.current(operator.account, arn) != before


def test_rotate_gives_another_signing_key(operator: Operator) -> None:
    arn = operator.account.outputs("20-data")["SigningKeysSecretArn"]
    value = json.dumps({"newest": "key-1", "keys": "A" * 64})
    operator.account.client("secretsmanager").put_secret_value(SecretId=arn, SecretString=value)
    assert operator.types("rotate prod signing") == ["key-2 signs from now on; key-1 is still believed"]


def test_destroy_wants_the_words_and_keeps_the_data(operator: Operator, monkeypatch: pytest.MonkeyPatch) -> None:
    there = [stack for stack in stacks.stack_names() if operator.account.described(stack)]
    monkeypatch.setattr("builtins.input", lambda _: "destroy production")
    with pytest.raises(Refused, match="nothing was deleted"):
        operator.types("destroy prod")
    assert [stack for stack in stacks.stack_names() if operator.account.described(stack)] == there
    monkeypatch.setattr("builtins.input", lambda _: "destroy prod")
    assert operator.types("destroy prod")[-1] == "20-data and what it stands on stay: --with-data deletes them too"
    assert [stack for stack in stacks.stack_names() if operator.account.described(stack)] == ["10-network", "20-data"]
    operator.types("destroy prod --with-data")
    assert [stack for stack in stacks.stack_names() if operator.account.described(stack)] == []
