"""What is seen, and who is told."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

from cloud.figures import COLORS, Agent, given, selected, waited_for
from cloud.invariants import invariant
from cloud.template import Deployment, Resource

# What an alarm must be about: the metric, and in what it is wrong.
WATCHED = {
    "HealthyHostCount": "nobody serves",
    "UnHealthyHostCount": "somebody does not serve",
    "HTTPCode_ELB_5XX_Count": "the load balancer fails",
    "HTTPCode_Target_5XX_Count": "the API fails",
    "TargetResponseTime": "answers are slow",
    "error_lines": "errors are logged",
    "cpu_usage_active": "instances are busy",
    "mem_used_percent": "instances are short of memory",
    "disk_used_percent": "disks fill",
    "roomm8_operations_shed_total": "operations are refused",
    "roomm8_broker_connected": "Valkey is lost",
    "roomm8_outbox_oldest_seconds": "letters wait",
    "roomm8_outbox_dead": "letters are given up",
    "CPUUtilization": "the database is busy",
    "DatabaseConnections": "the database has no connections left",
    "FreeStorageSpace": "the database's disk fills",
    "FreeableMemory": "the database is short of memory",
    "EngineCPUUtilization": "the cache is busy",
    "Evictions": "the cache forgets",
    "BlockedRequests": "the firewall refuses many",
    "Errors": "a function fails",
}


def metrics(alarm: Resource) -> set[str]:
    """The metrics that an alarm is about."""
    found = {str(alarm.get("MetricName"))} if alarm.get("MetricName") else set()
    for item in alarm.get("Metrics", []):
        if "MetricStat" in item:
            found.add(item["MetricStat"]["Metric"]["MetricName"])
    return found


@invariant
def what_may_go_wrong_has_an_alarm(d: Deployment) -> Iterator[str]:
    """Each thing in the table above has an alarm."""
    watched = {metric for alarm in d.some("AWS::CloudWatch::Alarm") for metric in metrics(alarm)}
    yield from (f"nobody is told that {wrong}: no alarm on {metric}" for metric, wrong in WATCHED.items() if metric not in watched)


@invariant
def every_alarm_tells_operators(d: Deployment) -> Iterator[str]:
    """Each alarm tells the operators' topic when it begins and when it ends, and says what to do in a sentence."""
    operators = {str(d.target(item.get("TopicArn"))) for item in d.some("AWS::SNS::Subscription") if item.get("Protocol") == "email"}
    for alarm in d.some("AWS::CloudWatch::Alarm") + d.some("AWS::CloudWatch::CompositeAlarm"):
        for path in ("AlarmActions", "OKActions"):
            if not {str(target) for target in d.targets(alarm.get(path, []))} & operators:
                yield f"{alarm} tells nobody ({path})"
        if len(str(alarm.get("AlarmDescription", ""))) < 15:
            yield f"{alarm} says nothing"


# Of these too little is wrong, of all others too much.
TOO_LITTLE = {"HealthyHostCount", "FreeStorageSpace", "FreeableMemory", "roomm8_broker_connected"}


@invariant
def every_alarm_can_ring(d: Deployment) -> Iterator[str]:
    """Each alarm has a threshold on the right side, the worst or whole of a metric, of something, within half an hour."""
    for alarm in d.some("AWS::CloudWatch::Alarm"):
        is_little = bool(metrics(alarm) & TOO_LITTLE)
        if str(alarm.get("ComparisonOperator")).startswith("LessThan") is not is_little:
            yield f"{alarm} rings on the wrong side"
        if not isinstance(alarm.get("Threshold"), (int, float)) and not str(alarm.get("Threshold", "")).isdigit():
            yield f"{alarm} has no threshold"
        stats = {str(alarm.get("Statistic") or alarm.get("ExtendedStatistic"))} if alarm.get("MetricName") else set()
        periods = {int(alarm.get("Period", 0))} if alarm.get("MetricName") else set()
        for item in alarm.get("Metrics", []):
            if "MetricStat" in item:
                stats.add(item["MetricStat"]["Stat"])
                periods.add(item["MetricStat"]["Period"])
        if not stats or not stats <= ({"Minimum"} if is_little else {"Maximum", "Sum", "Average", "p95"}):
            yield f"{alarm} looks at the {', '.join(sorted(stats))}"
        # Of several one is looked at, which is reckoned from the others.
        if alarm.get("Metrics") and [bool(item.get("Expression")) for item in alarm.get("Metrics") if item.get("ReturnData", True)] != [
            True
        ]:
            yield f"{alarm} does not say which figure counts"
        evaluations = int(alarm.get("EvaluationPeriods", 0))
        if not periods or not 0 < max(periods) * evaluations <= 1800 or int(alarm.get("DatapointsToAlarm", evaluations)) > evaluations:
            yield f"{alarm} rings late or never"
        is_of_the_account = str(alarm.get("Namespace")) == "AWS/SES" or str(alarm.get("MetricName")) in ("error_lines", "LettersRefused")
        if alarm.get("MetricName") and not alarm.get("Dimensions") and not is_of_the_account:
            yield f"{alarm} is about nothing"


