"""What is done to a running environment now and then: rotating a secret, trying a backup."""

from __future__ import annotations

import json
import secrets
import time
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

from botocore.exceptions import ClientError

from cloud.stacks import Account, Refused

SECRETS = {"app": "AppSecretArn", "master": "MasterSecretArn"}
# As many keys are believed: letters live longer than a key is the newest.
SIGNING_KEYS_KEPT = 3
BACKUPS_ARE_YOUNGER_THAN = timedelta(days=2)
# To open a database and bring its schema up to date.
HOST_ANSWERS_WITHIN = timedelta(minutes=5)


def current(account: Account, arn: str) -> str:
    """The version of a secret that is in use."""
    versions = account.client("secretsmanager").describe_secret(SecretId=arn)["VersionIdsToStages"]
    return next(version for version, stages in versions.items() if "AWSCURRENT" in stages)


def rotate(account: Account, secret: str, *, patience: float = 300, pause: float = 5) -> None:
    """Rotate a secret now, and wait until another version is in use."""
    if secret == "signing":
        return new_signing_key(account)
    arn = account.outputs_of("20-data")[SECRETS[secret]]
    before = current(account, arn)
    account.client("secretsmanager").rotate_secret(SecretId=arn, RotateImmediately=True)
    deadline = time.monotonic() + patience
    while current(account, arn) == before:
        if time.monotonic() > deadline:
            raise Refused(
                f"{secret} was not rotated within {patience:.0f} s; runbooks/rotate.md says where to look. The version before is in use"
            )
        time.sleep(pause)
    account.say(f"{secret} is rotated; instances take the new version within five minutes, or at the first refusal")


def new_signing_key(account: Account) -> None:
    """Put a new key before those that sign, and forget the oldest; instances take it within five minutes."""
    arn = account.outputs_of("20-data")["SigningKeysSecretArn"]
    client = account.client("secretsmanager")
    kept = json.loads(client.get_secret_value(SecretId=arn)["SecretString"])
    keys = f"{kept['newest']}:{kept['keys']}".split(",")
    newest = f"key-{1 + max(int(key.partition(':')[0].removeprefix('key-')) for key in keys)}"
    keys = [f"{newest}:{secrets.token_urlsafe(48)}", *keys][:SIGNING_KEYS_KEPT]
    client.put_secret_value(SecretId=arn, SecretString=json.dumps({"newest": newest, "keys": ",".join(keys).partition(":")[2]}))
    account.say(f"{newest} signs from now on; {', '.join(key.partition(':')[0] for key in keys[1:])} is still believed")


def drill(account: Account, *, patience: float = 7200, pause: float = 30) -> None:
    """Restore the newest backup into a database of its own, have an instance open it, and delete it."""
    outputs = account.outputs_of("20-data")
    point = newest_backup(account, outputs["BackupVaultName"])
    knows_the_password(account, outputs["AppSecretArn"], point["CreationDate"])
    host = an_instance(account)
    name = f"{outputs['DatabaseId']}-drill"
    started = time.monotonic()
    restore(account, outputs["DatabaseId"], name, point["RecoveryPointArn"])
    try:
        address = until_available(account, name, patience=patience, pause=pause)
        account.say(f"the backup of {point['CreationDate']} was a database again after {(time.monotonic() - started) / 60:.0f} minutes")
        opened_by(account, host, address, pause=pause)
        account.say(f"{host} opened it as the API does, and brought its schema up to date")
    finally:
        give_back(account, name)


def newest_backup(account: Account, vault: str) -> dict[str, Any]:
    """The newest backup of the database that is whole; it must be of last night."""
    pages = account.client("backup").get_paginator("list_recovery_points_by_backup_vault")
    points = [point for page in pages.paginate(BackupVaultName=vault, ByResourceType="RDS") for point in page["RecoveryPoints"]]
    whole = sorted((point for point in points if point["Status"] == "COMPLETED"), key=lambda point: point["CreationDate"])
    if not whole:
        raise Refused(f"the vault {vault} holds no backup")
    age = datetime.now(UTC) - whole[-1]["CreationDate"]
    if age > BACKUPS_ARE_YOUNGER_THAN:
        raise Refused(f"the newest backup in {vault} is {age.days} days old, although one is due each night")
    return whole[-1]


