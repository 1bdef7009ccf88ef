"""Two colours of instances take turns: the new release runs beside the old before anybody is led to it."""

from __future__ import annotations

import time

from cloud.release import Release, parameters_of
from cloud.stacks import Account, Refused, update
from cloud.template import environment

# Until the alarms know the new colour: two minutes in which somebody served, and one in which nobody did yet.
SETTLE = 180
OTHER = {"blue": "green", "green": "blue"}
# Alarms that send people back to the release before.
TROUBLE = ("nobody-healthy", "balancer-errors", "api-errors", "slow-answers")


def change(account: Account, values: dict[str, str]) -> None:
    """Change these parameters of the API's stack and no other: a release is not the time for another size of instances."""
    described = account.described("40-app") or {}
    update(account, "40-app", values, frozenset(item["ParameterKey"] for item in described.get("Parameters", [])))


def active(account: Account) -> str:
    return account.outputs_of("40-app")["ActiveColor"]


def standby_runs(account: Account) -> bool:
    return setting(account, "Standby") == "on"


def healthy(account: Account, color: str) -> int:
    """How many instances of a colour serve."""
    group = account.outputs_of("40-app")[f"{color.capitalize()}TargetsArn"]
    targets = account.client("elbv2").describe_target_health(TargetGroupArn=group)["TargetHealthDescriptions"]
    return sum(target["TargetHealth"]["State"] == "healthy" for target in targets)


def setting(account: Account, name: str) -> str:
    described = account.described("40-app") or {}
    return next(item["ParameterValue"] for item in described["Parameters"] if item["ParameterKey"] == name)


def least(account: Account) -> int:
    return int(setting(account, "MinInstances"))


def size(account: Account, color: str) -> int:
    """How many instances a colour is to have now, by what scaling made of it."""
    name = account.outputs_of("40-app")[f"{color.capitalize()}Group"]
    (group,) = account.client("autoscaling").describe_auto_scaling_groups(AutoScalingGroupNames=[name])["AutoScalingGroups"]
    return group["DesiredCapacity"]


def grow(account: Account, color: str, number: int) -> None:
    """Give a colour as many instances as the other has, which are as many as people need at this hour."""
    name = account.outputs_of("40-app")[f"{color.capitalize()}Group"]
    account.client("autoscaling").set_desired_capacity(AutoScalingGroupName=name, DesiredCapacity=number, HonorCooldown=False)


def kept_in_service(account: Account, given: dict[str, str]) -> str:
    """How many serve while instances are replaced: as many as run, if one more may be; CloudFormation refuses it otherwise."""
    known = environment(account.environment)["parameters"] | account.own | given
    fewest, most = int(known["MinInstances"]), int(known["MaxInstances"])
    # There is none in a first deployment, nor after one that failed.
    color = account.outputs("40-app").get("ActiveColor")
    running = size(account, color) if color else fewest
    return str(min(max(running, fewest), most - 1))


def wait_for(account: Account, color: str, number: int, *, patience: float = 900, pause: float = 10) -> None:
    """Wait until so many instances of a colour serve."""
    deadline = time.monotonic() + patience
    while (serving := healthy(account, color)) < number:
        if time.monotonic() > deadline:
            raise Refused(
                f"only {serving} instances of {color} serve after {patience:.0f} s, of {number}; {OTHER[color]} goes on, {color} runs to be looked at"
            )
        time.sleep(pause)
    account.say(f"{serving} instances of {color} serve")


def trouble(account: Account) -> set[str]:
    """The alarms that ring and would send people back."""
    names = [f"roomm8-{account.environment}-{name}" for name in TROUBLE]
    ringing = account.client("cloudwatch").describe_alarms(AlarmNames=names, StateValue="ALARM")["MetricAlarms"]
    return {alarm["AlarmName"] for alarm in ringing}


def watch(account: Account, old: str, rang_before: set[str], *, bake: float, pause: float) -> None:
    """Look after a release for a while, and lead people back to the old colour if an alarm begins to ring."""
    deadline = time.monotonic() + bake
    while time.monotonic() < deadline:
        ringing = trouble(account)
        rang_before &= ringing
        if new := ", ".join(sorted(ringing - rang_before)):
            try:
                go_back(account)
            except Refused as refused:
                raise Refused(f"{new} rang, and people could not be led back: {refused}") from refused
            raise Refused(f"{new} rang, so people were led back to {old}")
        time.sleep(min(pause, max(0.0, deadline - time.monotonic())))


def release(account: Account, made: Release, *, bake: float = 600, patience: float = 900, pause: float = 10) -> None:
    """Start the waiting colour with a release, lead people to it, watch it, and stop the old one."""
    old = active(account)
    new = OTHER[old]
    account.say(f"{old} serves; {new} starts with {made.key}")
    change(account, {"Standby": "on", **parameters_of(new.capitalize(), made)})
    number = max(size(account, old), least(account))
    grow(account, new, number)
    wait_for(account, new, number, patience=patience, pause=pause)
    time.sleep(SETTLE)
    if (serving := healthy(account, new)) < least(account):
        raise Refused(f"only {serving} instances of {new} serve after {SETTLE} s more; {old} goes on, {new} runs to be looked at")
    # A release may be what ends them.
    if rang_before := trouble(account):
        account.say(f"{', '.join(sorted(rang_before))} rings already, and does not count until it has been quiet")
    change(account, {"ActiveColor": new})
    account.say(f"people are led to {new}; {old} waits")
    watch(account, old, rang_before, bake=bake, pause=pause)
    change(account, {"Standby": "off"})
    account.say(f"{old} was stopped; bluegreen --binary with the release before is the way back now")


def go_back(account: Account) -> None:
    """Lead people to the colour that waits, if it runs and serves."""
    back = OTHER[active(account)]
    if not standby_runs(account):
        raise Refused("only one colour runs, so there is nothing to go back to")
    if healthy(account, back) < least(account):
        raise Refused(f"{back} does not serve")
    change(account, {"ActiveColor": back})
    account.say(f"people are led to {back}")
