"""What is kept: how it is encrypted and backed up."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from cloud.invariants import invariant
from cloud.template import Deployment, Resource, references

# Where each kind of thing that keeps data says its key.
KEYS = {
    "AWS::RDS::DBInstance": "KmsKeyId",
    "AWS::ElastiCache::ReplicationGroup": "KmsKeyId",
    "AWS::SecretsManager::Secret": "KmsKeyId",
    "AWS::SNS::Topic": "KmsMasterKeyId",
    "AWS::SQS::Queue": "KmsMasterKeyId",
    "AWS::Logs::LogGroup": "KmsKeyId",
    "AWS::Backup::BackupVault": "EncryptionKeyArn",
    "AWS::DynamoDB::Table": "SSESpecification.KMSMasterKeyId",
    "AWS::Lambda::Function": "KmsKeyArn",
}
# A stack whose making failed leaves nothing behind, where it says so.
RETAINS = ("Retain", "RetainExceptOnCreate")


def databases(d: Deployment) -> list[Resource]:
    """The databases that are written to."""
    return [item for item in d.some("AWS::RDS::DBInstance") if not item.get("SourceDBInstanceIdentifier")]


def replicas(d: Deployment) -> list[Resource]:
    return [item for item in d.some("AWS::RDS::DBInstance") if item.get("SourceDBInstanceIdentifier")]


def is_our_key(d: Deployment, value: Any) -> bool:
    """Whether a value names the key that we made."""
    found = d.target(value)
    return found is not None and found.type == "AWS::KMS::Key"


@invariant
def everything_kept_is_encrypted_by_our_key(d: Deployment) -> Iterator[str]:
    """Each store, queue, topic, secret, log and vault names our key."""
    d.some("AWS::KMS::Key")
    for kind, path in KEYS.items():
        for item in d.every(kind):
            if kind == "AWS::RDS::DBInstance" and item.get("SourceDBInstanceIdentifier"):
                continue
            if not is_our_key(d, item.get(path)):
                yield f"{item} is not encrypted by our key"


@invariant
def databases_are_encrypted(d: Deployment) -> Iterator[str]:
    """The database says that it is encrypted; nothing makes it so by itself."""
    for database in databases(d):
        if database.get("StorageEncrypted") is not True:
            yield f"{database} is not encrypted"


@invariant
def buckets_are_encrypted(d: Deployment) -> Iterator[str]:
    """Buckets are encrypted by our key, but for the one that only S3's own can write to."""
    for bucket in d.some("AWS::S3::Bucket"):
        rules = bucket.get("BucketEncryption.ServerSideEncryptionConfiguration", [])
        for rule in rules:
            by = rule["ServerSideEncryptionByDefault"]
            receives_alb_logs = any(bucket.id in references(alb.properties) for alb in d.every("AWS::ElasticLoadBalancingV2::LoadBalancer"))
            if not is_our_key(d, by.get("KMSMasterKeyID")) and not (receives_alb_logs and by["SSEAlgorithm"] == "AES256"):
                yield f"{bucket} is not encrypted by our key"
        if not rules:
            yield f"{bucket} is not encrypted"


@invariant
def buckets_are_private(d: Deployment) -> Iterator[str]:
    """No bucket can be made public."""
    for bucket in d.some("AWS::S3::Bucket"):
        block = bucket.get("PublicAccessBlockConfiguration", {})
        if sorted(name for name, value in block.items() if value is True) != [
            "BlockPublicAcls",
            "BlockPublicPolicy",
            "IgnorePublicAcls",
            "RestrictPublicBuckets",
        ]:
            yield f"{bucket} could be made public"


@invariant
def buckets_take_tls_only(d: Deployment) -> Iterator[str]:
    """Each bucket refuses what comes in the clear."""
    policies = d.some("AWS::S3::BucketPolicy")
    for bucket in d.some("AWS::S3::Bucket"):
        if not any(
            statement["Effect"] == "Deny" and statement.get("Condition", {}).get("Bool", {}).get("aws:SecureTransport") == "false"
            for policy in policies
            if d.target(policy.get("Bucket")) is bucket
            for statement in policy.get("PolicyDocument.Statement", [])
        ):
            yield f"{bucket} takes plain HTTP"


@invariant
def buckets_keep_versions(d: Deployment) -> Iterator[str]:
    """What is overwritten can be had back, for as long as a rule says."""
    for bucket in d.some("AWS::S3::Bucket"):
        if bucket.get("VersioningConfiguration.Status") != "Enabled":
            yield f"{bucket} keeps no versions"
        if not any("NoncurrentVersionExpiration" in rule for rule in bucket.get("LifecycleConfiguration.Rules", [])):
            yield f"{bucket} keeps versions for ever"


