"""Subnets, their routes and zones."""

from __future__ import annotations

import re
from collections.abc import Iterator
from ipaddress import ip_network

from cloud.invariants import invariant
from cloud.invariants.reach import ANYWHERE, instance_groups, rules
from cloud.template import Deployment, Resource


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
def no_key_pair(d: Deployment) -> Iterator[str]:
    """Hosts have no key pair; Session Manager is the way in."""
    for template in d.some("AWS::EC2::LaunchTemplate"):
        if template.get("LaunchTemplateData.KeyName"):
            yield f"{template} has a key pair"
    for instance in d.every("AWS::EC2::Instance"):
        if instance.get("KeyName"):
            yield f"{instance} has a key pair"


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
def refused_traffic_is_logged(d: Deployment) -> Iterator[str]:
    """The network has a flow log."""
    networks = {network.id for network in d.some("AWS::EC2::VPC")}
    logged = {str(d.target(log.get("ResourceId"))) for log in d.some("AWS::EC2::FlowLog") if log.get("TrafficType") in ("REJECT", "ALL")}
    yield from (f"{network} has no flow log" for network in networks - logged)


@invariant
def zones_and_regions_are_not_named(d: Deployment) -> Iterator[str]:
    """Templates name no region, zone, account or image, so they run anywhere."""
    name = re.compile(
        r"\b(?:us|eu|ap|sa|ca|me|af|il)-(?:gov-)?(?:north|south|east|west|central)[a-z]*-\d[a-z]?\b|\bami-[0-9a-f]{8,}|\barn:aws[a-z-]*:[a-z0-9]+:[a-z0-9-]*:\d{12}:"
    )
    for path in [path for path in d.files if path.startswith("cfn/")]:
        for number, line in enumerate(d.files[path].splitlines(), 1):
            text = line.split(" #")[0]
            if name.search(text) and "Description:" not in text and not text.lstrip().startswith("#"):
                yield f"{path}:{number} names a place: {name.search(text)[0]}"
