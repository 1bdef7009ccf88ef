"""The load balancer, the instances and how many there are."""

from __future__ import annotations

import re
from collections.abc import Iterator

from cloud.invariants import invariant
from cloud.invariants.data import SECRET
from cloud.template import Deployment, Resource

COLOURS = (("Blue", "blue"), ("Green", "green"))


def balancers(d: Deployment) -> list[Resource]:
    return d.some("AWS::ElasticLoadBalancingV2::LoadBalancer")


def attributes(resource: Resource, path: str) -> dict[str, str]:
    """Attributes that are given as a list of keys and values."""
    return {item["Key"]: str(item["Value"]) for item in resource.get(path, [])}


def setting(d: Deployment, name: str) -> str | None:
    """What the instances' settings say."""
    for parameter in d.some("AWS::SSM::Parameter"):
        found = re.search(rf"^{name}=(.*)$", str(parameter.get("Value")), re.MULTILINE)
        if found:
            return found[1]
    return None


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
    from fnmatch import fnmatchcase

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
    from fnmatch import fnmatchcase

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
def one_port(d: Deployment) -> Iterator[str]:
    """9090 is the port of the binary, target groups, settings, container, compose file, agent and boot script."""
    found = {
        "the binary": re.search(r'env = "LISTEN_ADDR", default_value = "[\d.]+:(\d+)"', d.file("config.rs")),
        "the settings": re.search(r":(\d+)$", setting(d, "LISTEN_ADDR") or ""),
        "the Dockerfile": re.search(r"^EXPOSE (\d+)$", d.file("container/Dockerfile"), re.MULTILINE),
        "the Dockerfile's setting": re.search(r"LISTEN_ADDR=[\d.]+:(\d+)", d.file("container/Dockerfile")),
        "compose.yml": re.search(r"LISTEN_ADDR: [\d.]+:(\d+)", d.file("container/compose.yml")),
        "haproxy.cfg": re.search(r"server one one:(\d+)", d.file("container/haproxy.cfg")),
        "prometheus.yml": re.search(r'targets: \["127\.0\.0\.1:(\d+)"\]', d.file("host/prometheus.yml")),
        "user-data.sh": re.search(r"http://127\.0\.0\.1:(\d+)/readyz", d.file("host/user-data.sh")),
    }
    for where, match in found.items():
        if match is None or match[1] != "9090":
            yield f"{where} has {match and match[1]}"
    for group in d.some("AWS::ElasticLoadBalancingV2::TargetGroup"):
        if int(group.get("Port", 0)) != 9090:
            yield f"{group} has {group.get('Port')}"


@invariant
def settings_are_the_binary_s(d: Deployment) -> Iterator[str]:
    """Each setting is one that the binary reads, or will by the names agreed for secrets."""
    known = set(re.findall(r'env = "([A-Z_]+)"', d.file("config.rs"))) | {
        "AWS_REGION",
        "DATABASE_SECRET",
        "REDIS_SECRET",
        "SIGNING_KEYS_SECRET",
    }
    for parameter in d.some("AWS::SSM::Parameter"):
        for line in str(parameter.get("Value")).splitlines():
            name, _, value = line.partition("=")
            if name not in known:
                yield f"the binary knows no {name}"
            if not value:
                yield f"{name} is empty"
    for name in ("LISTEN_ADDR", "REDIS_URL", "SNS_TOPIC_ARN", "PUBLIC_URL", "DRAIN_SECONDS", "LOG_FORMAT", "DATABASE_SECRET"):
        if setting(d, name) is None:
            yield f"{name} is not set"
    if not (setting(d, "REDIS_URL") or "").startswith("rediss://"):
        yield "Valkey is spoken to in the clear"
    if setting(d, "LOG_FORMAT") != "json":
        yield "logs are not JSON"


@invariant
def proxies_are_counted(d: Deployment) -> Iterator[str]:
    """The API believes as many entries of X-Forwarded-For as there are proxies: CloudFront and the load balancer."""
    if setting(d, "TRUSTED_PROXIES") != "2":
        yield f"TRUSTED_PROXIES is {setting(d, 'TRUSTED_PROXIES')}"
    if setting(d, "CONNECTIONS_PER_ADDRESS") != "0":
        yield "connections from the load balancer are limited"


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
def an_instance_ends_its_sockets_itself(d: Deployment) -> Iterator[str]:
    """DRAIN_SECONDS < the load balancer's patience, the unit's and the lifecycle hook's."""
    drain = int(setting(d, "DRAIN_SECONDS") or 10)
    stop = re.search(r"^TimeoutStopSec=(\d+)$", d.file("host/roomm8.service"), re.MULTILINE)
    if stop is None or int(stop[1]) <= drain:
        yield "systemd kills before the end of the drain"
    for group in d.some("AWS::ElasticLoadBalancingV2::TargetGroup"):
        delay = int(attributes(group, "TargetGroupAttributes").get("deregistration_delay.timeout_seconds", 300))
        if not drain < delay <= 120:
            yield f"{group} cuts after {delay} s, the drain takes {drain} s"
    for group in d.some("AWS::AutoScaling::AutoScalingGroup"):
        hooks = [
            hook
            for hook in group.get("LifecycleHookSpecificationList", [])
            if hook["LifecycleTransition"].endswith("EC2_INSTANCE_TERMINATING")
        ]
        if not hooks:
            yield f"{group} gives no time to drain"
        for hook in hooks:
            if hook["HeartbeatTimeout"] < drain + (int(stop[1]) if stop else 0):
                yield f"{group} gives {hook['HeartbeatTimeout']} s to drain"
            if hook["LifecycleHookName"] not in d.file("host/drain.sh"):
                yield f"nobody ends the hook {hook['LifecycleHookName']}"


