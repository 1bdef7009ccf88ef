"""An environment's life by roomm8ctl's own commands, on an emulator; where that lacks a call, a stub answers as AWS would."""

from __future__ import annotations

import json
import re
import shlex
import zipfile
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from importlib.machinery import SourceFileLoader
from importlib.util import module_from_spec, spec_from_loader
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.stub import Stubber

from cloud import bluegreen as colours
from cloud import commands, operate, stacks
from cloud.emulation import ministack, prepare, session
from cloud.projection import known_to_ministack
from cloud.stacks import Account, Refused
from cloud.template import DEPLOY, FROM_DRIVER, environment

AUTHORITIES = b"-----BEGIN CERTIFICATE-----\nof nobody\n-----END CERTIFICATE-----\n"
DRILL = "roomm8-prod-drill"
# Where the emulator puts what is restored.
RESTORED_AT = "localhost"


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


@pytest.fixture(scope="module")
def operator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Operator]:
    """With an environment that `deploy` made from nothing."""
    folder = tmp_path_factory.mktemp("operator")
    (folder / "rds.pem").write_bytes(AUTHORITIES)
    (folder / "web").mkdir()
    (folder / "web/index.html").write_text("<p>RoomM8")
    with zipfile.ZipFile(folder / "notifier.zip", "w") as archive:
        archive.writestr("bootstrap", "a function")
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


def serve(account: Account, color: str) -> None:
    """Two instances of a colour serve: the emulator starts none, so these stand for them."""
    targets = [{"Id": f"i-0{color.lower()}{number}", "Port": 9090} for number in range(2)]
    account.client("elbv2").register_targets(TargetGroupArn=account.outputs("40-app")[f"{color}TargetsArn"], Targets=targets)


def fall_silent(account: Account, color: str) -> None:
    targets = [{"Id": f"i-0{color.lower()}{number}"} for number in range(2)]
    account.client("elbv2").deregister_targets(TargetGroupArn=account.outputs("40-app")[f"{color}TargetsArn"], Targets=targets)


def parameter(account: Account, name: str) -> str:
    described = account.described("40-app")
    assert described
    return next(item["ParameterValue"] for item in described["Parameters"] if item["ParameterKey"] == name)


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
    with pytest.raises(Refused, match=f"only 0 instances of {idle.lower()} serve after 0 s; {before[0]} goes on"):
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


