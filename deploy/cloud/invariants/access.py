"""Who may do what."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from cloud.invariants import invariant
from cloud.template import Absent, Deployment, Resource, references

# Actions that know no resource; each is allowed only under a condition.
WITHOUT_RESOURCE = {
    "cloudwatch:PutMetricData",
    "ssm:UpdateInstanceInformation",
    "ssmmessages:CreateControlChannel",
    "ssmmessages:CreateDataChannel",
    "ssmmessages:OpenControlChannel",
    "ssmmessages:OpenDataChannel",
    "xray:PutTelemetryRecords",
    "xray:PutTraceSegments",
}
# These say nothing about their caller that a condition could test.
UNCONDITIONAL = {"xray:PutTelemetryRecords", "xray:PutTraceSegments"}
# Where a name would be too narrow: what else keeps the permission small, by a condition.
WIDE = {
    # The sandbox asks for each reader's address as well.
    ("ses:SendEmail", "identity/*"): "ses:FromAddress",
}
AWS_POLICIES = (
    "service-role/AmazonRDSEnhancedMonitoringRole",
    "service-role/AWSBackupServiceRolePolicyForBackup",
    "service-role/AmazonAPIGatewayPushToCloudWatchLogs",
)


def as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def statements(d: Deployment) -> Iterator[tuple[Resource, dict[str, Any]]]:
    """Each statement of a policy that says what a role may do."""
    for role in d.some("AWS::IAM::Role"):
        for policy in role.get("Policies", []):
            for statement in as_list(policy["PolicyDocument"]["Statement"]):
                yield role, statement
    for policy in d.every("AWS::IAM::Policy", "AWS::IAM::ManagedPolicy", "AWS::IAM::RolePolicy"):
        for statement in as_list(policy.get("PolicyDocument.Statement", [])):
            yield policy, statement


def resource_policies(d: Deployment) -> Iterator[tuple[Resource, dict[str, Any]]]:
    """Each statement of a policy that says who may use a resource."""
    if not any(resource.get("PolicyDocument.Statement") or resource.get("KeyPolicy.Statement") for resource in d.resources):
        raise Absent("no resource has a policy")
    for resource in d.resources:
        for path in ("PolicyDocument.Statement", "KeyPolicy.Statement"):
            if not resource.type.startswith("AWS::IAM::"):
                for statement in as_list(resource.get(path, [])):
                    yield resource, statement


def instance_role(d: Deployment) -> Resource:
    """The role of the instances."""
    for template in d.some("AWS::EC2::LaunchTemplate"):
        profile = d.target(template.get("LaunchTemplateData.IamInstanceProfile.Arn"))
        role = d.target(profile.get("Roles", [None])[0]) if profile else None
        if role:
            return role
    raise Absent("instances have no role")


@invariant
def instances_have_a_role(d: Deployment) -> Iterator[str]:
    """Each launch template gives its instances a role, or their agent could tell nobody anything."""
    for template in d.some("AWS::EC2::LaunchTemplate"):
        profile = d.target(template.get("LaunchTemplateData.IamInstanceProfile.Arn"))
        if profile is None or profile.type != "AWS::IAM::InstanceProfile":
            yield f"{template} has no instance profile"


def is_all_of_a_kind(resource: str) -> bool:
    """Whether an address names a service or a kind of thing, and none of them: `*`, `identity/*`, `bucket/*`."""
    parts = re.split("[:/]", resource.split(":", 5)[-1])
    return parts[-1] == "*" and len(parts) <= 2


@invariant
def every_permission_names_its_resource(d: Deployment) -> Iterator[str]:
    """
    No statement allows something on everything, or on all of a kind, unless it is an action that knows no resource, under a
    condition, or one of the few that are written above.
    """
    for role, statement in statements(d):
        if statement["Effect"] != "Allow":
            continue
        actions = set(as_list(statement["Action"]))
        conditions = {key for operator in statement.get("Condition", {}).values() for key in operator}
        for resource in as_list(statement.get("Resource", "*")):
            if resource == "*":
                if not actions <= WITHOUT_RESOURCE:
                    yield f"{role} may {', '.join(sorted(actions - WITHOUT_RESOURCE))} on everything"
                elif not conditions and not actions <= UNCONDITIONAL:
                    yield f"{role} may {', '.join(sorted(actions))} without a condition"
            elif is_all_of_a_kind(str(resource)):
                for action in sorted(actions):
                    if WIDE.get((action, str(resource).split(":", 5)[-1])) not in conditions:
                        yield f"{role} may {action} on {resource}"


@invariant
def no_permission_is_a_wildcard(d: Deployment) -> Iterator[str]:
    """No role may do everything that a service can."""
    for role, statement in statements(d):
        for action in as_list(statement.get("Action", "*")):
            if "*" in action:
                yield f"{role} may {action}"
        if "NotAction" in statement or "NotResource" in statement:
            yield f"{role} may all but something"


@invariant
def aws_policies_are_few(d: Deployment) -> Iterator[str]:
    """AWS's own policies are attached only where a service asks for exactly that one."""
    for role in d.some("AWS::IAM::Role"):
        for policy in role.get("ManagedPolicyArns", []):
            if not policy.endswith(AWS_POLICIES):
                yield f"{role} has {policy}"


