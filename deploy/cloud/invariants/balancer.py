"""The load balancer and the web firewall before it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from fnmatch import fnmatchcase

from cloud.invariants import invariant
from cloud.invariants.secrets import SECRET
from cloud.template import Deployment, Resource


def balancers(d: Deployment) -> list[Resource]:
    return d.some("AWS::ElasticLoadBalancingV2::LoadBalancer")


def attributes(resource: Resource, path: str) -> dict[str, str]:
    """Attributes that are given as a list of keys and values."""
    return {item["Key"]: str(item["Value"]) for item in resource.get(path, [])}


@invariant
def balancer_is_in_both_public_subnets(d: Deployment) -> Iterator[str]:
    """The load balancer is in both zones."""
    for balancer in balancers(d):
        if len({str(subnet.get("AvailabilityZone")) for subnet in d.targets(balancer.get("Subnets", []))}) < 2:
            yield f"{balancer} is in one zone"


@invariant
def balancer_speaks_tls_only(d: Deployment) -> Iterator[str]:
    """Every listener is HTTPS with TLS 1.2 or 1.3 and a certificate of ours."""
    for listener in d.some("AWS::ElasticLoadBalancingV2::Listener"):
        if listener.get("Protocol") != "HTTPS" or int(listener.get("Port", 0)) != 443:
            yield f"{listener} is {listener.get('Protocol')} on {listener.get('Port')}"
        if not str(listener.get("SslPolicy", "")).startswith("ELBSecurityPolicy-TLS13-1-2"):
            yield f"{listener} takes old TLS"
        if not any(d.target(item.get("CertificateArn")) for item in listener.get("Certificates", [])):
            yield f"{listener} has no certificate of ours"


@invariant
def balancer_answers_404_by_itself(d: Deployment) -> Iterator[str]:
    """What is no path of the API, and who does not come through our CloudFront, gets a 404 from the load balancer."""
    for listener in d.some("AWS::ElasticLoadBalancingV2::Listener"):
        for action in listener.get("DefaultActions", []):
            if action["Type"] != "fixed-response" or action["FixedResponseConfig"]["StatusCode"] != "404":
                yield f"{listener} forwards everything"
    for rule in d.some("AWS::ElasticLoadBalancingV2::ListenerRule"):
        headers = [item["HttpHeaderConfig"] for item in rule.get("Conditions", []) if item["Field"] == "http-header"]
        if not any(SECRET.fullmatch(str(value)) for header in headers for value in header["Values"]):
            yield f"{rule} asks for no secret"


@invariant
def probes_and_figures_are_not_public(d: Deployment) -> Iterator[str]:
    """No rule leads to /metrics, /readyz or /livez."""
    for rule in d.some("AWS::ElasticLoadBalancingV2::ListenerRule"):
        patterns = [
            value for item in rule.get("Conditions", []) if item["Field"] == "path-pattern" for value in item["PathPatternConfig"]["Values"]
        ]
        if not patterns:
            yield f"{rule} is for every path"
        yield from (
            f"{rule} leads to {path}" for path in ("/metrics", "/readyz", "/livez") for pattern in patterns if fnmatchcase(path, pattern)
        )


@invariant
def every_path_of_the_api_is_led_to_it(d: Deployment) -> Iterator[str]:
    """GraphQL, its schema and the links in letters reach the active instances."""
    rules = d.some("AWS::ElasticLoadBalancingV2::ListenerRule")
    patterns = [
        value
        for rule in rules
        if not any("Standby" in str(item) for item in rule.get("Conditions", []))
        for item in rule.get("Conditions", [])
        if item["Field"] == "path-pattern"
        for value in item["PathPatternConfig"]["Values"]
    ]
    for path in ("/graphql", "/schema.graphql", "/unsubscribe/letter"):
        if not any(fnmatchcase(path, pattern) for pattern in patterns):
            yield f"{path} leads nowhere"


@invariant
def sockets_outlive_the_pings(d: Deployment) -> Iterator[str]:
    """The load balancer lets a connection be idle for longer than the server's pings and keep-alives are apart."""
    pace = {
        name: int(seconds)
        for name, seconds in re.findall(r"(ping_interval|keep_alive): Duration::from_secs\((\d+)\)", d.file("settings.rs"))
    }
    if set(pace) != {"ping_interval", "keep_alive"}:
        yield "the server's pace is not where it was"
    for balancer in balancers(d):
        idle = int(attributes(balancer, "LoadBalancerAttributes").get("idle_timeout.timeout_seconds", 60))
        yield from (f"{balancer} cuts after {idle} s, {name} is {seconds} s" for name, seconds in pace.items() if idle < 2 * seconds)
        if idle < 120:
            yield f"{balancer} cuts what is idle for {idle} s"


