"""What an environment costs a month, counted from the templates and the prices in prices.json."""

from __future__ import annotations

import json
from typing import Any

from cloud import template
from cloud.figures import COLORS, Agent, of_logs, selected
from cloud.template import DEPLOY, Deployment

PRICES = DEPLOY / "prices.json"
README = DEPLOY / "README.md"
BEGIN, END = "<!-- costs: roomm8ctl costs --write -->", "<!-- end of costs -->"
SHOWN = ("prod", "lean", "staging", "dr")
# What a month costs at most.
CEILINGS = {"prod": 260, "lean": 140}


def prices() -> dict[str, Any]:
    return json.loads(PRICES.read_text())


def metrics(d: Deployment, price: dict[str, Any]) -> int:
    """How many figures CloudWatch keeps that are paid for: ours, and those that EC2 and API Gateway send when asked for detail."""
    color = COLORS[0]
    agent = Agent(d, color)
    found = len({*of_logs(d), *agent.of_the_host(), *agent.of_a_scrape(selected(d, color))})
    for group in d.some("AWS::AutoScaling::AutoScalingGroup"):
        launch = d.target(group.get("LaunchTemplate.LaunchTemplateId"))
        each = len(agent.kept_apart())
        if launch and launch.get("LaunchTemplateData.Monitoring.Enabled") is True:
            each += price["figures"]["ec2_instance"]
        found += int(group.get("MinSize")) * each
    for stage in d.every("AWS::ApiGateway::Stage"):
        if any(item.get("MetricsEnabled") for item in stage.get("MethodSettings", [])):
            found += len(d.every("AWS::ApiGateway::Method")) * price["figures"]["api_method"]
    return found


def monthly(d: Deployment, price: dict[str, Any]) -> dict[str, float]:
    """Dollars a month, by what they are for. A type with a price that is not known is an error, not nothing."""
    hours, hourly, fixed, use = price["hours"], price["hourly"], price["monthly"], price["use"]
    instances = 0.0
    for group in d.some("AWS::AutoScaling::AutoScalingGroup"):
        launch = d.target(group.get("LaunchTemplate.LaunchTemplateId"))
        assert launch is not None
        disks = sum(mapping["Ebs"]["VolumeSize"] for mapping in launch.get("LaunchTemplateData.BlockDeviceMappings"))
        each = hourly["ec2"][launch.get("LaunchTemplateData.InstanceType")] * hours + disks * fixed["ebs_gb"]
        instances += int(group.get("MinSize")) * each
    nats = len(d.some("AWS::EC2::NatGateway"))
    balancers = d.some("AWS::ElasticLoadBalancingV2::LoadBalancer")
    addresses = len(d.every("AWS::EC2::EIP")) + sum(len(item.get("Subnets")) for item in balancers)
    endpoints = sum(
        len(item.get("SubnetIds", [])) for item in d.every("AWS::EC2::VPCEndpoint") if item.get("VpcEndpointType") == "Interface"
    )
    database = replica = 0.0
    for item in d.some("AWS::RDS::DBInstance"):
        each = hourly["rds"][item.get("DBInstanceClass")] * hours
        if item.get("SourceDBInstanceIdentifier"):
            replica += each + 20 * fixed["rds_gb"]
        else:
            copies = 2 if item.get("MultiAZ") else 1
            database += copies * (each + int(item.get("AllocatedStorage")) * fixed["rds_gb"])
    cache = sum(
        int(item.get("NumCacheClusters")) * hourly["cache"][item.get("CacheNodeType")] * hours
        for item in d.some("AWS::ElastiCache::ReplicationGroup")
    )
    rules = sum(len(item.get("Rules")) for item in d.some("AWS::WAFv2::WebACL"))
    alarms = sum(max(1, sum("MetricStat" in metric for metric in item.get("Metrics", []))) for item in d.some("AWS::CloudWatch::Alarm"))

    def beyond(what: str, amount: float, each: float) -> float:
        return max(0, amount - price["free"][what]) * each

    used = {name: item["amount"] * item["price"] for name, item in use.items() if name != "about"}
    copies = 2 if any("CopyActions" in json.dumps(item.properties) for item in d.some("AWS::Backup::BackupPlan")) else 1
    return {
        "Instances with disks": instances,
        "NAT gateways": nats * hourly["nat"] * hours + used["nat_gb"],
        "Public addresses": addresses * hourly["address"] * hours,
        "Load balancer": len(balancers) * hourly["balancer"] * hours + used["balancer_units"],
        "Endpoints in the network": endpoints * hourly["endpoint"] * hours,
        "MySQL with its standby": database,
        "Read replica": replica,
        "Valkey": cache,
        "Keys and secrets": len(d.some("AWS::KMS::Key")) * fixed["key"] + len(d.some("AWS::SecretsManager::Secret")) * fixed["secret"],
        "Firewall": len(d.some("AWS::WAFv2::WebACL")) * fixed["firewall"] + rules * fixed["firewall_rule"],
        "Logs, figures, alarms": beyond("log_gb", use["log_gb"]["amount"], use["log_gb"]["price"])
        + beyond("metrics", metrics(d, price), fixed["metric"])
        + beyond("alarms", alarms, fixed["alarm"])
        + beyond("dashboards", len(d.some("AWS::CloudWatch::Dashboard")), fixed["dashboard"])
        + len(d.some("AWS::CloudWatch::CompositeAlarm")) * fixed["composite_alarm"],
        "Backups": used["backup_gb"] * copies,
        "Site, letters, traffic": used["requests_and_traffic"] + used["letters_thousands"],
    }


def all_costs() -> dict[str, dict[str, float]]:
    """The costs of each environment."""
    texts, price = template.files(), prices()
    return {name: monthly(template.resolve(name, texts), price) for name in SHOWN}


def table() -> str:
    """The table for README.md."""
    costs = all_costs()
    price = prices()
    rows = list(costs["prod"])
    lines = [
        f"Dollars a month, {price['date']}: {price['source']}.",
        "",
        "| | " + " | ".join(SHOWN) + " |",
        "|---|" + "---:|" * len(SHOWN),
    ]
    lines += [f"| {row} | " + " | ".join(f"{costs[name][row]:.0f}" for name in SHOWN) + " |" for row in rows]
    lines.append("| **Together** | " + " | ".join(f"**{sum(costs[name].values()):.0f}**" for name in SHOWN) + " |")
    reserved = {
        name: sum(costs[name].values())
        - price["reserved_discount"]
        * (
            costs[name]["Instances with disks"]
            + costs[name]["MySQL with its standby"]
            + costs[name]["Read replica"]
            + costs[name]["Valkey"]
        )
        for name in SHOWN
    }
    lines.append("| reserved for a year | " + " | ".join(f"{reserved[name]:.0f}" for name in SHOWN) + " |")
    return "\n".join(lines)


def in_readme() -> str:
    """The table as README.md has it."""
    _, _, rest = README.read_text().partition(BEGIN)
    inside, end, _ = rest.partition(END)
    if not end:
        raise ValueError("README.md has no place for the costs")
    return inside.strip()


def write() -> None:
    """Put the table into README.md."""
    text = README.read_text()
    README.write_text(
        text.replace(f"{BEGIN}\n\n{in_readme()}\n\n{END}" if in_readme() else f"{BEGIN}\n\n{END}", f"{BEGIN}\n\n{table()}\n\n{END}")
    )