@invariant
def roles_are_ours_and_for_one_service(d: Deployment) -> Iterator[str]:
    """Each role is made here and trusts one service, and no account."""
    for role in d.some("AWS::IAM::Role"):
        for statement in role.get("AssumeRolePolicyDocument.Statement", []):
            principal = statement["Principal"]
            if set(principal) != {"Service"} or len(as_list(principal["Service"])) != 1:
                yield f"{role} trusts {principal}"
    for function in d.every("AWS::Lambda::Function"):
        role = d.target(function.get("Role"))
        if role is None:
            yield f"{function} has a role that is not made here"


EVENTS = "events.amazonaws.com"
TOPIC_OF_KEY = "kms:EncryptionContext:aws:sns:topicArn"


def services(statement: dict[str, Any]) -> list[str]:
    """The services that a statement lets in."""
    principal = statement.get("Principal", {})
    return as_list(principal.get("Service", [])) if statement["Effect"] == "Allow" and isinstance(principal, dict) else []


def topics_named(d: Deployment, statement: dict[str, Any]) -> list[Resource]:
    """The topics of ours that the key may be used for by a statement, each by its whole address."""
    named = as_list(statement.get("Condition", {}).get("StringEquals", {}).get(TOPIC_OF_KEY, []))
    topics = d.every("AWS::SNS::Topic")
    return [
        topic for value in named for topic in topics if re.fullmatch(rf"arn:aws:sns:[a-z0-9-]+:\d+:{topic.get('TopicName')}", str(value))
    ]


@invariant
def services_act_for_this_account(d: Deployment) -> Iterator[str]:
    """What a service may do to ours, it may do for this account only; EventBridge, which does not say whose it is, for our topics only."""
    for resource, statement in resource_policies(d):
        conditions = {key for operator in statement.get("Condition", {}).values() for key in operator}
        for service in services(statement):
            if service == EVENTS:
                if conditions & {"aws:SourceAccount", "aws:SourceArn", "aws:SourceOrgID"}:
                    yield f"{resource} asks EventBridge what it does not say, so it lets nothing in"
                if resource.type == "AWS::KMS::Key" and not topics_named(d, statement):
                    yield f"{resource} is EventBridge's for any topic"
                if resource.type == "AWS::SNS::TopicPolicy" and (conditions or d.target(statement.get("Resource")) is None):
                    yield f"{resource} asks EventBridge for a condition, which it cannot meet, or is for another topic"
            elif not conditions & {"aws:SourceAccount", "aws:SourceArn", "kms:EncryptionContext:aws:logs:arn"}:
                yield f"{resource} trusts {service} for any account"


@invariant
def events_reach_encrypted_topics(d: Deployment) -> Iterator[str]:
    """Where a rule leads events to a topic, the topic and its key let EventBridge in."""
    let_in = [(resource, statement) for resource, statement in resource_policies(d) if EVENTS in services(statement)]
    for rule in d.some("AWS::Events::Rule"):
        for topic in [topic for topic in d.targets([item["Arn"] for item in rule.get("Targets", [])]) if topic.type == "AWS::SNS::Topic"]:
            if not any(d.target(statement.get("Resource")) is topic for _, statement in let_in):
                yield f"{rule} may not publish to {topic}"
            key = d.target(topic.get("KmsMasterKeyId"))
            if key and not any(resource is key and topic in topics_named(d, statement) for resource, statement in let_in):
                yield f"{rule} may not use the key of {topic}"


@invariant
def nothing_is_allowed_to_everybody(d: Deployment) -> Iterator[str]:
    """No policy of a resource lets everybody in without a condition on who it is."""
    for resource, statement in resource_policies(d):
        everybody = statement.get("Principal") in ("*", {"AWS": "*"})
        if statement["Effect"] == "Allow" and everybody and "aws:PrincipalAccount" not in str(statement.get("Condition")):
            yield f"{resource} is for everybody"


