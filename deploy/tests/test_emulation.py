"""The driver deploys all stacks to emulators, and what is there is what the templates say."""

from __future__ import annotations

import base64
import json
import resource
from collections.abc import Iterator
from pathlib import Path

import pytest

from cloud import bluegreen, operate, release, stacks
from cloud.emulation import Emulation, emulate, refused_types
from cloud.projection import NOT_IN_MINISTACK
from cloud.stacks import Refused
from cloud.template import TEMPLATES, parse

# What no emulator makes: exactly this. A new version that knows more, or less, is to be noticed.
NOWHERE = {
    "10-network.AlbToApp": "AWS::EC2::SecurityGroupEgress",
    "20-data.AppRotation": "AWS::SecretsManager::RotationSchedule",
    "20-data.BackupSelection": "AWS::Backup::BackupSelection",
    "20-data.MasterRotation": "AWS::SecretsManager::RotationSchedule",
    "40-app.FirewallLogging": "AWS::WAFv2::LoggingConfiguration",
    "40-app.FirewallOfAlb": "AWS::WAFv2::WebACLAssociation",
    "60-observe.Budget": "AWS::Budgets::Budget",
    "60-observe.UserImpact": "AWS::CloudWatch::CompositeAlarm",
}
AUTHORITIES = b"-----BEGIN CERTIFICATE-----\nof nobody\n-----END CERTIFICATE-----\n"


def cpu_seconds() -> float:
    """Of this process and the servers that it has ended."""
    return sum(
        usage.ru_utime + usage.ru_stime
        for usage in (resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN))
    )


@pytest.fixture(scope="module")
def emulation() -> Iterator[Emulation]:
    said: list[str] = []
    with emulate("prod", said.append) as shown:
        yield shown


def test_all_stacks_are_there(emulation: Emulation) -> None:
    made = sum(map(len, emulation.made.values()))
    print(f"\n{made} of {emulation.total} resources in {emulation.seconds:.1f} s")
    assert list(emulation.made) == stacks.stack_names()
    # Without 30-notify, as long as it is not there, it is a little less.
    assert made >= (0.95 if "30-notify" in emulation.made else 0.94) * emulation.total


def test_it_takes_less_than_ten_seconds() -> None:
    before = cpu_seconds()
    with emulate("lean", lambda _: None) as shown:
        made = sum(map(len, shown.made.values()))
    spent = cpu_seconds() - before
    print(f"\n{made} resources: {shown.seconds:.1f} s, {spent:.1f} s of a processor")
    # Beside other work on the machine it takes longer; then what counts is that two processors would have done it.
    assert min(shown.seconds, spent / 2) < 10


def test_what_no_emulator_has_is_exactly_this(emulation: Emulation) -> None:
    assert emulation.nowhere == NOWHERE


def test_what_ministack_refuses_is_exactly_what_it_is_not_given(emulation: Emulation) -> None:
    used = {about["Type"] for path in TEMPLATES.glob("*.yml") for about in parse(path.read_text())["Resources"].values()}
    assert refused_types(emulation.account) == NOT_IN_MINISTACK
    assert used >= NOT_IN_MINISTACK


def test_rules_that_ministack_lacks_are_on_moto(emulation: Emulation) -> None:
    by = {
        who: sorted(f"{stack}.{name}" for stack, made in emulation.made.items() for name in made if made[name] == who)
        for who in ("MiniStack", "moto")
    }
    assert by["moto"] == [
        "10-network.AppToCache",
        "10-network.AppToDb",
        "10-network.NatA",
        "10-network.NatAddressA",
        "10-network.NatAddressB",
        "10-network.NatB",
        "10-network.RotationToDb",
        "60-observe.FlowLog",
    ]
    groups = {group["Description"]: group for group in emulation.beside.client("ec2").describe_security_groups()["SecurityGroups"]}
    (rule,) = groups["MySQL"]["IpPermissions"]
    assert rule["FromPort"] == rule["ToPort"] == 3306
    friends = {groups[name]["GroupId"] for name in ("The instances of the API", "The functions that change the passwords of the database")}
    assert {pair["GroupId"] for pair in rule["UserIdGroupPairs"]} == friends


