"""How people are told: topics, queues, the function, and the intake."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

from cloud.invariants import invariant
from cloud.invariants.access import as_list, statements
from cloud.invariants.data import RETAINS
from cloud.template import Deployment, Resource


def dead_letter_queues(d: Deployment) -> set[str]:
    """The queues that others give up to."""
    return {
        str(d.target(queue.get("RedrivePolicy.deadLetterTargetArn"))) for queue in d.every("AWS::SQS::Queue") if queue.get("RedrivePolicy")
    }


@invariant
def every_queue_gives_up_to_another(d: Deployment) -> Iterator[str]:
    """Each queue has one for what cannot be handled, which keeps it for two weeks."""
    dead = dead_letter_queues(d)
    for queue in d.some("AWS::SQS::Queue"):
        if queue.id in dead:
            if int(queue.get("MessageRetentionPeriod", 345600)) < 1209600:
                yield f"{queue} forgets within two weeks"
        elif d.target(queue.get("RedrivePolicy.deadLetterTargetArn")) is None:
            yield f"{queue} has nowhere to give up to"


@invariant
def every_dead_letter_wakes_somebody(d: Deployment) -> Iterator[str]:
    """Each queue of what was given up has an alarm on its first message."""
    watched = {
        str(d.target(dimension["Value"]))
        for alarm in d.some("AWS::CloudWatch::Alarm")
        if alarm.get("MetricName") == "ApproximateNumberOfMessagesVisible" and float(alarm.get("Threshold", 1)) == 0
        for dimension in alarm.get("Dimensions", [])
    }
    dead = dead_letter_queues(d)
    if not dead:
        yield "no queue gives up to another"
    yield from (f"nobody is told of {queue}" for queue in dead if queue not in watched)


@invariant
def letters_go_from_topic_to_queue_to_function(d: Deployment) -> Iterator[str]:
    """The topic that the API publishes to has a queue, and the queue a function that reports what failed."""
    settings = "".join(str(item.get("Value")) for item in d.some("AWS::SSM::Parameter"))
    topics = [topic for topic in d.some("AWS::SNS::Topic") if f"SNS_TOPIC_ARN=${{{topic.id}}}" in settings]
    if not topics:
        yield "the API publishes to no topic of ours"
    for topic in topics:
        queues = [
            d.target(item.get("Endpoint"))
            for item in d.some("AWS::SNS::Subscription")
            if d.target(item.get("TopicArn")) is topic and item.get("Protocol") == "sqs"
        ]
        if not queues:
            yield f"{topic} has no queue"
        for queue in filter(None, queues):
            mappings = [item for item in d.some("AWS::Lambda::EventSourceMapping") if d.target(item.get("EventSourceArn")) is queue]
            if not any("ReportBatchItemFailures" in item.get("FunctionResponseTypes", []) for item in mappings):
                yield f"one bad message of {queue} fails its whole batch"


@invariant
def people_are_not_subscribers(d: Deployment) -> Iterator[str]:
    """Only operators are subscribed by mail: each address would have to confirm, and a topic holds 200 filters."""
    for subscription in d.some("AWS::SNS::Subscription"):
        if subscription.get("Protocol") in ("email", "email-json", "sms") and subscription.stack != "20-data":
            yield f"{subscription} is of a person"


@invariant
def functions_are_on_a_short_leash(d: Deployment) -> Iterator[str]:
    """Functions run on a supported runtime, end within a minute, with a log group of their own."""
    for function in d.some("AWS::Lambda::Function"):
        if function.get("Runtime") != "provided.al2023":
            yield f"{function} runs on {function.get('Runtime')}"
        if not 0 < int(function.get("Timeout", 3)) <= 60:
            yield f"{function} may run for {function.get('Timeout')} s"
        if d.target(function.get("LoggingConfig.LogGroup")) is None:
            yield f"{function} makes its own log group"
        for mapping in d.every("AWS::Lambda::EventSourceMapping"):
            queue = d.target(mapping.get("EventSourceArn"))
            if (
                queue
                and d.target(mapping.get("FunctionName")) is function
                and int(queue.get("VisibilityTimeout", 30)) < int(function.get("Timeout", 3))
            ):
                yield f"{queue} gives messages again while {function} has them"


def methods(d: Deployment) -> list[Resource]:
    return d.some("AWS::ApiGateway::Method")


@invariant
def intake_takes_signed_letters_only(d: Deployment) -> Iterator[str]:
    """Whatever does something asks for a signature; only OPTIONS does not, and it does nothing."""
    if not any(method.get("HttpMethod") == "POST" for method in methods(d)):
        yield "the intake takes nothing"
    for method in methods(d):
        if method.get("HttpMethod") == "OPTIONS":
            if method.get("Integration.Type") != "MOCK":
                yield f"{method} does something"
        elif method.get("AuthorizationType") != "AWS_IAM":
            yield f"{method} is for everybody"
        elif not method.get("RequestModels") or method.get("Integration.PassthroughBehavior") != "NEVER":
            yield f"{method} takes anything"


@invariant
def intake_is_for_one_origin(d: Deployment) -> Iterator[str]:
    """Pages of one origin may ask, and bring no cookies: never `*`, never with credentials."""
    origins = {given["WebOrigin"] for given in d.parameters.values() if "WebOrigin" in given}
    found = 0
    for method in methods(d):
        text = json.dumps(method.get("Integration.IntegrationResponses", []))
        if "Allow-Credentials" in text:
            yield f"{method} takes cookies"
        for response in method.get("Integration.IntegrationResponses", []):
            origin = response.get("ResponseParameters", {}).get("method.response.header.Access-Control-Allow-Origin")
            if origin is not None:
                found += 1
                if origin not in {f"'{item}'" for item in origins}:
                    yield f"{method} is for {origin}"
    if not found:
        yield "no page may ask"


@invariant
def intake_is_throttled(d: Deployment) -> Iterator[str]:
    """The stage takes a few requests a second, and logs who made them."""
    for stage in d.some("AWS::ApiGateway::Stage"):
        limits = [item for item in stage.get("MethodSettings", []) if item.get("ResourcePath") == "/*"]
        if not any(0 < float(item.get("ThrottlingRateLimit", 0)) <= 50 for item in limits):
            yield f"{stage} takes any number"
        if not stage.get("AccessLogSetting.DestinationArn"):
            yield f"{stage} keeps no log"


@invariant
def intake_publishes_letters_and_no_more(d: Deployment) -> Iterator[str]:
    """The intake's role may publish to one topic, and nothing else but use its key."""
    for method in methods(d):
        role = d.target(method.get("Integration.Credentials"))
        if method.get("HttpMethod") == "OPTIONS":
            continue
        if role is None:
            yield f"{method} has no role of ours"
            continue
        actions = {
            action
            for policy in role.get("Policies", [])
            for statement in as_list(policy["PolicyDocument"]["Statement"])
            for action in as_list(statement["Action"])
        }
        if not actions <= {"sns:Publish", "kms:Decrypt", "kms:GenerateDataKey"}:
            yield f"{role} may {', '.join(sorted(actions))}"


