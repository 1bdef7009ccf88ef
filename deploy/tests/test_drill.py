"""`roomm8ctl drill`: databases are the emulator's; where that lacks a call, a stub answers as AWS would."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.stub import Stubber
from typist import Operator

from cloud import operate
from cloud.stacks import Account, Refused

DRILL = "roomm8-prod-drill"
# Where the emulator puts what is restored.
RESTORED_AT = "localhost"


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
        self.stubs = {name: Stubber(account.session.client(name)) for name in ("backup", "secretsmanager", "autoscaling", "ssm")}
        self.secret = outputs["AppSecretArn"]
        self.group = account.outputs("40-app")[f"{account.outputs('40-app')['ActiveColor'].capitalize()}Group"]

    def vault_holds(self, *points: tuple[str, str, datetime]) -> None:
        listed = [{"RecoveryPointArn": arn, "Status": status, "CreationDate": made} for arn, status, made in points]
        self.stubs["backup"].add_response(
            "list_recovery_points_by_backup_vault", {"RecoveryPoints": listed}, {"BackupVaultName": self.vault, "ByResourceType": "RDS"}
        )

    def holds_last_night(self, *, rotated: timedelta = timedelta(days=3)) -> None:
        """Backups, and a password that was changed so long ago."""
        now = datetime.now(UTC)
        versions = [
            {"VersionId": "0" * 32, "VersionStages": ["AWSPREVIOUS"], "CreatedDate": now - timedelta(days=40)},
            {"VersionId": "1" * 32, "VersionStages": ["AWSCURRENT", "AWSPENDING"], "CreatedDate": now - rotated},
        ]
        self.stubs["secretsmanager"].add_response("list_secret_version_ids", {"Versions": versions}, {"SecretId": self.secret})
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


def test_a_backup_of_before_a_rotation_is_not_taken_for_a_bad_one(drill: Drill) -> None:
    drill.holds_last_night(rotated=timedelta(hours=5))
    with pytest.raises(Refused, match=r"^the API's password is of 20.*, and the newest backup of 20.* knows the one before; try again"):
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