@invariant
def the_key_turns(d: Deployment) -> Iterator[str]:
    """The key's material is renewed each year, and the key is not lost with its stack."""
    for key in d.some("AWS::KMS::Key"):
        if key.get("EnableKeyRotation") is not True:
            yield f"{key} is never renewed"
        if key.attributes.get("DeletionPolicy") not in RETAINS:
            yield f"{key} goes with its stack"
        if not any(d.target(alias.get("TargetKeyId")) is key for alias in d.every("AWS::KMS::Alias")):
            yield f"{key} has no name"


@invariant
def database_runs_a_supported_mysql(d: Deployment) -> Iterator[str]:
    """MySQL 8.4: 8.0 is out of standard support and costs extra."""
    for database in databases(d):
        if database.get("Engine") != "mysql" or not re.fullmatch(r"8\.4\.\d+", str(database.get("EngineVersion"))):
            yield f"{database} runs {database.get('Engine')} {database.get('EngineVersion')}"


@invariant
def database_survives_a_zone(d: Deployment) -> Iterator[str]:
    """The database has a standby in another zone."""
    for database in databases(d):
        if database.get("MultiAZ") is not True:
            yield f"{database} is in one zone"


@invariant
def database_is_private(d: Deployment) -> Iterator[str]:
    """No database has a public address, and each is in the data subnets."""
    for database in d.some("AWS::RDS::DBInstance"):
        if database.get("PubliclyAccessible") is not False:
            yield f"{database} may be public"
    for database in databases(d):
        if d.target(database.get("DBSubnetGroupName")) is None:
            yield f"{database} is in the default network"


@invariant
def database_takes_tls_only(d: Deployment) -> Iterator[str]:
    """MySQL refuses connections in the clear."""
    for database in d.some("AWS::RDS::DBInstance"):
        group = d.target(database.get("DBParameterGroupName"))
        if group is None or str(group.get("Parameters", {}).get("require_secure_transport")) not in ("1", "ON"):
            yield f"{database} takes connections in the clear"


@invariant
def database_loses_nothing_acknowledged(d: Deployment) -> Iterator[str]:
    """A commit is on the disk before it is acknowledged; an instance refuses to start otherwise."""
    for database in d.some("AWS::RDS::DBInstance"):
        group = d.target(database.get("DBParameterGroupName"))
        parameters = group.get("Parameters", {}) if group else {}
        if str(parameters.get("innodb_flush_log_at_trx_commit")) != "1" or str(parameters.get("sync_binlog")) != "1":
            yield f"{database} may lose what it acknowledged"


@invariant
def database_grows(d: Deployment) -> Iterator[str]:
    """Storage grows by itself, on gp3."""
    for database in databases(d):
        if int(database.get("MaxAllocatedStorage", 0)) <= int(database.get("AllocatedStorage", 0)):
            yield f"{database} does not grow"
        if database.get("StorageType") != "gp3":
            yield f"{database} is on {database.get('StorageType')}"


@invariant
def database_is_backed_up(d: Deployment) -> Iterator[str]:
    """Two weeks of any second, kept even if the instance is deleted."""
    for database in databases(d):
        if int(database.get("BackupRetentionPeriod", 1)) < 14:
            yield f"{database} keeps {database.get('BackupRetentionPeriod', 1)} days"
        if database.get("DeleteAutomatedBackups") is not False:
            yield f"the backups of {database} go with it"


@invariant
def database_is_not_deleted_by_mistake(d: Deployment) -> Iterator[str]:
    """Deletion is refused; if it is forced, a snapshot stays, with its tags."""
    for database in d.some("AWS::RDS::DBInstance"):
        if database.get("DeletionProtection") is not True or database.get("CopyTagsToSnapshot") is not True:
            yield f"{database} may be deleted, or its snapshots forgotten"
    for database in databases(d):
        if {database.attributes.get("DeletionPolicy"), database.attributes.get("UpdateReplacePolicy")} != {"Snapshot"}:
            yield f"{database} goes without a snapshot"


@invariant
def database_is_never_replaced(d: Deployment) -> Iterator[str]:
    """The database has a name of its own, so that an update which would replace it fails."""
    for database in databases(d):
        if not database.get("DBInstanceIdentifier"):
            yield f"{database} may be replaced"


@invariant
def database_is_watched_from_inside(d: Deployment) -> Iterator[str]:
    """Enhanced monitoring each minute; the error and slow query logs go to CloudWatch."""
    for database in databases(d):
        if int(database.get("MonitoringInterval", 0)) not in range(1, 61):
            yield f"{database} has no enhanced monitoring"
        role = d.target(database.get("MonitoringRoleArn"))
        if role is None or "AmazonRDSEnhancedMonitoringRole" not in str(role.get("ManagedPolicyArns")):
            yield f"{database} has no role to tell its figures by"
        if not {"error", "slowquery"} <= set(database.get("EnableCloudwatchLogsExports", [])):
            yield f"{database} keeps its logs to itself"