def test_the_database_is_as_it_should_be(emulation: Emulation) -> None:
    account = emulation.account
    name = account.outputs("20-data")["DatabaseId"]
    (database,) = account.client("rds").describe_db_instances(DBInstanceIdentifier=name)["DBInstances"]
    assert database["StorageEncrypted"] is True
    assert database["MultiAZ"] is True
    assert database["DeletionProtection"] is True
    assert database["EngineVersion"] == "8.4.11"
    assert database["PubliclyAccessible"] is False


def test_the_secret_of_the_api_knows_the_database_and_its_master(emulation: Emulation) -> None:
    account = emulation.account
    outputs = account.outputs("20-data")
    secrets = account.client("secretsmanager")
    app, master = (
        json.loads(secrets.get_secret_value(SecretId=outputs[name])["SecretString"]) for name in ("AppSecretArn", "MasterSecretArn")
    )
    assert app["username"] == "roomm8_app"
    assert app["masterarn"] == outputs["MasterSecretArn"]
    assert app["host"] == master["host"] != ""
    assert len(app["password"]) == len(master["password"]) == 40
    assert app["password"] != master["password"]


def test_settings_name_what_was_made(emulation: Emulation) -> None:
    account = emulation.account
    value = account.client("ssm").get_parameter(Name="/roomm8/prod/settings")["Parameter"]["Value"]
    settings = dict(line.split("=", 1) for line in value.splitlines())
    outputs = account.outputs("20-data")
    app = f"secretsmanager:{outputs['AppSecretArn']}"
    assert settings["DATABASE_URL"] == f"mysql://{{{app}#username}}:{{{app}#password}}@{{{app}#host}}:3306/roomm8"
    assert settings["DATABASE_READ_URL"] == f"mysql://{{{app}#username}}:{{{app}#password}}@{outputs['ReplicaHost']}:3306/roomm8"
    assert settings["REDIS_URL"] == f"rediss://:{{secretsmanager:{outputs['CacheSecretArn']}#password}}@{outputs['CacheHost']}:6379"
    assert settings["PUBLIC_URL"] == "https://app.roomm8.example"
    assert settings["LISTEN_ADDR"] == "0.0.0.0:9090"


def test_a_key_for_push_services_is_told_where_there_is_one(emulation: Emulation) -> None:
    account = emulation.account
    roles = account.client("iam")

    def told() -> tuple[list[str], list[str]]:
        value = account.client("ssm").get_parameter(Name="/roomm8/prod/settings")["Parameter"]["Value"]
        resources = account.client("cloudformation").describe_stack_resources(StackName=account.full_name("40-app"))["StackResources"]
        role = next(item["PhysicalResourceId"] for item in resources if item["LogicalResourceId"] == "InstanceRole")
        policy = roles.get_role_policy(RoleName=role, PolicyName="api")["PolicyDocument"]
        return value.splitlines(), next(item["Resource"] for item in policy["Statement"] if item["Sid"] == "ReadItsSecrets")

    lines, secrets = told()
    assert len(secrets) == 3
    arn = account.client("secretsmanager").create_secret(Name="roomm8/prod/vapid", SecretString="of nobody")["ARN"]
    assert stacks.update(account, "40-app", {"VapidKeySecretArn": arn}) is True
    more_lines, more_secrets = told()
    assert [line for line in more_lines if line not in lines] == [f"VAPID_KEY={{secretsmanager:{arn}}}"]
    assert more_secrets == [*secrets, arn]
    # The environment's file names none.
    assert stacks.update(account, "40-app", {}) is True
    assert told() == (lines, secrets)