@invariant
def topics_take_tls_only(d: Deployment) -> Iterator[str]:
    """No topic or queue takes what comes in the clear."""
    for kind, path, policy_kind in (
        ("AWS::SNS::Topic", "Topics", "AWS::SNS::TopicPolicy"),
        ("AWS::SQS::Queue", "Queues", "AWS::SQS::QueuePolicy"),
    ):
        for item in d.some(kind):
            policies = [policy for policy in d.every(policy_kind) if item in d.targets(policy.get(path, []))]
            if not any(
                statement["Effect"] == "Deny" and statement.get("Condition", {}).get("Bool", {}).get("aws:SecureTransport") == "false"
                for policy in policies
                for statement in policy.get("PolicyDocument.Statement", [])
            ):
                yield f"{item} takes what comes in the clear"


@invariant
def bounces_come_back(d: Deployment) -> Iterator[str]:
    """SES tells of bounces and complaints, signs mail, and stops writing to who complained."""
    for identity in d.some("AWS::SES::EmailIdentity"):
        if identity.get("DkimAttributes.SigningEnabled") is not True:
            yield f"{identity} does not sign"
    for settings in d.some("AWS::SES::ConfigurationSet"):
        if not {"BOUNCE", "COMPLAINT"} <= set(settings.get("SuppressionOptions.SuppressedReasons", [])):
            yield f"{settings} writes to who complained"
    if not any(
        {"BOUNCE", "COMPLAINT"} <= set(item.get("EventDestination.MatchingEventTypes", []))
        for item in d.some("AWS::SES::ConfigurationSetEventDestination")
    ):
        yield "nobody hears of bounces"


@invariant
def what_is_fifo_is_so_throughout(d: Deployment) -> Iterator[str]:
    """A queue of a FIFO topic is FIFO, its dead letters too, and it gets the letter itself, without an envelope."""
    fifo = {topic.id for topic in d.some("AWS::SNS::Topic") if topic.get("FifoTopic") is True}
    for topic in d.every("AWS::SNS::Topic"):
        if str(topic.get("TopicName", "")).endswith(".fifo") is not (topic.id in fifo):
            yield f"{topic} is FIFO by its name only"
        if topic.id in fifo and topic.get("ContentBasedDeduplication") is not False:
            yield f"{topic} takes equal letters for one"
    for subscription in d.some("AWS::SNS::Subscription"):
        queue = d.target(subscription.get("Endpoint"))
        if queue is None or subscription.get("Protocol") != "sqs":
            continue
        if subscription.get("RawMessageDelivery") is not True:
            yield f"{subscription} wraps letters"
        dead = d.target(queue.get("RedrivePolicy.deadLetterTargetArn"))
        for item in filter(None, (queue, dead)):
            if (item.get("FifoQueue") is True) is not (str(d.target(subscription.get("TopicArn"))) in fifo):
                yield f"{item} is not as {subscription.get('TopicArn')}"