@invariant
def balancer_is_hardened(d: Deployment) -> Iterator[str]:
    """Odd headers are dropped, requests that could be read two ways are not passed on, deletion is refused."""
    for balancer in balancers(d):
        given = attributes(balancer, "LoadBalancerAttributes")
        if given.get("routing.http.drop_invalid_header_fields.enabled") != "true":
            yield f"{balancer} passes odd headers on"
        if given.get("routing.http.desync_mitigation_mode", "defensive") not in ("defensive", "strictest"):
            yield f"{balancer} passes ambiguous requests on"
        if given.get("deletion_protection.enabled") != "true":
            yield f"{balancer} may be deleted"


@invariant
def balancer_keeps_an_access_log(d: Deployment) -> Iterator[str]:
    """Requests are logged to a bucket that lets the load balancer write."""
    for balancer in balancers(d):
        given = attributes(balancer, "LoadBalancerAttributes")
        bucket = d.target(given.get("access_logs.s3.bucket"))
        if given.get("access_logs.s3.enabled") != "true" or bucket is None:
            yield f"{balancer} keeps no log"
            continue
        policies = [item for item in d.every("AWS::S3::BucketPolicy") if d.target(item.get("Bucket")) is bucket]
        if "logdelivery.elasticloadbalancing.amazonaws.com" not in str([item.properties for item in policies]):
            yield f"{bucket} does not let {balancer} write"


@invariant
def health_is_readiness(d: Deployment) -> Iterator[str]:
    """Instances are asked /readyz, often, and only 200 counts."""
    for group in d.some("AWS::ElasticLoadBalancingV2::TargetGroup"):
        if group.get("HealthCheckPath") != "/readyz":
            yield f"{group} asks {group.get('HealthCheckPath', '/')}"
        if str(group.get("Matcher.HttpCode", "200")) != "200":
            yield f"{group} takes {group.get('Matcher.HttpCode')}"
        if int(group.get("HealthCheckIntervalSeconds", 30)) > 10 or int(group.get("UnhealthyThresholdCount", 2)) > 2:
            yield f"{group} finds out late"
        # Before it answers, the probe waits up to 2 s for the database.
        if not 2 < int(group.get("HealthCheckTimeoutSeconds", 5)) <= int(group.get("HealthCheckIntervalSeconds", 30)):
            yield f"{group} does not wait for the answer"


@invariant
def requests_stick_to_nothing(d: Deployment) -> Iterator[str]:
    """Any instance serves anybody, and the least busy is asked."""
    for group in d.some("AWS::ElasticLoadBalancingV2::TargetGroup"):
        given = attributes(group, "TargetGroupAttributes")
        if given.get("stickiness.enabled", "false") != "false":
            yield f"{group} is sticky"
        if given.get("load_balancing.algorithm.type") != "least_outstanding_requests":
            yield f"{group} does not ask the least busy"


@invariant
def requests_go_to_the_active_colour(d: Deployment) -> Iterator[str]:
    """The rule for people leads to the colour that runs, the rule for the driver to the other."""
    running = {
        str(target)
        for group in d.some("AWS::AutoScaling::AutoScalingGroup")
        if int(group.get("MinSize", 0)) >= 2
        for target in d.targets(group.get("TargetGroupARNs", []))
    }
    led = {}
    for rule in d.some("AWS::ElasticLoadBalancingV2::ListenerRule"):
        is_standby = "Standby" in str(rule.get("Conditions"))
        led[is_standby] = {str(d.target(action.get("TargetGroupArn"))) for action in rule.get("Actions", [])}
    if not led.get(False) or not led.get(False, set()) <= running:
        yield f"people are led to {led.get(False)}, and {running} runs"
    if led.get(True) and led[True] & led.get(False, set()):
        yield "the colour that waits is the active one"


