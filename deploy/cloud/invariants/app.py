"""The instances: how many there are, what they run and are told."""

from __future__ import annotations

import re
from collections.abc import Iterator

from cloud.invariants import invariant
from cloud.invariants.balancer import attributes
from cloud.invariants.data import is_our_key
from cloud.template import FROM_DRIVER, Deployment, Resource


def setting(d: Deployment, name: str) -> str | None:
    """What the instances' settings say."""
    for parameter in d.some("AWS::SSM::Parameter"):
        found = re.search(rf"^{name}=(.*)$", str(parameter.get("Value")), re.MULTILINE)
        if found:
            return found[1]
    return None


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
    """Each setting is one that the binary reads, or will as is agreed; what is secret in them is named, and read over TLS."""
    known = set(re.findall(r'env = "([A-Z_]+)"', d.file("config.rs"))) | {"AWS_REGION", "DATABASE_CA", "SIGNING_KEYS"}
    for parameter in d.some("AWS::SSM::Parameter"):
        for line in str(parameter.get("Value")).splitlines():
            name, _, value = line.partition("=")
            if name not in known:
                yield f"the binary knows no {name}"
            if not value:
                yield f"{name} is empty"
    for name in ("LISTEN_ADDR", "SNS_TOPIC_ARN", "PUBLIC_URL", "DRAIN_SECONDS"):
        if setting(d, name) is None:
            yield f"{name} is not set"
    secret = r"\{secretsmanager:\$\{[\w.-]+\}#%s\}"
    shapes = {
        "DATABASE_URL": rf"mysql://{secret % 'username'}:{secret % 'password'}@{secret % 'host'}:3306/roomm8",
        "DATABASE_CA": r"/opt/roomm8/rds-ca\.pem",
        "REDIS_URL": rf"rediss://:{secret % 'password'}@\S+:6379",
        "SIGNING_KEYS": f"{secret % 'newest'}:{secret % 'keys'}",
    }
    for name, shape in shapes.items():
        if not re.fullmatch(shape, setting(d, name) or ""):
            yield f"{name} does not name its secrets"
    if setting(d, "LOG_FORMAT") != "json":
        yield "logs are not JSON"


# What could be given for the key by which push services know us, and is not one secret with such a key.
NO_VAPID_KEYS = (
    "*",
    "roomm8/prod/vapid",
    "arn:aws:secretsmanager:us-east-1:000000000000:secret:*",
    "arn:aws:secretsmanager:us-east-1:000000000000:secret:roomm8/prod/vapid-*",
    "arn:aws:secretsmanager:us-east-1:000000000000:secret:roomm8/prod/vapid-??????",
    "arn:aws:secretsmanager:us-east-1:000000000000:secret:MasterSecret-AbCdEf",
)


@invariant
def browsers_are_told_with_the_key_that_is_given(d: Deployment) -> Iterator[str]:
    """
    Where an environment names the secret with the key for push services, the API is told of it, and where it names none, of
    nothing. The parameter takes such a secret of the environment's region by its whole address, and no other.
    """
    for settings in d.some("AWS::SSM::Parameter"):
        about = d.templates[settings.stack].get("Parameters", {}).get("VapidKeySecretArn", {})
        takes = re.compile(about.get("AllowedPattern", ".*"))
        yield from (f"{wrong} may be given as the key for push services" for wrong in NO_VAPID_KEYS if takes.fullmatch(wrong))
        known = d.parameters[settings.stack]
        given = str(known.get("VapidKeySecretArn", ""))
        if not takes.fullmatch(given):
            yield f"{given} is no secret with a key for push services"
        elif given and given.split(":")[3] != known["AWS::Region"]:
            yield f"{given} is in another region, where instances may open nothing"
        if setting(d, "VAPID_KEY") != (f"{{secretsmanager:{given}}}" if given else None):
            yield "VAPID_KEY does not name the secret that is given"