@invariant
def every_queue_is_filled_and_read(d: Deployment) -> Iterator[str]:
    """Each queue that is no end has a topic that writes to it and a function that reads it."""
    dead = dead_letter_queues(d)
    filled = {str(d.target(item.get("Endpoint"))) for item in d.some("AWS::SNS::Subscription")}
    read = {str(d.target(item.get("EventSourceArn"))) for item in d.some("AWS::Lambda::EventSourceMapping")}
    for queue in d.some("AWS::SQS::Queue"):
        if queue.id not in dead and queue.id not in filled & read:
            yield f"{queue} is not filled, or not read"


@invariant
def ledger_is_kept(d: Deployment) -> Iterator[str]:
    """Who wants no mail is not forgotten: the table can be restored and not deleted, and what was sent is forgotten in time."""
    for table in d.some("AWS::DynamoDB::Table"):
        for path in (
            "PointInTimeRecoverySpecification.PointInTimeRecoveryEnabled",
            "DeletionProtectionEnabled",
            "TimeToLiveSpecification.Enabled",
            "SSESpecification.SSEEnabled",
        ):
            if table.get(path) is not True:
                yield f"{table} has no {path.split('.')[0]}"
        if table.attributes.get("DeletionPolicy") not in RETAINS:
            yield f"{table} goes with its stack"


@invariant
def mail_s_trouble_has_an_alarm(d: Deployment) -> Iterator[str]:
    """Letters that wait, a function that fails or is held back, bounces and complaints: somebody is told."""
    watched = {(alarm.get("Namespace"), alarm.get("MetricName")) for alarm in d.some("AWS::CloudWatch::Alarm")}
    function = {
        str(d.target(item["Value"]))
        for alarm in d.every("AWS::CloudWatch::Alarm")
        if alarm.get("MetricName") == "Errors"
        for item in alarm.get("Dimensions", [])
    }
    for namespace, metric in (
        ("AWS/Lambda", "Throttles"),
        ("AWS/SES", "Reputation.BounceRate"),
        ("AWS/SES", "Reputation.ComplaintRate"),
    ):
        if (namespace, metric) not in watched:
            yield f"nobody is told of {metric}"
    aged = {
        str(d.target(item["Value"]))
        for alarm in d.every("AWS::CloudWatch::Alarm")
        if alarm.get("MetricName") == "ApproximateAgeOfOldestMessage"
        for item in alarm.get("Dimensions", [])
    }
    ends = dead_letter_queues(d)
    yield from (f"nobody is told that {item} waits" for item in d.some("AWS::SQS::Queue") if item.id not in aged | ends)
    yield from (f"nobody is told that {item} fails" for item in d.some("AWS::Lambda::Function") if item.id not in function)


@invariant
def mail_is_on(d: Deployment) -> Iterator[str]:
    """Sending and its events are on, and the intake looks at what it takes."""
    for settings in d.some("AWS::SES::ConfigurationSet"):
        if (
            settings.get("SendingOptions.SendingEnabled") is not True
            or settings.get("ReputationOptions.ReputationMetricsEnabled") is not True
        ):
            yield f"{settings} is off"
    for destination in d.some("AWS::SES::ConfigurationSetEventDestination"):
        if destination.get("EventDestination.Enabled") is not True:
            yield f"{destination} is off"
    for validator in d.some("AWS::ApiGateway::RequestValidator"):
        if validator.get("ValidateRequestBody") is not True:
            yield f"{validator} looks away"
    for model in d.some("AWS::ApiGateway::Model"):
        if model.get("Schema.additionalProperties") is not False or not model.get("Schema.required"):
            yield f"{model} takes anything"
    if not any(method.get("HttpMethod") == "OPTIONS" for method in methods(d)):
        yield "browsers cannot ask first"
    for stage in d.some("AWS::ApiGateway::Stage"):
        if any(item.get("DataTraceEnabled") for item in stage.get("MethodSettings", [])):
            yield f"{stage} writes letters into its log"


@invariant
def mail_is_from_one_address_and_its_domain_vouches(d: Deployment) -> Iterator[str]:
    """Who may send may send as one address only; what the domain must say of that is named, for who keeps its zone."""
    found = False
    for role, statement in statements(d):
        if any(action.startswith("ses:") for action in as_list(statement["Action"])):
            found = True
            sender = statement.get("Condition", {}).get("StringEquals", {}).get("ses:FromAddress")
            if not re.fullmatch(r"letters@[a-z0-9.-]+", str(sender)):
                yield f"{role} sends as {sender or 'anybody'}"
    if not found:
        yield "nobody may send mail"
    named = json.dumps(d.templates["30-notify"].get("Outputs", {}))
    for word in ("DkimDNSTokenValue1", "DkimDNSTokenValue2", "DkimDNSTokenValue3", "MX 10 feedback-smtp.", "v=spf1 include:amazonses.com"):
        if word not in named:
            yield f"nobody is told of the record {word}"
