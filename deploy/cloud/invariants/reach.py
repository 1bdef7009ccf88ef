"""Security groups: who reaches whom."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from cloud.invariants import invariant
from cloud.template import Deployment, Resource

ANYWHERE = ("0.0.0.0/0", "::/0")
NOWHERE = "127.0.0.1/32"


def rules(d: Deployment, direction: str) -> Iterator[tuple[Resource, dict[str, Any]]]:
    """Each rule of a security group, whether it stands in the group or by itself."""
    for group in d.some("AWS::EC2::SecurityGroup"):
        for rule in group.get(f"SecurityGroup{direction}", []):
            yield group, rule
    for rule in d.every(f"AWS::EC2::SecurityGroup{direction}"):
        group = d.target(rule.get("GroupId"))
        if group:
            yield group, rule.properties


def ports(rule: dict[str, Any]) -> range:
    """The ports that a rule opens."""
    if str(rule.get("IpProtocol")) == "-1":
        return range(0, 65536)
    return range(int(rule.get("FromPort", 0)), int(rule.get("ToPort", 65535)) + 1)


def is_nothing(rule: dict[str, Any]) -> bool:
    """A rule that allows nothing, in the place of the default one, which allows everything."""
    return rule.get("CidrIp") == NOWHERE


def reached_from(d: Deployment, group: Resource) -> set[str]:
    """The groups and addresses from which a group is reached, over any number of steps."""
    found: set[str] = set()
    todo = [group]
    while todo:
        current = todo.pop()
        for owner, rule in rules(d, "Ingress"):
            if owner is not current:
                continue
            source = d.target(rule.get("SourceSecurityGroupId"))
            name = source.id if source else str(rule.get("CidrIp") or rule.get("CidrIpv6") or rule.get("SourcePrefixListId"))
            if name not in found:
                found.add(name)
                if source:
                    todo.append(source)
    return found


@invariant
def no_ssh(d: Deployment) -> Iterator[str]:
    """Nobody reaches a shell by the network: port 22 and 3389 are open to nobody."""
    for group, rule in rules(d, "Ingress"):
        for port in (22, 3389):
            if port in ports(rule):
                yield f"{group} opens {port}"


@invariant
def nothing_is_open_to_the_world(d: Deployment) -> Iterator[str]:
    """No group lets everybody in: the load balancer is for CloudFront."""
    for group, rule in rules(d, "Ingress"):
        if rule.get("CidrIp") in ANYWHERE or rule.get("CidrIpv6") in ANYWHERE:
            yield f"{group} lets everybody in at {ports(rule)[0]}"


@invariant
def one_prefix_list_a_group(d: Deployment) -> Iterator[str]:
    """CloudFront's list counts as 55 of a group's 60 rules, so it fits once."""
    lists: dict[str, int] = {}
    for group, rule in rules(d, "Ingress"):
        if rule.get("SourcePrefixListId"):
            lists[group.id] = lists.get(group.id, 0) + 1
    if not lists:
        yield "nothing lets CloudFront in"
    yield from (f"{group} has {count} prefix lists" for group, count in lists.items() if count > 1)


@invariant
def load_balancer_opens_443_alone(d: Deployment) -> Iterator[str]:
    """The load balancer's group opens one port, to CloudFront."""
    for balancer in d.some("AWS::ElasticLoadBalancingV2::LoadBalancer"):
        for group in d.targets(balancer.get("SecurityGroups", [])):
            opened = [rule for owner, rule in rules(d, "Ingress") if owner is group]
            if not opened:
                yield f"{group} opens nothing"
            for rule in opened:
                if list(ports(rule)) != [443] or not rule.get("SourcePrefixListId"):
                    yield f"{group} opens more than 443 to CloudFront"


@invariant
def instances_take_9090_from_the_load_balancer(d: Deployment) -> Iterator[str]:
    """Instances open 9090 to the load balancer's group, and nothing else."""
    balancers = {
        group.id for item in d.some("AWS::ElasticLoadBalancingV2::LoadBalancer") for group in d.targets(item.get("SecurityGroups", []))
    }
    for template in d.some("AWS::EC2::LaunchTemplate"):
        interfaces = template.get("LaunchTemplateData.NetworkInterfaces", [])
        groups = [group for interface in interfaces for group in d.targets(interface.get("Groups", []))]
        groups += d.targets(template.get("LaunchTemplateData.SecurityGroupIds", []))
        if not groups:
            yield f"{template} has no group"
        for group in groups:
            opened = [rule for owner, rule in rules(d, "Ingress") if owner is group]
            if not opened:
                yield f"{group} opens nothing"
            for rule in opened:
                source = d.target(rule.get("SourceSecurityGroupId"))
                if list(ports(rule)) != [9090] or source is None or source.id not in balancers:
                    yield f"{group} opens more than 9090 to the load balancer"


def _opens_to(d: Deployment, kind: str, path: str, port: int, friends: set[str]) -> Iterator[str]:
    for store in d.some(kind):
        groups = d.targets(store.get(path, []))
        if not groups:
            yield f"{store} has no group"
        for group in groups:
            let_in = set()
            for owner, rule in rules(d, "Ingress"):
                if owner is not group:
                    continue
                source = d.target(rule.get("SourceSecurityGroupId"))
                if list(ports(rule)) != [port] or source is None or source.id not in friends:
                    yield f"{group} opens more than {port} to {', '.join(sorted(friends))}"
                elif rule.get("IpProtocol") == "tcp":
                    let_in.add(source.id)
            yield from (f"{group} does not let {friend} in" for friend in sorted(friends - let_in))