def knows_the_password(account: Account, secret: str, made: datetime) -> None:
    """Refuse a backup of before a rotation: instances have another user or password by now, and would fail to open it."""
    listed = account.client("secretsmanager").list_secret_version_ids(SecretId=secret)["Versions"]
    (rotated,) = [version["CreatedDate"] for version in listed if "AWSCURRENT" in version.get("VersionStages", [])]
    if rotated > made:
        raise Refused(
            f"the API's password is of {rotated:%Y-%m-%d %H:%M}, and the newest backup of {made:%Y-%m-%d %H:%M} knows the one before; try again after the next night"
        )


def an_instance(account: Account) -> str:
    """An instance that serves, as only they reach databases."""
    outputs = account.outputs_of("40-app")
    group = outputs[f"{outputs['ActiveColor'].capitalize()}Group"]
    (found,) = account.client("autoscaling").describe_auto_scaling_groups(AutoScalingGroupNames=[group])["AutoScalingGroups"]
    serving = [item["InstanceId"] for item in found["Instances"] if item["LifecycleState"] == "InService"]
    if not serving:
        raise Refused(f"no instance of {group} is in service, and only an instance reaches a database to open it")
    return serving[0]


def restore(account: Account, database: str, name: str, backup: str) -> None:
    """Make a database of a backup, in the network and with the parameters of the running one."""
    rds = account.client("rds")
    running = rds.describe_db_instances(DBInstanceIdentifier=database)["DBInstances"][0]
    try:
        rds.restore_db_instance_from_db_snapshot(
            DBInstanceIdentifier=name,
            DBSnapshotIdentifier=backup,
            DBInstanceClass=running["DBInstanceClass"],
            DBSubnetGroupName=running["DBSubnetGroup"]["DBSubnetGroupName"],
            DBParameterGroupName=running["DBParameterGroups"][0]["DBParameterGroupName"],
            VpcSecurityGroupIds=[group["VpcSecurityGroupId"] for group in running["VpcSecurityGroups"]],
            MultiAZ=False,
            PubliclyAccessible=False,
        )
    except rds.exceptions.DBInstanceAlreadyExistsFault as error:
        raise Refused(f"{name} is there already: another drill runs, or one was cut short; then delete it by hand") from error


def until_available(account: Account, name: str, *, patience: float, pause: float) -> str:
    """Wait until a database takes connections; gives its address."""
    deadline = time.monotonic() + patience
    while True:
        found = account.client("rds").describe_db_instances(DBInstanceIdentifier=name)["DBInstances"][0]
        status = found["DBInstanceStatus"]
        if status == "available":
            return found["Endpoint"]["Address"]
        if status.startswith("incompatible") or status in ("failed", "restore-error"):
            raise Refused(f"the backup could not be restored: {name} is {status}")
        if time.monotonic() > deadline:
            raise Refused(f"{name} is {status} after {patience:.0f} s")
        time.sleep(pause)


def opened_by(account: Account, host: str, address: str, *, pause: float) -> None:
    """Have an instance open a database as it opens its own, and wait for what it says."""
    systems = account.client("ssm")
    patience = HOST_ANSWERS_WITHIN.total_seconds()
    command = {"commands": [f"/opt/roomm8/drill.sh {address}"], "executionTimeout": [f"{patience:.0f}"]}
    sent = systems.send_command(InstanceIds=[host], DocumentName="AWS-RunShellScript", Parameters=command)["Command"]["CommandId"]
    deadline = time.monotonic() + patience
    while time.monotonic() < deadline:
        # It is not listed at once.
        with suppress(systems.exceptions.InvocationDoesNotExist):
            told = systems.get_command_invocation(CommandId=sent, InstanceId=host)
            if told["Status"] == "Success":
                return
            if told["Status"] not in ("Pending", "InProgress", "Delayed"):
                why = told["StandardErrorContent"].strip() or told["StatusDetails"]
                raise Refused(f"the backup came up, but {host} cannot use it: {why}")
        time.sleep(pause)
    raise Refused(f"{host} has not opened the restored database after {patience:.0f} s")


def give_back(account: Account, name: str) -> None:
    """Delete a database that was restored for a drill."""
    try:
        account.client("rds").delete_db_instance(DBInstanceIdentifier=name, SkipFinalSnapshot=True, DeleteAutomatedBackups=True)
    except ClientError as error:
        account.say(f"{name} could not be deleted and costs money until you do so by hand: {error}")