@invariant
def insights_only_where_they_exist(d: Deployment) -> Iterator[str]:
    """RDS refuses Performance Insights for MySQL on the smallest classes."""
    for database in d.some("AWS::RDS::DBInstance"):
        is_small = str(database.get("DBInstanceClass")).endswith((".micro", ".small"))
        if is_small and database.get("EnablePerformanceInsights") is True:
            yield f"{database} would be refused"
        if not is_small and database.get("EnablePerformanceInsights") is not True:
            yield f"{database} has no Performance Insights"


@invariant
def minor_versions_come_by_themselves(d: Deployment) -> Iterator[str]:
    """Patches are applied in the maintenance window."""
    for store in d.some("AWS::RDS::DBInstance") + d.some("AWS::ElastiCache::ReplicationGroup"):
        if store.get("AutoMinorVersionUpgrade") is not True:
            yield f"{store} is not patched"


@invariant
def the_replica_is_read_from(d: Deployment) -> Iterator[str]:
    """Where there is a replica of the database, the API is told where; and where there is none, nothing."""
    found = replicas(d)
    if d.environment == "prod" and not found:
        yield "there is no replica to read from"
    for settings in d.some("AWS::SSM::Parameter"):
        lines = [line for line in str(settings.get("Value")).splitlines() if line.startswith("DATABASE_READ_URL=")]
        places = [item.strip("${}") for line in lines for item in re.findall(r"@(\$\{[\w.-]+\}):3306/", line)]
        if places != [f"{replica.id}.Endpoint.Address" for replica in found]:
            yield f"{settings} does not say to read from what replicas there are"


@invariant
def production_has_a_replica(d: Deployment) -> Iterator[str]:
    """Production has a read replica of its database, with its parameters and no public address."""
    found = replicas(d)
    if d.environment == "prod" and not found:
        yield "production has no replica"
    for replica in found:
        source = d.target(replica.get("SourceDBInstanceIdentifier"))
        if source is None or source not in databases(d):
            yield f"{replica} copies nothing of ours"
        elif replica.get("DBParameterGroupName") != source.get("DBParameterGroupName"):
            yield f"{replica} has other parameters"
        # RDS takes encryption from the source, and refuses to be told.
        if replica.get("StorageEncrypted") is not None:
            yield f"{replica} says again that it is encrypted"
    if d.environment != "prod" and not found:
        # Elsewhere there may be none; then the database must be one that could have one.
        yield from (
            f"{database} keeps no backups, so it can have no replica"
            for database in databases(d)
            if int(database.get("BackupRetentionPeriod", 0)) < 1
        )


@invariant
def cache_survives_a_zone_in_production(d: Deployment) -> Iterator[str]:
    """Production's Valkey has a second node in another zone, which takes over; elsewhere losing it slows delivery only."""
    for cache in d.some("AWS::ElastiCache::ReplicationGroup"):
        nodes = int(cache.get("NumCacheClusters", 0))
        wanted = nodes > 1
        if d.environment in ("prod", "dr") and nodes < 2:
            yield f"{cache} has one node"
        if cache.get("AutomaticFailoverEnabled") is not wanted or cache.get("MultiAZEnabled") is not wanted:
            yield f"{cache} has {nodes} nodes, and fails over otherwise"


@invariant
def cache_is_valkey_8(d: Deployment) -> Iterator[str]:
    """The cache is Valkey 8."""
    for cache in d.some("AWS::ElastiCache::ReplicationGroup"):
        if (cache.get("Engine"), str(cache.get("EngineVersion"))) != ("valkey", "8.0"):
            yield f"{cache} runs {cache.get('Engine')} {cache.get('EngineVersion')}"


@invariant
def backups_are_apart(d: Deployment) -> Iterator[str]:
    """AWS Backup copies the database daily into a vault that outlives the stack, for 35 days; production's leave the region."""
    vaults = d.some("AWS::Backup::BackupVault")
    for vault in vaults:
        if vault.attributes.get("DeletionPolicy") not in RETAINS:
            yield f"{vault} goes with its stack"
    selected = [
        item for selection in d.some("AWS::Backup::BackupSelection") for item in references(selection.get("BackupSelection.Resources", []))
    ]
    for database in databases(d):
        if database.id not in selected:
            yield f"{database} is not selected"
    for plan in d.some("AWS::Backup::BackupPlan"):
        for rule in plan.get("BackupPlan.BackupPlanRule", []):
            if rule.get("Lifecycle", {}).get("DeleteAfterDays", 0) < 35:
                yield f"{plan} keeps too little"
            if d.target(rule.get("TargetBackupVault")) not in vaults:
                yield f"{plan} has no vault of ours"
            if d.environment == "prod" and not rule.get("CopyActions"):
                yield f"{plan} keeps all copies in one region"