@invariant
def at_least_two_instances(d: Deployment) -> Iterator[str]:
    """The active colour has two to five instances in two zones."""
    running = [group for group in d.some("AWS::AutoScaling::AutoScalingGroup") if int(group.get("MaxSize", 0)) > 0]
    if not running:
        yield "no colour runs"
    for group in running:
        if int(group.get("MinSize", 0)) < 2:
            yield f"{group} may have {group.get('MinSize')}"
        if (
            int(group.get("MaxSize", 0)) != int(d.parameters.get(group.stack, {}).get("MaxInstances", 5))
            or int(group.get("MaxSize", 0)) > 5
        ):
            yield f"{group} may have {group.get('MaxSize')}"
        if len({str(subnet.get("AvailabilityZone")) for subnet in d.targets(group.get("VPCZoneIdentifier", []))}) < 2:
            yield f"{group} is in one zone"


@invariant
def sick_instances_are_replaced(d: Deployment) -> Iterator[str]:
    """Auto Scaling believes the load balancer's health checks, after a grace for the start."""
    for group in d.some("AWS::AutoScaling::AutoScalingGroup"):
        if group.get("HealthCheckType") != "ELB":
            yield f"{group} looks at the machine only"
        if not 30 <= int(group.get("HealthCheckGracePeriod", 0)) <= 600:
            yield f"{group} has no grace"
        if not d.targets(group.get("TargetGroupARNs", [])):
            yield f"{group} is behind nothing"


@invariant
def each_colour_scales_by_three_measures(d: Deployment) -> Iterator[str]:
    """CPU, requests and open sockets each have a target that Auto Scaling tracks."""
    policies = d.some("AWS::AutoScaling::ScalingPolicy")
    for group in d.some("AWS::AutoScaling::AutoScalingGroup"):
        measures = set()
        for policy in policies:
            if d.target(policy.get("AutoScalingGroupName")) is not group or policy.get("PolicyType") != "TargetTrackingScaling":
                continue
            tracking = policy.get("TargetTrackingConfiguration")
            predefined = tracking.get("PredefinedMetricSpecification", {})
            measure = predefined.get("PredefinedMetricType") or tracking.get("CustomizedMetricSpecification", {}).get("MetricName")
            measures.add(measure)
            if measure == "ASGAverageCPUUtilization" and not 40 <= tracking["TargetValue"] <= 70:
                yield f"{policy} tracks {tracking['TargetValue']} %"
            if measure == "ALBRequestCountPerTarget":
                own = d.targets(group.get("TargetGroupARNs", []))
                if not any(f"{target.id}." in predefined.get("ResourceLabel", "") for target in own):
                    yield f"{policy} counts another group's requests"
        missing = {"ASGAverageCPUUtilization", "ALBRequestCountPerTarget", "roomm8_sockets_open"} - measures
        yield from (f"{group} does not scale by {measure}" for measure in sorted(missing))


@invariant
def running_instances_are_replaced_without_loss(d: Deployment) -> Iterator[str]:
    """An update replaces one instance at a time, keeps the least number in service, and waits for each to say it serves."""
    for group in d.some("AWS::AutoScaling::AutoScalingGroup"):
        policy = group.attributes.get("UpdatePolicy", {}).get("AutoScalingRollingUpdate", {})
        if int(policy.get("MinInstancesInService", -1)) != int(group.get("MinSize", 0)) or policy.get("WaitOnResourceSignals") is not True:
            yield f"{group} is replaced with a gap"
        if {"HealthCheck", "ReplaceUnhealthy", "AlarmNotification"} - set(policy.get("SuspendProcesses", [])):
            yield f"{group} is scaled while it is replaced"
        template = d.target(group.get("LaunchTemplate.LaunchTemplateId"))
        if template is None or f"--resource {group.name} " not in str(template.get("LaunchTemplateData.UserData")):
            yield f"instances of {group} do not say that they serve"