@invariant
def nobody_has_the_network_called(d: Deployment) -> Iterator[str]:
    """
    Webhooks and push services are whatever people say, so the API calls who is on the internet and nobody inside: it does by
    itself, and nothing tells it otherwise.
    """
    default = re.search(r'env = "PRIVATE_ENDPOINTS", default_value = "(\w+)"', d.file("config.rs"))
    if default is None or default[1] != "off":
        yield f"PRIVATE_ENDPOINTS is {default and default[1]} where nobody says anything"
    if setting(d, "PRIVATE_ENDPOINTS") not in (None, "off"):
        yield "settings let people have the network called"
    for path in ("host/roomm8.service", "host/user-data.sh", "container/Dockerfile", "container/compose.yml"):
        if "PRIVATE_ENDPOINTS" in d.file(path):
            yield f"{path} lets people have the network called"


@invariant
def proxies_are_counted(d: Deployment) -> Iterator[str]:
    """The API believes as many entries of X-Forwarded-For as there are proxies: CloudFront and the load balancer."""
    if setting(d, "TRUSTED_PROXIES") != "2":
        yield f"TRUSTED_PROXIES is {setting(d, 'TRUSTED_PROXIES')}"
    if setting(d, "CONNECTIONS_PER_ADDRESS") != "0":
        yield "connections from the load balancer are limited"


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
def a_stop_that_nobody_told_of_is_seen_in_time(d: Deployment) -> Iterator[str]:
    """An instance takes requests for a part of its drain, within which the load balancer sees that /readyz fails."""
    part = re.search(r"^const NOTICE: f64 = ([\d.]+);$", d.file("server.rs"), re.MULTILINE)
    notice = float(part[1] if part else 0) * int(setting(d, "DRAIN_SECONDS") or 10)
    for group in d.some("AWS::ElasticLoadBalancingV2::TargetGroup"):
        seen = int(group.get("HealthCheckIntervalSeconds", 30)) * int(group.get("UnhealthyThresholdCount", 2))
        # What it takes to answer, and for all nodes of the load balancer to hear of it.
        if seen + 2 > notice:
            yield f"{group} sees after {seen} s that an instance stops, which takes requests for {notice:.0f} s"


def runs(group: Resource) -> bool:
    """Whether a colour is to have instances."""
    return group.get("DesiredCapacity") is None or int(group.get("DesiredCapacity")) > 0


@invariant
def at_least_two_instances(d: Deployment) -> Iterator[str]:
    """The active colour has two to five instances in two zones, and room for one more; the other has none."""
    groups = d.some("AWS::AutoScaling::AutoScalingGroup")
    if not any(runs(group) for group in groups):
        yield "no colour runs"
    for group in groups:
        least, most = int(group.get("MinSize", 0)), int(group.get("MaxSize", 0))
        if not runs(group):
            if (least, most) != (0, 1):
                yield f"{group} does not run, and may have {least} to {most}"
            continue
        if least < 2:
            yield f"{group} may have {least}"
        if most != int(d.parameters.get(group.stack, {}).get("MaxInstances", 5)) or not least < most <= 5:
            yield f"{group} may have {most}"
        if len({str(subnet.get("AvailabilityZone")) for subnet in d.targets(group.get("VPCZoneIdentifier", []))}) < 2:
            yield f"{group} is in one zone"


@invariant
def sick_instances_are_replaced(d: Deployment) -> Iterator[str]:
    """
    A dead process is started again by systemd, a dead machine replaced by Auto Scaling, and nobody is led to what is not ready.
    What is not ready is not dead: while the database is away that is every instance.
    """
    for group in d.some("AWS::AutoScaling::AutoScalingGroup"):
        if group.get("HealthCheckType") != "EC2":
            yield f"{group} is replaced as a whole when the database is away"
        if not 30 <= int(group.get("HealthCheckGracePeriod", 0)) <= 600:
            yield f"{group} has no grace"
        if not any(target.get("HealthCheckPath") == "/readyz" for target in d.targets(group.get("TargetGroupARNs", []))):
            yield f"people are led to what of {group} is not ready"
    unit = d.file("host/roomm8.service")
    if "\nRestart=always\n" not in unit or "\nStartLimitIntervalSec=0\n" not in unit:
        yield "nobody starts a dead process again"


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
    """An update replaces one instance at a time, keeps as many in service as run, and waits for each to say it serves."""
    for group in d.some("AWS::AutoScaling::AutoScalingGroup"):
        policy = group.attributes.get("UpdatePolicy", {}).get("AutoScalingRollingUpdate", {})
        kept = int(policy.get("MinInstancesInService", -1))
        wanted = int(d.parameters[group.stack].get("InstancesInService", 0)) if runs(group) else 0
        if kept != wanted or policy.get("WaitOnResourceSignals") is not True:
            yield f"{group} is replaced with a gap"
        if kept >= int(group.get("MaxSize", 0)):
            yield f"CloudFormation refuses to update {group}, which may not have more than it must"
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
        return re.sub(r"'(MinSize|MaxSize|DesiredCapacity|MinInstancesInService)': '?\d+'?(, )?", "", text)

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
def metadata_asks_for_a_token(d: Deployment) -> Iterator[str]:
    """Only IMDSv2, and only from the instance itself."""
    for template in d.some("AWS::EC2::LaunchTemplate"):
        options = template.get("LaunchTemplateData.MetadataOptions", {})
        if options.get("HttpTokens") != "required" or options.get("HttpPutResponseHopLimit") != 1:
            yield f"{template} gives its credentials to whoever makes it ask"