def test_the_load_balancer_is_as_it_should_be(emulation: Emulation) -> None:
    balancers = emulation.account.client("elbv2")
    (balancer,) = balancers.describe_load_balancers(Names=["roomm8-prod"])["LoadBalancers"]
    given = balancers.describe_load_balancer_attributes(LoadBalancerArn=balancer["LoadBalancerArn"])["Attributes"]
    assert {item["Key"]: item["Value"] for item in given}["idle_timeout.timeout_seconds"] == "300"
    (listener,) = balancers.describe_listeners(LoadBalancerArn=balancer["LoadBalancerArn"])["Listeners"]
    assert (listener["Port"], listener["Protocol"]) == (443, "HTTPS")
    groups = balancers.describe_target_groups(Names=["roomm8-prod-blue", "roomm8-prod-green"])["TargetGroups"]
    assert [(group["Port"], group["HealthCheckPath"]) for group in groups] == [(9090, "/readyz")] * 2


def test_the_data_is_protected_and_a_second_deployment_changes_nothing(emulation: Emulation) -> None:
    account = emulation.account
    described = account.described("20-data")
    assert described is not None
    assert described["EnableTerminationProtection"] is True
    for stack in ("20-data", "40-app"):
        assert stacks.update(account, stack, {}) is False


def test_a_change_that_would_lose_data_is_refused(emulation: Emulation) -> None:
    account = emulation.account

    def without_database(stack: str, text: str) -> str:
        template = json.loads(emulation.account.project(stack, text))
        for name in [*template["Resources"]]:
            if name in ("Database", "DbReplicaInstance") or "Attachment" in name:
                del template["Resources"][name]
        template["Outputs"] = {}
        return json.dumps(template)

    beside = stacks.Account(account.session, account.environment, account.endpoint, without_database, say=account.say)
    with pytest.raises(Refused, match="would replace or remove Database, DbReplicaInstance, which keep data"):
        stacks.update(beside, "20-data", {})
    assert account.outputs("20-data")["DatabaseId"]


def test_a_stack_that_could_not_be_made_is_made_again(emulation: Emulation) -> None:
    account = emulation.account

    def nowhere(stack: str, text: str) -> str:
        template = json.loads(account.project(stack, text))
        template["Resources"]["WebRecord"]["Properties"]["HostedZoneId"] = "ZNOWHERE"
        return json.dumps(template)

    own = account.own | account.outputs("20-data") | {"OriginDomain": "origin.lean.example", "WebDomain": "lean.example"}
    broken = stacks.Account(account.session, "lean", account.endpoint, nowhere, own=own, say=account.say)
    with pytest.raises(Refused, match=r"50-web failed and was rolled back\. WebRecord"):
        stacks.update(broken, "50-web", {})
    mended = stacks.Account(account.session, "lean", account.endpoint, account.project, own=own, say=account.say)
    assert stacks.update(mended, "50-web", {}) is True
    assert mended.outputs("50-web")["SiteBucket"]


def test_the_role_of_auto_scaling_is_made_once(emulation: Emulation) -> None:
    for _ in range(2):
        stacks.have_service_role(emulation.account)
    roles = emulation.account.client("iam").list_roles(PathPrefix="/aws-service-role/autoscaling.amazonaws.com/")["Roles"]
    assert [role["RoleName"].lower() for role in roles] == ["awsserviceroleforautoscaling"]


def test_a_difference_is_told_and_not_made(emulation: Emulation) -> None:
    account = emulation.account
    said: list[str] = []
    looking = stacks.Account(
        account.session,
        "prod",
        account.endpoint,
        account.project,
        own=account.own | {"MonthlyBudget": "1", "MaxInstances": "4"},
        say=said.append,
    )
    stacks.diff(looking, {})
    assert "10-network: no changes" in said
    assert any("BlueInstances AWS::AutoScaling::AutoScalingGroup" in line for line in said)
    groups = account.client("autoscaling").describe_auto_scaling_groups(AutoScalingGroupNames=["roomm8-prod-blue"])["AutoScalingGroups"]
    assert groups[0]["MaxSize"] == 5