@invariant
def colours_are_alike(d: Deployment) -> Iterator[str]:
    """Whatever blue has green has too: targets, instances, policies, templates."""

    def plain(resource: Resource) -> str:
        text = repr((resource.type, resource.properties, resource.attributes)).replace("Green", "Blue").replace("green", "blue")
        return re.sub(r"'(MinSize|MaxSize|MinInstancesInService)': '?\d+'?", "", text)

    by_name = {resource.name: resource for resource in d.resources}
    blue = {name for name in by_name if name.startswith("Blue")}
    green = {name for name in by_name if name.startswith("Green")}
    if not blue:
        yield "there are no colours"
    yield from (f"only one colour has {name}" for name in blue ^ {name.replace("Green", "Blue") for name in green})
    for name in sorted(blue):
        other = by_name.get(name.replace("Blue", "Green"))
        if other and plain(by_name[name]) != plain(other):
            yield f"{other} is not like {name}"


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
def metadata_asks_for_a_token(d: Deployment) -> Iterator[str]:
    """Only IMDSv2, and only from the instance itself."""
    for template in d.some("AWS::EC2::LaunchTemplate"):
        options = template.get("LaunchTemplateData.MetadataOptions", {})
        if options.get("HttpTokens") != "required" or options.get("HttpPutResponseHopLimit") != 1:
            yield f"{template} gives its credentials to whoever makes it ask"


@invariant
def disks_are_encrypted(d: Deployment) -> Iterator[str]:
    """Disks of instances are gp3, encrypted by our key."""
    from cloud.invariants.data import is_our_key

    for template in d.some("AWS::EC2::LaunchTemplate"):
        mappings = template.get("LaunchTemplateData.BlockDeviceMappings", [])
        if not mappings:
            yield f"{template} leaves its disk to the image"
        for mapping in mappings:
            disk = mapping["Ebs"]
            if disk.get("Encrypted") is not True or not is_our_key(d, disk.get("KmsKeyId")) or disk.get("VolumeType") != "gp3":
                yield f"{template} has a disk that is not encrypted by our key"


@invariant
def instances_have_no_public_address(d: Deployment) -> Iterator[str]:
    """Instances are behind the load balancer only."""
    for template in d.some("AWS::EC2::LaunchTemplate"):
        interfaces = template.get("LaunchTemplateData.NetworkInterfaces", [])
        if not interfaces or any(interface.get("AssociatePublicIpAddress") is not False for interface in interfaces):
            yield f"{template} may give a public address"


@invariant
def instances_are_of_this_generation(d: Deployment) -> Iterator[str]:
    """t3, the newest burstable x86 on Nitro that is priced here, with detailed monitoring and an optimised path to its disk."""
    for template in d.some("AWS::EC2::LaunchTemplate"):
        if not str(template.get("LaunchTemplateData.InstanceType")).startswith("t3."):
            yield f"{template} is a {template.get('LaunchTemplateData.InstanceType')}"
        if template.get("LaunchTemplateData.Monitoring.Enabled") is not True or template.get("LaunchTemplateData.EbsOptimized") is not True:
            yield f"{template} is measured every five minutes"


@invariant
def image_is_amazon_s_newest(d: Deployment) -> Iterator[str]:
    """The image is named by AWS's public parameter, so it is of every region and current."""
    for template in d.some("AWS::EC2::LaunchTemplate"):
        if not str(template.get("LaunchTemplateData.ImageId")).startswith("/aws/service/ami-amazon-linux-latest/al2023"):
            yield f"{template} starts {template.get('LaunchTemplateData.ImageId')}"


@invariant
def releases_are_checked_before_they_run(d: Deployment) -> Iterator[str]:
    """Instances run what has the digest that was deployed, from our bucket: no container registry, no update at boot."""
    for template in d.some("AWS::EC2::LaunchTemplate"):
        script = str(template.get("LaunchTemplateData.UserData"))
        checks, unpacks = script.find("sha256sum --check"), script.find("tar --extract")
        if checks < 0 or unpacks < checks or not re.search(r"echo '[0-9a-f]{64} ", script):
            yield f"{template} runs what it was not told to"
        if "set -euo pipefail" not in script:
            yield f"{template} goes on after a failure"
        for word in ("docker ", "yum update", "dnf update", "dnf upgrade", "curl http", "wget ", ":latest"):
            if word in script or word in d.file("host/user-data.sh").replace("curl --silent --fail --max-time 3", ""):
                yield f"{template} runs {word.strip()}"


@invariant
def settings_reach_the_instances(d: Deployment) -> Iterator[str]:
    """The launch template writes the settings where the unit reads them."""
    values = [str(item.get("Value")) for item in d.some("AWS::SSM::Parameter")]
    for template in d.some("AWS::EC2::LaunchTemplate"):
        script = str(template.get("LaunchTemplateData.UserData"))
        if "/etc/roomm8/environment" not in script or not any(value in script for value in values):
            yield f"{template} does not hand on the settings"
    if "EnvironmentFile=/etc/roomm8/environment\n" not in d.file("host/roomm8.service"):
        yield "the unit reads other settings"


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