@invariant
def error_lines_are_counted(d: Deployment) -> Iterator[str]:
    """A line of level ERROR in the API's log is counted."""
    counted = [item for item in d.some("AWS::Logs::MetricFilter") if item.get("FilterPattern") == '{ $.level = "ERROR" }']
    groups = {str(d.target(item.get("LogGroupName"))) for item in counted}
    if not any(group.get("LogGroupName", "").endswith("/api") and group.id in groups for group in d.some("AWS::Logs::LogGroup")):
        yield "nobody counts errors"


def active_targets(d: Deployment) -> list[str]:
    """The target group that people are led to: of the rule that asks for CloudFront's header."""
    return [
        str(action["TargetGroupArn"])
        for rule in d.every("AWS::ElasticLoadBalancingV2::ListenerRule")
        if any(item.get("HttpHeaderConfig", {}).get("HttpHeaderName") == "X-RoomM8-Origin" for item in rule.get("Conditions", []))
        for action in rule.get("Actions", [])
    ]


@invariant
def silence_of_health_is_an_alarm(d: Deployment) -> Iterator[str]:
    """No figure of healthy instances is the worst figure; no figure of failures is none."""
    found = False
    for alarm in d.some("AWS::CloudWatch::Alarm"):
        if "HealthyHostCount" in metrics(alarm):
            found = True
            if alarm.get("TreatMissingData") != "breaching":
                yield f"{alarm} is content with silence"
            # A colour that waits is healthy too, and would hide that nobody serves.
            about = [str(item["Value"]) for item in alarm.get("Dimensions", []) if item["Name"] == "TargetGroup"]
            if about != [f"{led[:-1]}.TargetGroupFullName}}" for led in active_targets(d)]:
                yield f"{alarm} is not of the colour that people are led to"
        elif alarm.get("TreatMissingData") in (None, "missing", "ignore"):
            yield f"{alarm} does not say what silence means"
    if not found:
        yield "nobody counts healthy instances"


@invariant
def failed_rotations_are_told(d: Deployment) -> Iterator[str]:
    """Each rotating function has an alarm on its errors."""
    watched = {
        item["Value"]
        for alarm in d.some("AWS::CloudWatch::Alarm")
        if alarm.get("MetricName") == "Errors"
        for item in alarm.get("Dimensions", [])
    }
    for schedule in d.some("AWS::SecretsManager::RotationSchedule"):
        if schedule.get("HostedRotationLambda.RotationLambdaName") not in watched:
            yield f"nobody is told that {schedule} fails"


@invariant
def replica_has_an_alarm(d: Deployment) -> Iterator[str]:
    """If there is a replica, somebody is told when it lags."""
    replicas = {item.id for item in d.some("AWS::RDS::DBInstance") if item.get("SourceDBInstanceIdentifier")}
    watched = {
        str(d.target(item["Value"]))
        for alarm in d.some("AWS::CloudWatch::Alarm")
        if alarm.get("MetricName") == "ReplicaLag"
        for item in alarm.get("Dimensions", [])
    }
    yield from (f"nobody is told that {replica} lags" for replica in replicas - watched)
    yield from (f"an alarm is about {item}, which is no replica" for item in watched - replicas)