class Drill:
    """What a drill meets: databases of the emulator, and vault, group and host that answer as AWS would, and check what is asked."""

    def __init__(self, operator: Operator):
        self.operator, account = operator, operator.account
        outputs = account.outputs("20-data")
        self.vault = outputs["BackupVaultName"]
        self.rds = account.client("rds")
        self.source = self.rds.describe_db_instances(DBInstanceIdentifier=outputs["DatabaseId"])["DBInstances"][0]
        snapshots = self.rds.describe_db_snapshots(DBInstanceIdentifier=outputs["DatabaseId"])["DBSnapshots"]
        if not snapshots:
            made = self.rds.create_db_snapshot(DBSnapshotIdentifier="awsbackup-of-last-night", DBInstanceIdentifier=outputs["DatabaseId"])
            snapshots = [made["DBSnapshot"]]
        self.backup = snapshots[0]["DBSnapshotIdentifier"]
        self.stubs = {name: Stubber(account.session.client(name)) for name in ("backup", "autoscaling", "ssm")}
        self.group = account.outputs("40-app")[f"{account.outputs('40-app')['ActiveColor'].capitalize()}Group"]

    def vault_holds(self, *points: tuple[str, str, datetime]) -> None:
        listed = [{"RecoveryPointArn": arn, "Status": status, "CreationDate": made} for arn, status, made in points]
        self.stubs["backup"].add_response(
            "list_recovery_points_by_backup_vault", {"RecoveryPoints": listed}, {"BackupVaultName": self.vault, "ByResourceType": "RDS"}
        )

    def holds_last_night(self) -> None:
        now = datetime.now(UTC)
        self.vault_holds(
            ("arn:aws:rds:us-east-1:1:snapshot:awsbackup:older", "COMPLETED", now - timedelta(days=1, hours=9)),
            (self.backup, "COMPLETED", now - timedelta(hours=9)),
            ("arn:aws:rds:us-east-1:1:snapshot:awsbackup:tonight", "CREATING", now),
        )

    def group_has(self, *states: str) -> None:
        instances = [
            {"InstanceId": f"i-0abc{number}", "AvailabilityZone": "us-east-1a", "LifecycleState": state, "HealthStatus": "Healthy"}
            for number, state in enumerate(states)
        ]
        group = {"AutoScalingGroupName": self.group, "MinSize": 2, "MaxSize": 5, "DesiredCapacity": 2, "DefaultCooldown": 300}
        group |= {
            "AvailabilityZones": ["us-east-1a"],
            "HealthCheckType": "ELB",
            "CreatedTime": datetime.now(UTC),
            "Instances": [{**item, "ProtectedFromScaleIn": False} for item in instances],
        }
        self.stubs["autoscaling"].add_response(
            "describe_auto_scaling_groups", {"AutoScalingGroups": [group]}, {"AutoScalingGroupNames": [self.group]}
        )

    def host_is_asked(self, *answers: tuple[str, str]) -> None:
        """Statuses and what goes to standard error, one after the other."""
        systems, command = self.stubs["ssm"], "0a1b2c3d-0000-4000-8000-000000000001"
        assert self.source["Endpoint"]["Address"] != RESTORED_AT
        systems.add_response(
            "send_command",
            {"Command": {"CommandId": command}},
            {
                "InstanceIds": ["i-0abc1"],
                "DocumentName": "AWS-RunShellScript",
                "Parameters": {
                    "commands": [f"/opt/roomm8/drill.sh {RESTORED_AT}"],
                    "executionTimeout": [f"{operate.HOST_ANSWERS_WITHIN.total_seconds():.0f}"],
                },
            },
        )
        systems.add_client_error("get_command_invocation", "InvocationDoesNotExist")
        for status, said in answers:
            told = {"Status": status, "StatusDetails": status, "StandardErrorContent": said}
            systems.add_response("get_command_invocation", told, {"CommandId": command, "InstanceId": "i-0abc1"})

    def run(self, rds: Any = None) -> list[str]:
        """The drill, of which every expected question must have been asked."""
        own = self.operator.account
        clients = own.clients | {name: stub.client for name, stub in self.stubs.items()} | ({"rds": rds} if rds else {})
        said: list[str] = []
        account = Account(own.session, "prod", own.endpoint, own.project, own=own.own, say=said.append, clients=clients)
        for stub in self.stubs.values():
            stub.activate()
        operate.drill(account, patience=0.5, pause=0.01)
        for stub in self.stubs.values():
            stub.assert_no_pending_responses()
        return said

    def is_left(self) -> bool:
        return DRILL in [item["DBInstanceIdentifier"] for item in self.rds.describe_db_instances()["DBInstances"]]


class Watched:
    """The emulator's databases; notes what is asked of them, and gives the restored one other states."""

    def __init__(self, rds: Any, *states: str):
        self.rds, self.states = rds, list(states)
        self.restored: dict[str, Any] = {}
        self.exceptions = rds.exceptions
        self.delete_db_instance = rds.delete_db_instance

    def restore_db_instance_from_db_snapshot(self, **asked: Any) -> Any:
        self.restored = asked
        return self.rds.restore_db_instance_from_db_snapshot(**asked)

    def describe_db_instances(self, DBInstanceIdentifier: str) -> Any:
        found = self.rds.describe_db_instances(DBInstanceIdentifier=DBInstanceIdentifier)
        if DBInstanceIdentifier == DRILL and self.states:
            state = self.states.pop(0) if len(self.states) > 1 else self.states[0]
            found["DBInstances"][0]["DBInstanceStatus"] = state
        return found


@pytest.fixture
def drill(operator: Operator) -> Drill:
    return Drill(operator)


