"""Who reaches whom."""

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


def subnets(d: Deployment, tier: str) -> list[Resource]:
    """The subnets of a tier: whose load balancers, instances or databases are in them."""
    users = {
        "public": ("AWS::ElasticLoadBalancingV2::LoadBalancer", "Subnets"),
        "app": ("AWS::AutoScaling::AutoScalingGroup", "VPCZoneIdentifier"),
        "data": ("AWS::RDS::DBSubnetGroup", "SubnetIds"),
    }
    kind, path = users[tier]
    return d.targets(d.some(kind)[0].get(path, []))


def routes(d: Deployment, subnet: Resource) -> list[Resource]:
    """The routes of a subnet."""
    tables = [
        d.target(association.get("RouteTableId"))
        for association in d.every("AWS::EC2::SubnetRouteTableAssociation")
        if d.target(association.get("SubnetId")) is subnet
    ]
    return [route for route in d.every("AWS::EC2::Route") if d.target(route.get("RouteTableId")) in tables]


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
def six_subnets_in_two_zones(d: Deployment) -> Iterator[str]:
    """Two subnets a tier, one in each zone, and the tiers do not share any."""
    seen: set[str] = set()
    for tier in ("public", "app", "data"):
        found = subnets(d, tier)
        if len(found) != 2 or len({str(subnet.get("AvailabilityZone")) for subnet in found}) != 2:
            yield f"the {tier} tier has {len(found)} subnets, not one in each of two zones"
        yield from (f"{subnet} is of two tiers" for subnet in found if subnet.id in seen)
        seen |= {subnet.id for subnet in found}


@invariant
def subnets_do_not_overlap(d: Deployment) -> Iterator[str]:
    """Each subnet has addresses of its own, inside the network's, and the network has names."""
    from ipaddress import ip_network

    for item in d.some("AWS::EC2::VPC"):
        # Names of databases and endpoints are asked of the network's own server.
        if item.get("EnableDnsSupport") is not True or item.get("EnableDnsHostnames") is not True:
            yield f"{item} has no names"
    network = ip_network(d.some("AWS::EC2::VPC")[0].get("CidrBlock"))
    blocks = [(subnet, ip_network(subnet.get("CidrBlock"))) for subnet in d.some("AWS::EC2::Subnet")]
    for index, (subnet, block) in enumerate(blocks):
        if not block.subnet_of(network):
            yield f"{subnet} is outside of the network"
        yield from (f"{subnet} overlaps {other}" for other, its in blocks[:index] if its.overlaps(block))


@invariant
def no_address_is_public_by_default(d: Deployment) -> Iterator[str]:
    """Nothing that is started in a subnet gets a public address by itself."""
    for subnet in d.some("AWS::EC2::Subnet"):
        if subnet.get("MapPublicIpOnLaunch") is not False:
            yield f"{subnet} gives public addresses"


@invariant
def internet_route_waits_for_its_gateway(d: Deployment) -> Iterator[str]:
    """The route to the internet gateway is made after the gateway is attached."""
    gateways = [route for route in d.some("AWS::EC2::Route") if route.get("GatewayId")]
    attachments = {resource.name for resource in d.some("AWS::EC2::VPCGatewayAttachment")}
    for route in gateways:
        after = route.attributes.get("DependsOn", [])
        if not attachments & set([after] if isinstance(after, str) else after):
            yield f"{route} may be made before the gateway is attached"


@invariant
def app_leaves_by_nat(d: Deployment) -> Iterator[str]:
    """Instances reach out through a NAT gateway, never by the internet gateway; which is the way of public subnets alone."""
    for subnet in subnets(d, "public"):
        if not any(d.target(route.get("GatewayId")) for route in routes(d, subnet) if route.get("DestinationCidrBlock") in ANYWHERE):
            yield f"{subnet} is not on the internet"
    for subnet in subnets(d, "app"):
        out = [route for route in routes(d, subnet) if route.get("DestinationCidrBlock") in ANYWHERE]
        if not any(d.target(route.get("NatGatewayId")) for route in out):
            yield f"{subnet} has no way out"
        yield from (f"{subnet} is on the internet by {route}" for route in out if route.get("GatewayId"))


@invariant
def nat_in_each_zone_where_it_counts(d: Deployment) -> Iterator[str]:
    """In production the loss of a zone does not cut off the other: each has its own NAT gateway, in its own zone."""
    used = set()
    for subnet in subnets(d, "app"):
        for route in routes(d, subnet):
            nat = d.target(route.get("NatGatewayId"))
            if nat:
                used.add(nat.id)
                home = d.target(nat.get("SubnetId"))
                if d.environment in ("prod", "dr") and home and home.get("AvailabilityZone") != subnet.get("AvailabilityZone"):
                    yield f"{subnet} leaves by another zone"
    if len(used) < (2 if d.environment in ("prod", "dr") else 1):
        yield f"there are {len(used)} NAT gateways in use"


@invariant
def nat_is_in_a_public_subnet(d: Deployment) -> Iterator[str]:
    """A NAT gateway reaches the internet itself."""
    for nat in d.some("AWS::EC2::NatGateway"):
        home = d.target(nat.get("SubnetId"))
        if home is None or not any(route.get("GatewayId") for route in routes(d, home)):
            yield f"{nat} has no way out"


@invariant
def data_has_no_way_out(d: Deployment) -> Iterator[str]:
    """The subnets of databases and caches have routes within the network only."""
    for group in d.some("AWS::RDS::DBSubnetGroup") + d.every("AWS::ElastiCache::SubnetGroup"):
        for subnet in d.targets(group.get("SubnetIds", [])):
            for route in routes(d, subnet):
                yield f"{subnet} of {group} has {route}"