@invariant
def disks_are_encrypted(d: Deployment) -> Iterator[str]:
    """Disks of instances are gp3, encrypted by our key."""
    for template in d.some("AWS::EC2::LaunchTemplate"):
        mappings = template.get("LaunchTemplateData.BlockDeviceMappings", [])
        if not mappings:
            yield f"{template} leaves its disk to the image"
        for mapping in mappings:
            disk = mapping["Ebs"]
            if disk.get("Encrypted") is not True or not is_our_key(d, disk.get("KmsKeyId")) or disk.get("VolumeType") != "gp3":
                yield f"{template} has a disk that is not encrypted by our key"


@invariant
def disks_are_on_the_bill(d: Deployment) -> Iterator[str]:
    """The budget counts what carries the tag Environment, and a disk has only the tags that its launch template gives it."""
    for template in d.some("AWS::EC2::LaunchTemplate"):
        tags = {
            tag["Key"]: tag["Value"]
            for item in template.get("LaunchTemplateData.TagSpecifications", [])
            if item["ResourceType"] == "volume"
            for tag in item["Tags"]
        }
        if tags.get("Environment") != d.parameters[template.stack].get("Environment", d.environment):
            yield f"disks of {template} are nobody's"


@invariant
def instances_have_no_public_address(d: Deployment) -> Iterator[str]:
    """Instances are behind the load balancer only."""
    for template in d.some("AWS::EC2::LaunchTemplate"):
        interfaces = template.get("LaunchTemplateData.NetworkInterfaces", [])
        if not interfaces or any(interface.get("AssociatePublicIpAddress") is not False for interface in interfaces):
            yield f"{template} may give a public address"


@invariant
def instances_are_of_this_generation(d: Deployment) -> Iterator[str]:
    """t3, the newest burstable x86 on Nitro that is priced here, with an optimised path to its disk; measured each minute in production."""
    for template in d.some("AWS::EC2::LaunchTemplate"):
        if not str(template.get("LaunchTemplateData.InstanceType")).startswith("t3."):
            yield f"{template} is a {template.get('LaunchTemplateData.InstanceType')}"
        if template.get("LaunchTemplateData.EbsOptimized") is not True:
            yield f"{template} shares the path to its disk"
        # Elsewhere requests and sockets, of which there are figures each minute anyway, are what scaling goes by first.
        if template.get("LaunchTemplateData.Monitoring.Enabled") is not True and d.environment in ("prod", "dr"):
            yield f"{template} is measured every five minutes"


@invariant
def image_is_amazon_s_newest(d: Deployment) -> Iterator[str]:
    """The image is what AWS's public parameter names when the driver deploys; CloudFormation does not look it up at each release."""
    for template in d.some("AWS::EC2::LaunchTemplate"):
        if template.get("LaunchTemplateData.ImageId") != FROM_DRIVER["ImageId"]:
            yield f"{template} starts {template.get('LaunchTemplateData.ImageId')}"
        about = d.templates[template.stack].get("Parameters", {}).get("ImageId", {})
        if about.get("Type") != "AWS::EC2::Image::Id" or "Default" in about:
            yield f"{template.stack} looks the image up by itself, or needs none to be looked up"
    if not re.search(
        r'^NEWEST_IMAGE = "/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-x86_64"$', d.file("cloud/stacks.py"), re.MULTILINE
    ):
        yield "the driver looks up another image"


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