@invariant
def every_colour_is_on_the_listener(d: Deployment) -> Iterator[str]:
    """Each target group is led to by a rule, or its instances would have no health; the driver's rule is asked first."""
    rules = d.some("AWS::ElasticLoadBalancingV2::ListenerRule")
    led = {str(d.target(action.get("TargetGroupArn"))) for rule in rules for action in rule.get("Actions", [])}
    yield from (f"no rule leads to {group}" for group in d.some("AWS::ElasticLoadBalancingV2::TargetGroup") if group.id not in led)
    priorities = {"Standby" in str(rule.get("Conditions")): int(rule.get("Priority", 0)) for rule in rules}
    if not priorities.get(True, 0) < priorities.get(False, 0):
        yield "the driver is led where people are"
    for rule in rules:
        if d.target(rule.get("ListenerArn")) is None:
            yield f"{rule} is on no listener"


@invariant
def firewall_stands_before_the_balancer(d: Deployment) -> Iterator[str]:
    """The load balancer has a web firewall: a rate for each caller, known bad inputs, the common rules."""
    guarded = {str(d.target(item.get("ResourceArn"))) for item in d.some("AWS::WAFv2::WebACLAssociation")}
    yield from (f"{balancer} has no firewall" for balancer in balancers(d) if balancer.id not in guarded)
    for association in d.some("AWS::WAFv2::WebACLAssociation"):
        if d.target(association.get("WebACLArn")) is None:
            yield f"{association} is of no firewall of ours"
    for acl in d.some("AWS::WAFv2::WebACL"):
        if acl.get("DefaultAction") != {"Allow": {}} or acl.get("Scope") != "REGIONAL":
            yield f"{acl} refuses everybody"
        rules = acl.get("Rules", [])
        for shown in [acl.properties, *rules]:
            if (
                shown["VisibilityConfig"]["CloudWatchMetricsEnabled"] is not True
                or shown["VisibilityConfig"]["SampledRequestsEnabled"] is not True
            ):
                yield f"{acl} does not show what it does"
        groups = {rule["Statement"].get("ManagedRuleGroupStatement", {}).get("Name") for rule in rules}
        yield from (
            f"{acl} lacks {name}" for name in ("AWSManagedRulesKnownBadInputsRuleSet", "AWSManagedRulesCommonRuleSet") if name not in groups
        )
        rates = [rule for rule in rules if "RateBasedStatement" in rule["Statement"]]
        if not rates:
            yield f"{acl} has no rate"
        for rule in rates:
            statement = rule["Statement"]["RateBasedStatement"]
            if statement["Limit"] > 2000 or "Block" not in rule.get("Action", {}):
                yield f"{acl} lets {statement['Limit']} through"
            # All requests have addresses of CloudFront's.
            if statement["AggregateKeyType"] != "FORWARDED_IP":
                yield f"{acl} counts CloudFront's addresses"


@invariant
def firewall_lets_long_operations_through(d: Deployment) -> Iterator[str]:
    """The common rules refuse bodies above 8 KiB; operations may have 64."""
    for acl in d.some("AWS::WAFv2::WebACL"):
        for rule in acl.get("Rules", []):
            group = rule["Statement"].get("ManagedRuleGroupStatement", {})
            if group.get("Name") == "AWSManagedRulesCommonRuleSet":
                overrides = {item["Name"]: item["ActionToUse"] for item in group.get("RuleActionOverrides", [])}
                if "Count" not in overrides.get("SizeRestrictions_BODY", {}):
                    yield f"{acl} refuses long operations"


@invariant
def firewall_log_keeps_no_secret(d: Deployment) -> Iterator[str]:
    """Tokens and the header by which CloudFront is known are not logged."""
    for logging in d.some("AWS::WAFv2::LoggingConfiguration"):
        redacted = {item.get("SingleHeader", {}).get("Name") for item in logging.get("RedactedFields", [])}
        group = next((item for item in d.every("AWS::Logs::LogGroup") if item.id in str(logging.get("LogDestinationConfigs"))), None)
        if group is None or not str(group.get("LogGroupName")).startswith("aws-waf-logs-") or d.target(logging.get("ResourceArn")) is None:
            yield f"{logging} writes nowhere"
        yield from (f"{logging} keeps {name}" for name in ("authorization", "x-roomm8-origin") if name not in redacted)