@invariant
def every_node_of_the_cache_is_watched(d: Deployment) -> Iterator[str]:
    """Alarms on the cache are on as many nodes as there may be, as any of them may be the one that is written to."""
    most = int(d.templates.get("20-data", {}).get("Parameters", {}).get("CacheNodes", {}).get("MaxValue", 0))
    nodes = {f"-{number:03}" for number in range(1, most + 1)}
    for metric in ("EngineCPUUtilization", "Evictions"):
        watched = {
            str(dimension["Value"])[-4:]
            for alarm in d.some("AWS::CloudWatch::Alarm")
            for item in alarm.get("Metrics", [])
            if item.get("MetricStat", {}).get("Metric", {}).get("MetricName") == metric
            for dimension in item["MetricStat"]["Metric"]["Dimensions"]
        }
        if not nodes or watched != nodes:
            yield f"{metric} is watched on {sorted(watched)}, and there may be {most} nodes"


@invariant
def people_s_trouble_is_one_alarm(d: Deployment) -> Iterator[str]:
    """One composite alarm is what people notice: nobody serves, failures, slowness; each by an alarm that exists."""
    alarms = {alarm.id: alarm for alarm in d.some("AWS::CloudWatch::Alarm")}
    for composite in d.some("AWS::CloudWatch::CompositeAlarm"):
        named = re.findall(r"ALARM\(\$\{([\w.-]+)\}\)", str(composite.get("AlarmRule")))
        about = {metric for name in named if name in alarms for metric in metrics(alarms[name])}
        if len(named) != len([name for name in named if name in alarms]):
            yield f"{composite} names an alarm that is not there"
        for metric in ("HealthyHostCount", "HTTPCode_ELB_5XX_Count", "HTTPCode_Target_5XX_Count", "TargetResponseTime"):
            if metric not in about:
                yield f"{composite} is not about {metric}"


@invariant
def every_metric_of_ours_is_sent(d: Deployment) -> Iterator[str]:
    """Each metric in our namespace that an alarm, a policy or the dashboard waits for is one that the agent or a filter sends, with
    these dimensions."""
    # That the API tells what is selected is another's to show.
    sent = given(d, selected(d, COLORS[0]))
    waited = list(waited_for(d))
    if not waited:
        yield "nothing waits for a metric of ours"
    yield from (f"{who} waits for {wanted}, which nobody sends" for who, wanted in sorted(waited) if wanted not in sent)


@invariant
def hosts_send_nothing_under_their_own_names(d: Deployment) -> Iterator[str]:
    """Figures are summed up over hosts: each host's own would be paid for, and nobody looks at them."""
    for name in Agent(d, COLORS[0]).kept_apart():
        yield f"each host sends {name} besides"


@invariant
def every_metric_of_the_binary_exists(d: Deployment) -> Iterator[str]:
    """Each figure that the agent takes from /metrics is one that the binary gives."""
    given = set(re.findall(r'"([a-z_]+)"', d.file("operations.rs"))) | set(re.findall(r'"([a-z_]+)"', d.file("stats.rs")))
    selectors = re.findall(r"\^roomm8_([a-z_]+)\$", d.file("host/cloudwatch-agent.json"))
    if not selectors:
        yield "the agent takes no figure"
    yield from (f"the binary gives no roomm8_{name}" for name in selectors if name not in given)


@invariant
def agent_measures_each_minute(d: Deployment) -> Iterator[str]:
    """CPU, memory, disk and its traffic, each minute; the API's figures too."""
    agent = json.loads(d.file("host/cloudwatch-agent.json"))
    if agent["agent"]["metrics_collection_interval"] != 60 or "scrape_interval: 60s" not in d.file("host/prometheus.yml"):
        yield "the agent has another pace"
    yield from (
        f"the agent does not measure {name}"
        for name in ("cpu", "mem", "disk", "diskio")
        if name not in agent["metrics"]["metrics_collected"]
    )