def instance_groups(d: Deployment) -> set[str]:
    """The groups of the instances."""
    found: set[str] = set()
    for template in d.some("AWS::EC2::LaunchTemplate"):
        for interface in template.get("LaunchTemplateData.NetworkInterfaces", []):
            found |= {group.id for group in d.targets(interface.get("Groups", []))}
    return found


@invariant
def database_is_for_instances_and_rotation(d: Deployment) -> Iterator[str]:
    """MySQL is reached by instances and by the functions that rotate its passwords."""
    rotation = {
        group.id
        for schedule in d.some("AWS::SecretsManager::RotationSchedule")
        for group in d.targets(schedule.get("HostedRotationLambda.VpcSecurityGroupIds", []))
    }
    yield from _opens_to(d, "AWS::RDS::DBInstance", "VPCSecurityGroups", 3306, instance_groups(d) | rotation)


@invariant
def cache_is_for_instances(d: Deployment) -> Iterator[str]:
    """Valkey is reached by instances only."""
    yield from _opens_to(d, "AWS::ElastiCache::ReplicationGroup", "SecurityGroupIds", 6379, instance_groups(d))


@invariant
def internet_does_not_reach_data(d: Deployment) -> Iterator[str]:
    """No chain of groups leads from everybody's addresses to a database or cache."""
    stores = [(item, "VPCSecurityGroups") for item in d.some("AWS::RDS::DBInstance")]
    stores += [(item, "SecurityGroupIds") for item in d.every("AWS::ElastiCache::ReplicationGroup")]
    for store, path in stores:
        for group in d.targets(store.get(path, [])):
            yield from (f"{store} is reached from {source}" for source in reached_from(d, group) if source in ANYWHERE)


@invariant
def every_group_says_what_leaves_it(d: Deployment) -> Iterator[str]:
    """No group has the default rule, which lets everything out."""
    for group in d.some("AWS::EC2::SecurityGroup"):
        if not group.get("SecurityGroupEgress"):
            yield f"{group} lets everything out"
    for group, rule in rules(d, "Egress"):
        if str(rule.get("IpProtocol")) == "-1" and not is_nothing(rule):
            yield f"{group} lets everything out"


@invariant
def data_calls_nobody(d: Deployment) -> Iterator[str]:
    """Databases and caches open no connections."""
    for store, path in [("AWS::RDS::DBInstance", "VPCSecurityGroups"), ("AWS::ElastiCache::ReplicationGroup", "SecurityGroupIds")]:
        for item in d.some(store):
            for group in d.targets(item.get(path, [])):
                for owner, rule in rules(d, "Egress"):
                    if owner is group and not is_nothing(rule):
                        yield f"{group} may call somebody"


@invariant
def out_to_the_world_is_tls(d: Deployment) -> Iterator[str]:
    """Whatever leaves for everywhere leaves for port 443."""
    if not list(rules(d, "Egress")):
        yield "no group says what leaves it"
    for group, rule in rules(d, "Egress"):
        if (rule.get("CidrIp") in ANYWHERE or rule.get("CidrIpv6") in ANYWHERE) and list(ports(rule)) != [443]:
            yield f"{group} reaches everywhere on more than 443"


@invariant
def instances_call_everybody_by_https(d: Deployment) -> Iterator[str]:
    """Instances reach push services and webhooks, wherever those are: their groups let 443 out to everywhere."""
    groups = instance_groups(d)
    if not groups:
        yield "instances have no group"
    out = {group.id for group, rule in rules(d, "Egress") if rule.get("CidrIp") == ANYWHERE[0] and 443 in ports(rule)}
    yield from (f"{group} lets nobody call push services and webhooks" for group in sorted(groups - out))


@invariant
def each_side_of_a_connection_allows_it(d: Deployment) -> Iterator[str]:
    """What a group lets in from another, the other lets out, or nobody would be served."""
    out = [(owner, rule) for owner, rule in rules(d, "Egress")]
    for group, rule in rules(d, "Ingress"):
        source = d.target(rule.get("SourceSecurityGroupId"))
        if source is None:
            continue
        for port in ports(rule):
            if not any(
                owner is source
                and port in ports(egress)
                and (d.target(egress.get("DestinationSecurityGroupId")) is group or egress.get("CidrIp") in ANYWHERE)
                for owner, egress in out
            ):
                yield f"{source} may not call {group} at {port}"
                break


@invariant
def what_leaves_for_a_group_is_let_in(d: Deployment) -> Iterator[str]:
    """What a group lets out to another, the other lets in: no rule is left over."""
    let_in = [(owner, rule) for owner, rule in rules(d, "Ingress")]
    for group, rule in rules(d, "Egress"):
        other = d.target(rule.get("DestinationSecurityGroupId"))
        if other and not any(
            owner is other and d.target(ingress.get("SourceSecurityGroupId")) is group and ports(ingress) == ports(rule)
            for owner, ingress in let_in
        ):
            yield f"{other} does not let {group} in at {ports(rule)[0]}"


@invariant
def six_groups(d: Deployment) -> Iterator[str]:
    """Load balancer, instances, database, cache, endpoints, rotation: a group each."""
    if len(d.some("AWS::EC2::SecurityGroup")) != 6:
        yield f"there are {len(d.every('AWS::EC2::SecurityGroup'))} groups"


@invariant
def every_rule_says_why(d: Deployment) -> Iterator[str]:
    """Each rule of a group has a description."""
    for direction in ("Ingress", "Egress"):
        yield from (f"a rule of {group} does not say why" for group, rule in rules(d, direction) if not rule.get("Description"))