def test_a_difference_to_nothing_leaves_nothing(emulation: Emulation) -> None:
    account = emulation.account
    said: list[str] = []
    stacks.diff(stacks.Account(account.session, "staging", account.endpoint, account.project, own=account.own, say=said.append), {})
    assert "10-network: create" in said
    assert any("add    Vpc AWS::EC2::VPC" in line for line in said)
    # Those that follow lack the outputs of those before, and say so.
    assert any(line.startswith("20-data: 20-data needs AppSubnetIds") for line in said)
    left = account.client("cloudformation").describe_stacks()["Stacks"]
    assert [stack["StackName"] for stack in left if "staging" in stack["StackName"] and stack["StackStatus"] != "DELETE_COMPLETE"] == []


def test_a_rotation_is_waited_for(emulation: Emulation) -> None:
    account = emulation.account
    secret = account.outputs("20-data")["AppSecretArn"]
    before = operate.current(account, secret)
    operate.rotate(account, "app", patience=5, pause=0.1)
    assert operate.current(account, secret) != before


def test_a_new_signing_key_comes_before_those_that_are_believed(emulation: Emulation) -> None:
    account = emulation.account
    secret = account.outputs("20-data")["SigningKeysSecretArn"]

    def keys() -> list[str]:
        value = json.loads(account.client("secretsmanager").get_secret_value(SecretId=secret)["SecretString"])
        return f"{value['newest']}:{value['keys']}".split(",")

    # The emulator puts punctuation into what it generates, commas too, although it is told not to.
    account.client("secretsmanager").put_secret_value(SecretId=secret, SecretString=json.dumps({"newest": "key-1", "keys": "A" * 64}))
    seen = [keys()]
    for _ in range(3):
        operate.rotate(account, "signing")
        seen.append(keys())
    assert [[key.partition(":")[0] for key in them] for them in seen] == [
        ["key-1"],
        ["key-2", "key-1"],
        ["key-3", "key-2", "key-1"],
        ["key-4", "key-3", "key-2"],
    ]
    assert seen[3][1:] == seen[2][:2]
    # Each is base64url of at least 32 bytes.
    for key in seen[0] + seen[3]:
        assert len(base64.urlsafe_b64decode(key.partition(":")[2])) == 48


def test_a_rotation_that_does_not_happen_is_told(emulation: Emulation) -> None:
    account = emulation.account
    secrets = account.client("secretsmanager")

    class Stuck:
        """Takes the request and does nothing, as where the function fails."""

        describe_secret = staticmethod(secrets.describe_secret)

        @staticmethod
        def rotate_secret(**_: object) -> None:
            pass

    stuck = stacks.Account(
        account.session, "prod", account.endpoint, say=account.say, clients=account.clients | {"secretsmanager": Stuck()}
    )
    with pytest.raises(Refused, match=r"app was not rotated within .* runbooks/rotate\.md"):
        operate.rotate(stuck, "app", patience=0.3, pause=0.1)


def test_the_site_is_uploaded_and_a_folder_without_pages_refused(emulation: Emulation, tmp_path: Path) -> None:
    account = emulation.account
    with pytest.raises(Refused, match=r"holds no index\.html"):
        release.upload_site(account, tmp_path)
    (tmp_path / "index.html").write_text("<p>RoomM8")
    (tmp_path / "app.js").write_text("1")
    release.upload_site(account, tmp_path)
    bucket = account.outputs("50-web")["SiteBucket"]
    page, script = (account.client("s3").head_object(Bucket=bucket, Key=key) for key in ("index.html", "app.js"))
    assert (page["ContentType"], page["CacheControl"]) == ("text/html", "no-cache")
    assert "immutable" in script["CacheControl"]


def test_a_missing_parameter_is_named(emulation: Emulation) -> None:
    account = emulation.account
    beside = stacks.Account(account.session, "staging", account.endpoint, account.project, say=account.say)
    with pytest.raises(Refused, match=r"40-app needs .*BlueRelease.*--binary"):
        stacks.update(beside, "40-app", {})