@invariant
def logs_are_collected_from_where_they_are(d: Deployment) -> Iterator[str]:
    """The agent reads the file that the unit writes, and its group is made here."""
    unit = re.search(r"^StandardError=append:(.+)$", d.file("host/roomm8.service"), re.MULTILINE)
    agent = json.loads(d.file("host/cloudwatch-agent.json"))
    collected = agent["logs"]["logs_collected"]["files"]["collect_list"]
    if unit is None or unit[1] not in {item["file_path"] for item in collected}:
        yield "nobody reads the log"
    groups = {str(group.get("LogGroupName")) for group in d.some("AWS::Logs::LogGroup")}
    environment = next(iter(d.parameters.values()))["Environment"] if d.parameters else ""
    named = {item["log_group_name"] for item in collected} | {agent["logs"]["metrics_collected"]["prometheus"]["log_group_name"]}
    yield from (f"{name} would be made without an end" for name in named if name.replace("{{environment}}", environment) not in groups)
    for metric_filter in d.some("AWS::Logs::MetricFilter"):
        if d.target(metric_filter.get("LogGroupName")) is None:
            yield f"{metric_filter} looks at no group of ours"


@invariant
def logs_end(d: Deployment) -> Iterator[str]:
    """Each log group says for how long it is kept, a year at most."""
    for group in d.some("AWS::Logs::LogGroup"):
        if not 1 <= int(group.get("RetentionInDays", 0)) <= 365:
            yield f"{group} is kept for {group.get('RetentionInDays', 'ever')}"


@invariant
def what_services_log_to_is_made_here(d: Deployment) -> Iterator[str]:
    """The groups that RDS and the rotating functions write to are made before them, with an end."""
    groups = {str(group.get("LogGroupName")): group.name for group in d.some("AWS::Logs::LogGroup")}
    wanted = []
    for database in d.some("AWS::RDS::DBInstance"):
        wanted += [
            (database, f"/aws/rds/instance/{database.get('DBInstanceIdentifier')}/{kind}")
            for kind in database.get("EnableCloudwatchLogsExports", [])
        ]
    for schedule in d.some("AWS::SecretsManager::RotationSchedule"):
        wanted.append((schedule, f"/aws/lambda/{schedule.get('HostedRotationLambda.RotationLambdaName')}"))
    for owner, name in wanted:
        if name not in groups:
            yield f"{owner} makes {name} without an end"
        elif groups[name] not in owner.attributes.get("DependsOn", []):
            yield f"{owner} may be there before {name}"


@invariant
def dashboard_is_of_this_environment(d: Deployment) -> Iterator[str]:
    """The dashboard is JSON, and shows traffic, time, instances, database and letters."""
    for dashboard in d.some("AWS::CloudWatch::Dashboard"):
        body = json.loads(re.sub(r"\$\{[\w.-]+\}", "x", str(dashboard.get("DashboardBody"))))
        text = json.dumps(body)
        for metric in (
            "RequestCount",
            "TargetResponseTime",
            "CPUUtilization",
            "roomm8_sockets_open",
            "roomm8_outbox_oldest_seconds",
            "diskio_io_time",
        ):
            if metric not in text:
                yield f"{dashboard} does not show {metric}"


@invariant
def spending_is_watched(d: Deployment) -> Iterator[str]:
    """A monthly budget tells the operators before and when it is spent."""
    for budget in d.some("AWS::Budgets::Budget"):
        kinds = {item["Notification"]["NotificationType"] for item in budget.get("NotificationsWithSubscribers", [])}
        if kinds != {"ACTUAL", "FORECASTED"}:
            yield f"{budget} tells of {sorted(kinds)} only"
        if not float(budget.get("Budget.BudgetLimit.Amount", 0)) > 0 or budget.get("Budget.TimeUnit") != "MONTHLY":
            yield f"{budget} has no end"
        if not any(
            d.targets(subscriber["Address"])
            for item in budget.get("NotificationsWithSubscribers", [])
            for subscriber in item["Subscribers"]
        ):
            yield f"{budget} tells nobody"


@invariant
def failures_without_a_figure_are_told(d: Deployment) -> Iterator[str]:
    """Failed backups and failovers of the database are events that go to the operators."""
    rules = d.some("AWS::Events::Rule")
    sources = {
        source
        for rule in rules
        if any(d.target(item["Arn"]) for item in rule.get("Targets", []))
        for source in rule.get("EventPattern.source", [])
    }
    yield from (f"nobody is told of {source}" for source in ("aws.backup", "aws.rds") if source not in sources)