@invariant
def instances_read_their_secrets_and_no_others(d: Deployment) -> Iterator[str]:
    """The instances' role reads exactly the secrets that their settings name, made here or by hand; not the master's."""
    allowed: set[str] = set()
    for role, statement in statements(d):
        if role is instance_role(d) and any(action.startswith("secretsmanager:") for action in as_list(statement["Action"])):
            for resource in as_list(statement["Resource"]):
                # What was made by hand has its address here.
                allowed |= set(references(resource)) or {str(resource)}
    named = {
        item
        for settings in d.some("AWS::SSM::Parameter")
        for item in references(settings.get("Value"))
        if item in {s.id for s in d.some("AWS::SecretsManager::Secret")}
    }
    for settings in d.some("AWS::SSM::Parameter"):
        named |= set(re.findall(r"\{secretsmanager:(arn:[^#}]+)", str(settings.get("Value"))))
    if not named:
        yield "settings name no secret"
    yield from (f"instances need {item} and may not read it" for item in named - allowed)
    yield from (f"instances may read {item} and do not need it" for item in allowed - named)
    masters = {
        str(d.target(schedule.get("HostedRotationLambda.MasterSecretArn"))) for schedule in d.every("AWS::SecretsManager::RotationSchedule")
    }
    yield from (f"instances may read {item}, of the master" for item in allowed & masters)


@invariant
def instances_may_publish_letters(d: Deployment) -> Iterator[str]:
    """The instances' role publishes to the topic of letters, which their settings name, and to no other."""
    topics = {
        str(resource)
        for role, statement in statements(d)
        if role is instance_role(d) and "sns:Publish" in as_list(statement["Action"])
        for resource in as_list(statement["Resource"])
    }
    if len(topics) != 1:
        yield f"instances publish to {len(topics)} topics"
    values = [str(item.get("Value")) for item in d.some("AWS::SSM::Parameter")]
    yield from (f"settings do not name {topic}" for topic in topics if not any(f"SNS_TOPIC_ARN={topic}\n" in value for value in values))


@invariant
def instances_may_use_the_key(d: Deployment) -> Iterator[str]:
    """The instances' role opens what is encrypted, through the services that hold it."""
    for role, statement in statements(d):
        actions = as_list(statement["Action"])
        if role is instance_role(d) and "kms:Decrypt" in actions:
            if "kms:GenerateDataKey" not in actions:
                yield "instances cannot publish to an encrypted topic"
            if not statement.get("Condition", {}).get("StringEquals", {}).get("kms:ViaService"):
                yield "instances use the key for anything"
            return
    yield "instances cannot open what is encrypted"


@invariant
def the_key_is_used_through_services(d: Deployment) -> Iterator[str]:
    """Whoever may use the key may do so only through the services that keep what they read."""
    using = [
        (role, statement)
        for role, statement in statements(d)
        if any(str(action).startswith("kms:") for action in as_list(statement["Action"]))
    ]
    if not using:
        yield "nobody uses the key"
    for role, statement in using:
        through = as_list(statement.get("Condition", {}).get("StringEquals", {}).get("kms:ViaService", []))
        if not through or not all(re.fullmatch(r"[a-z0-9]+\.[a-z0-9-]+\.amazonaws\.com", str(service)) for service in through):
            yield f"{role} uses the key for anything"


@invariant
def instances_tell_the_agent_s_log_groups(d: Deployment) -> Iterator[str]:
    """The instances' role writes to the log groups that the agent names."""
    groups = {group.id: str(group.get("LogGroupName")) for group in d.some("AWS::Logs::LogGroup")}
    allowed = {
        groups.get(item)
        for role, statement in statements(d)
        if role is instance_role(d) and "logs:PutLogEvents" in as_list(statement["Action"])
        for item in references(statement["Resource"])
    }
    agent = d.file("host/cloudwatch-agent.json").replace(
        "{{environment}}", d.parameters["40-app"]["Environment"] if "40-app" in d.parameters else d.environment
    )
    for name in re.findall(r'"log_group_name": "([^"]+)"', agent):
        if name not in allowed:
            yield f"instances may not write to {name}"


@invariant
def key_is_not_for_everything_a_service_does(d: Deployment) -> Iterator[str]:
    """Only the account itself has the whole key; grants are for AWS's services."""
    for key in d.some("AWS::KMS::Key"):
        denies_grants = False
        for statement in key.get("KeyPolicy.Statement", []):
            principal = statement["Principal"]
            if "kms:*" in as_list(statement["Action"]) and not str(principal.get("AWS", "")).endswith(":root"):
                yield f"{key} is all {principal}'s"
            if statement["Effect"] == "Deny" and "kms:CreateGrant" in as_list(statement["Action"]):
                unless = statement.get("Condition", {}).get("BoolIfExists", {})
                denies_grants = unless == {"kms:GrantIsForAWSResource": "false", "aws:PrincipalIsAWSService": "false"}
            elif "kms:CreateGrant" in as_list(statement["Action"]) and statement.get("Condition") != {
                "Bool": {"kms:GrantIsForAWSResource": "true"}
            }:
                yield f"{key} may be lent by {principal}"
        if not denies_grants:
            yield f"{key} may be lent to anybody"