def test_a_release_is_packed_the_same_each_time_and_uploaded_by_its_digest(emulation: Emulation, tmp_path: Path) -> None:
    binary = tmp_path / "roomm8"
    binary.write_bytes(b"a program")
    assert release.packed(binary, AUTHORITIES) == release.packed(binary, AUTHORITIES)
    made = release.upload_release(emulation.account, binary, AUTHORITIES)
    stored = emulation.account.client("s3").get_object(Bucket=release.bucket(emulation.account), Key=made.key)["Body"].read()
    assert stored == release.packed(binary, AUTHORITIES)
    assert made.key == f"releases/{made.sha256[:16]}.tar.gz"


def led_to(account: stacks.Account) -> str:
    """The colour to which the load balancer leads people."""
    balancers = account.client("elbv2")
    (balancer,) = balancers.describe_load_balancers(Names=["roomm8-prod"])["LoadBalancers"]
    (listener,) = balancers.describe_listeners(LoadBalancerArn=balancer["LoadBalancerArn"])["Listeners"]
    rules = balancers.describe_rules(ListenerArn=listener["ListenerArn"])["Rules"]
    rule = next(rule for rule in rules if rule["Priority"] == "10")
    return "blue" if rule["Actions"][0]["TargetGroupArn"] == account.outputs("40-app")["BlueTargetsArn"] else "green"


def test_a_release_goes_to_the_other_colour_and_back(emulation: Emulation, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    account = emulation.account
    monkeypatch.setattr(bluegreen, "SETTLE", 0)
    outputs = account.outputs("40-app")
    balancers = account.client("elbv2")
    # The emulator starts no instances, so these stand for them.
    for color in ("Blue", "Green"):
        balancers.register_targets(
            TargetGroupArn=outputs[f"{color}TargetsArn"], Targets=[{"Id": "i-0a", "Port": 9090}, {"Id": "i-0b", "Port": 9090}]
        )
    (tmp_path / "roomm8").write_bytes(b"the next program")
    made = release.upload_release(account, tmp_path / "roomm8", AUTHORITIES)
    assert led_to(account) == "blue"
    bluegreen.release(account, made, bake=0, patience=5, pause=0.1)
    assert (led_to(account), bluegreen.active(account), bluegreen.standby_runs(account)) == ("green", "green", False)
    with pytest.raises(Refused, match="nothing to go back to"):
        bluegreen.go_back(account)
    stacks.update(account, "40-app", {"Standby": "on"})
    bluegreen.go_back(account)
    assert (led_to(account), bluegreen.active(account)) == ("blue", "blue")


def test_a_release_that_does_not_serve_leads_nobody_to_it(emulation: Emulation, tmp_path: Path) -> None:
    account = emulation.account
    before = led_to(account)
    idle = bluegreen.OTHER[before].capitalize()
    group = account.outputs("40-app")[f"{idle}TargetsArn"]
    account.client("elbv2").deregister_targets(TargetGroupArn=group, Targets=[{"Id": "i-0a"}, {"Id": "i-0b"}])
    (tmp_path / "roomm8").write_bytes(b"a program that does not start")
    made = release.upload_release(account, tmp_path / "roomm8", AUTHORITIES)
    with pytest.raises(Refused, match="only 0 instances of"):
        bluegreen.release(account, made, bake=0, patience=0.3, pause=0.1)
    assert led_to(account) == before


def test_destroying_leaves_the_data_unless_it_is_told(emulation: Emulation) -> None:
    account = emulation.account
    stacks.destroy(account, with_data=False)
    assert [stack for stack in stacks.stack_names() if account.described(stack)] == ["10-network", "20-data"]
    assert account.client("elbv2").describe_load_balancers()["LoadBalancers"] == []
    name = account.outputs("20-data")["DatabaseId"]
    assert account.client("rds").describe_db_instances(DBInstanceIdentifier=name)["DBInstances"][0]["DeletionProtection"] is True
    stacks.destroy(account, with_data=True)
    assert [stack for stack in stacks.stack_names() if account.described(stack)] == []
    # The releases stay all the same.
    assert any("artifactbucket" in bucket["Name"].lower() for bucket in account.client("s3").list_buckets()["Buckets"])