@invariant
def data_shares_no_subnet_with_instances(d: Deployment) -> Iterator[str]:
    """Databases have subnets of their own."""
    instances = {subnet.id for subnet in subnets(d, "app")} | {subnet.id for subnet in subnets(d, "public")}
    for group in d.some("AWS::RDS::DBSubnetGroup"):
        yield from (f"{group} uses {subnet}" for subnet in d.targets(group.get("SubnetIds", [])) if subnet.id in instances)


@invariant
def tiers_have_their_route_tables(d: Deployment) -> Iterator[str]:
    """One table for public subnets, one a zone for instances, one for data."""
    tables = d.some("AWS::EC2::RouteTable")
    if len(tables) != 4:
        yield f"there are {len(tables)} route tables"
    for subnet in d.some("AWS::EC2::Subnet"):
        if not any(d.target(item.get("SubnetId")) is subnet for item in d.every("AWS::EC2::SubnetRouteTableAssociation")):
            yield f"{subnet} uses the main route table"


@invariant
def s3_without_nat(d: Deployment) -> Iterator[str]:
    """Releases and packages come by the free gateway endpoint."""
    gateways = [end for end in d.some("AWS::EC2::VPCEndpoint") if end.get("VpcEndpointType") == "Gateway"]
    tables = {table.id for end in gateways for table in d.targets(end.get("RouteTableIds", []))}
    for subnet in subnets(d, "app"):
        if not tables & {str(d.target(route.get("RouteTableId"))) for route in routes(d, subnet)}:
            yield f"{subnet} pays the NAT for S3"


@invariant
def no_ssh(d: Deployment) -> Iterator[str]:
    """Nobody reaches a shell by the network: port 22 and 3389 are open to nobody."""
    for group, rule in rules(d, "Ingress"):
        for port in (22, 3389):
            if port in ports(rule):
                yield f"{group} opens {port}"


@invariant
def no_key_pair(d: Deployment) -> Iterator[str]:
    """Hosts have no key pair; Session Manager is the way in."""
    for template in d.some("AWS::EC2::LaunchTemplate"):
        if template.get("LaunchTemplateData.KeyName"):
            yield f"{template} has a key pair"
    for instance in d.every("AWS::EC2::Instance"):
        if instance.get("KeyName"):
            yield f"{instance} has a key pair"


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
def secrets_are_reached_within_the_network(d: Deployment) -> Iterator[str]:
    """Where there is an endpoint of Secrets Manager, it has the service's name, is in both zones, and is for this account."""
    wanted = d.parameters.get("10-network", {}).get("SecretsEndpoint") == "true"
    found = [end for end in d.some("AWS::EC2::VPCEndpoint") if str(end.get("ServiceName")).endswith(".secretsmanager")]
    if wanted != bool(found):
        yield f"the environment asks for an endpoint: {wanted}; there are {len(found)}"
    for end in found:
        if end.get("VpcEndpointType") != "Interface" or end.get("PrivateDnsEnabled") is not True:
            yield f"{end} does not have the service's name"
        if {item.id for item in d.targets(end.get("SubnetIds", []))} != {item.id for item in subnets(d, "app")}:
            yield f"{end} is not beside the instances"
        groups = d.targets(end.get("SecurityGroupIds", []))
        sources = {str(d.target(rule.get("SourceSecurityGroupId"))) for group, rule in rules(d, "Ingress") if group in groups}
        yield from (f"{end} does not let {group} in" for group in instance_groups(d) - sources)
        if "aws:PrincipalAccount" not in str(end.get("PolicyDocument")):
            yield f"{end} is for any account"


@invariant
def flow_log_may_write(d: Deployment) -> Iterator[str]:
    """The flow log has a group of ours, and a role that may write to it."""
    for log in d.some("AWS::EC2::FlowLog"):
        group, role = d.target(log.get("LogGroupName")), d.target(log.get("DeliverLogsPermissionArn"))
        if group is None or role is None:
            yield f"{log} writes nowhere"
        elif group.id not in str(role.get("Policies")) or "logs:PutLogEvents" not in str(role.get("Policies")):
            yield f"{role} may not write to {group}"


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


@invariant
def refused_traffic_is_logged(d: Deployment) -> Iterator[str]:
    """The network has a flow log."""
    networks = {network.id for network in d.some("AWS::EC2::VPC")}
    logged = {str(d.target(log.get("ResourceId"))) for log in d.some("AWS::EC2::FlowLog") if log.get("TrafficType") in ("REJECT", "ALL")}
    yield from (f"{network} has no flow log" for network in networks - logged)


@invariant
def zones_and_regions_are_not_named(d: Deployment) -> Iterator[str]:
    """Templates name no region, zone, account or image, so they run anywhere."""
    import re

    name = re.compile(
        r"\b(?:us|eu|ap|sa|ca|me|af|il)-(?:gov-)?(?:north|south|east|west|central)[a-z]*-\d[a-z]?\b|\bami-[0-9a-f]{8,}|\barn:aws[a-z-]*:[a-z0-9]+:[a-z0-9-]*:\d{12}:"
    )
    for path in [path for path in d.files if path.startswith("cfn/")]:
        for number, line in enumerate(d.files[path].splitlines(), 1):
            text = line.split(" #")[0]
            if name.search(text) and "Description:" not in text and not text.lstrip().startswith("#"):
                yield f"{path}:{number} names a place: {name.search(text)[0]}"
