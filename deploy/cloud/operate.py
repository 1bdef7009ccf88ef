"""What is done to a running environment now and then: rotating a secret, trying a backup."""

from __future__ import annotations

import json
import secrets
import time

from cloud.stacks import Account, Refused

SECRETS = {"app": "AppSecretArn", "master": "MasterSecretArn"}
# As many keys are believed: letters live longer than a key is the newest.
SIGNING_KEYS_KEPT = 3


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
    """Restore the newest backup into a database of its own, see that it comes up, and delete it."""
    outputs = account.outputs_of("20-data")
    rds, backup = account.client("rds"), account.client("backup")
    points = backup.list_recovery_points_by_backup_vault(BackupVaultName=outputs["BackupVaultName"])["RecoveryPoints"]
    done = sorted((point for point in points if point["Status"] == "COMPLETED"), key=lambda point: point["CreationDate"])
    if not done:
        raise Refused(f"the vault {outputs['BackupVaultName']} holds no backup")
    newest = done[-1]
    source = rds.describe_db_instances(DBInstanceIdentifier=outputs["DatabaseId"])["DBInstances"][0]
    name = f"{outputs['DatabaseId']}-drill"
    started = time.monotonic()
    rds.restore_db_instance_from_db_snapshot(
        DBInstanceIdentifier=name,
        DBSnapshotIdentifier=newest["RecoveryPointArn"],
        DBInstanceClass=source["DBInstanceClass"],
        DBSubnetGroupName=source["DBSubnetGroup"]["DBSubnetGroupName"],
        VpcSecurityGroupIds=[group["VpcSecurityGroupId"] for group in source["VpcSecurityGroups"]],
        MultiAZ=False,
        PubliclyAccessible=False,
    )
    try:
        deadline = started + patience
        while (status := rds.describe_db_instances(DBInstanceIdentifier=name)["DBInstances"][0]["DBInstanceStatus"]) != "available":
            if time.monotonic() > deadline:
                raise Refused(f"{name} is {status} after {patience:.0f} s")
            time.sleep(pause)
        account.say(f"the backup of {newest['CreationDate']} was a database again after {(time.monotonic() - started) / 60:.0f} minutes")
    finally:
        rds.delete_db_instance(DBInstanceIdentifier=name, SkipFinalSnapshot=True, DeleteAutomatedBackups=True)