def test_a_drill_restores_the_newest_whole_backup_has_it_opened_and_deletes_it(drill: Drill) -> None:
    drill.holds_last_night()
    drill.group_has("Terminating:Wait", "InService")
    drill.host_is_asked(("Pending", ""), ("InProgress", ""), ("Success", ""))
    rds = Watched(drill.rds, "creating", "backing-up", "available")
    said = drill.run(rds)
    assert re.fullmatch(r"the backup of 20\d\d-.* was a database again after 0 minutes", said[0])
    assert said[1:] == ["i-0abc1 opened it as the API does, and brought its schema up to date"]
    assert rds.restored == {
        "DBInstanceIdentifier": DRILL,
        "DBSnapshotIdentifier": drill.backup,
        "DBInstanceClass": drill.source["DBInstanceClass"],
        "DBSubnetGroupName": drill.source["DBSubnetGroup"]["DBSubnetGroupName"],
        "DBParameterGroupName": drill.source["DBParameterGroups"][0]["DBParameterGroupName"],
        "VpcSecurityGroupIds": [group["VpcSecurityGroupId"] for group in drill.source["VpcSecurityGroups"]],
        "MultiAZ": False,
        "PubliclyAccessible": False,
    }
    assert not drill.is_left()


def test_a_restored_database_that_cannot_be_read_fails_the_drill(drill: Drill) -> None:
    drill.holds_last_night()
    drill.group_has("Pending", "InService")
    drill.host_is_asked(("InProgress", ""), ("Failed", "roomm8: Access denied for user 'roomm8_app'\n"))
    with pytest.raises(Refused, match=r"^the backup came up, but i-0abc1 cannot use it: roomm8: Access denied for user 'roomm8_app'$"):
        drill.run()
    assert not drill.is_left()


@pytest.mark.parametrize(
    ("states", "said"),
    [
        (("creating", "incompatible-restore"), f"the backup could not be restored: {DRILL} is incompatible-restore"),
        (("creating",), f"{DRILL} is creating after 0 s"),
    ],
)
def test_a_database_that_does_not_come_up_fails_the_drill(drill: Drill, states: tuple[str, ...], said: str) -> None:
    drill.holds_last_night()
    drill.group_has("InService", "InService")
    with pytest.raises(Refused, match=said):
        drill.run(Watched(drill.rds, *states))
    assert not drill.is_left()


def test_a_drill_without_a_backup_of_last_night_fails(drill: Drill) -> None:
    drill.vault_holds()
    with pytest.raises(Refused, match=f"the vault {drill.vault} holds no backup"):
        drill.run()
    drill.vault_holds((drill.backup, "COMPLETED", datetime.now(UTC) - timedelta(days=9, hours=1)))
    with pytest.raises(Refused, match=f"the newest backup in {drill.vault} is 9 days old, although one is due each night"):
        drill.run()
    assert not drill.is_left()


def test_a_drill_needs_an_instance(drill: Drill) -> None:
    drill.holds_last_night()
    drill.group_has("Terminating:Wait", "Pending")
    with pytest.raises(Refused, match=f"no instance of {drill.group} is in service"):
        drill.run()
    assert not drill.is_left()


def test_a_drill_leaves_another_s_database_alone(drill: Drill) -> None:
    drill.rds.restore_db_instance_from_db_snapshot(DBInstanceIdentifier=DRILL, DBSnapshotIdentifier=drill.backup)
    drill.holds_last_night()
    drill.group_has("InService", "InService")
    with pytest.raises(Refused, match=f"{DRILL} is there already: another drill runs, or one was cut short"):
        drill.run()
    assert drill.is_left()
    drill.rds.delete_db_instance(DBInstanceIdentifier=DRILL, SkipFinalSnapshot=True)


def test_an_instance_that_never_answers_fails_the_drill(drill: Drill, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(operate, "HOST_ANSWERS_WITHIN", timedelta(seconds=1))
    drill.holds_last_night()
    drill.group_has("Pending", "InService")
    drill.host_is_asked(*[("InProgress", "")] * 200)
    with pytest.raises(Refused, match="i-0abc1 has not opened the restored database"):
        drill.run()
    assert not drill.is_left()


def test_drill_is_a_command(operator: Operator, drill: Drill, monkeypatch: pytest.MonkeyPatch) -> None:
    drill.holds_last_night()
    drill.group_has("Pending", "InService")
    drill.host_is_asked(("Success", ""))
    monkeypatch.setattr("cloud.operate.drill.__kwdefaults__", {"patience": 5, "pause": 0.01})
    for name, stub in drill.stubs.items():
        stub.activate()
        monkeypatch.setitem(operator.account.clients, name, stub.client)
    assert operator.types("drill prod")[-1] == "i-0abc1 opened it as the API does, and brought its schema up to date"


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
