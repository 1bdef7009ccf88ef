"""Templates as emulators take them: without what they do not know, and with a word for each reference to it."""

from __future__ import annotations

import json
from typing import Any

from cloud.template import parse

# Types that MiniStack does not know. It refuses a template that has one, and names them: so the list is exact.
NOT_IN_MINISTACK = {
    "AWS::Backup::BackupSelection",
    "AWS::Budgets::Budget",
    "AWS::CloudWatch::CompositeAlarm",
    "AWS::EC2::EIP",
    "AWS::EC2::FlowLog",
    "AWS::EC2::NatGateway",
    "AWS::EC2::SecurityGroupEgress",
    "AWS::EC2::SecurityGroupIngress",
    "AWS::SecretsManager::RotationSchedule",
    "AWS::WAFv2::LoggingConfiguration",
    "AWS::WAFv2::WebACLAssociation",
}
# Of those, what moto does not know either: no emulator shows anything of it. moto leaves it out without a word.
NOWHERE = {
    "AWS::Backup::BackupSelection",
    "AWS::Budgets::Budget",
    "AWS::CloudWatch::CompositeAlarm",
    "AWS::EC2::SecurityGroupEgress",
    "AWS::SecretsManager::RotationSchedule",
    "AWS::WAFv2::LoggingConfiguration",
    "AWS::WAFv2::WebACLAssociation",
}
# Attributes that MiniStack's resources do not have; an output of one is left out.
MISSING_ATTRIBUTES = ("DkimDNSToken",)


def named_in(value: Any) -> set[str]:
    """The names that a value refers to, by Ref, GetAtt, Sub or DependsOn."""
    found: set[str] = set()
    if isinstance(value, list):
        for item in value:
            found |= named_in(item)
    elif isinstance(value, dict):
        for key, item in value.items():
            if key == "Ref":
                found.add(item)
            elif key == "Fn::GetAtt":
                found.add(item[0])
            elif key == "Fn::Sub":
                text, own = item if isinstance(item, list) else (item, {})
                found |= {part.split("}")[0].split(".")[0] for part in text.split("${")[1:]} | named_in(own)
            elif key == "DependsOn":
                found |= {item} if isinstance(item, str) else set(item)
            else:
                found |= named_in(item)
    return found


def without(value: Any, gone: set[str]) -> Any:
    """A value in which a word stands for each reference to what is gone."""
    if isinstance(value, list):
        return [without(item, gone) for item in value]
    if not isinstance(value, dict):
        return value
    if len(value) == 1:
        ((key, item),) = value.items()
        if key == "Ref" and item in gone:
            return f"no-{item}"
        if key == "Fn::GetAtt" and item[0] in gone:
            return f"no-{item[0]}"
        if key == "Fn::Sub" and isinstance(item, str):
            for name in gone:
                item = item.replace(f"${{{name}}}", f"no-{name}").replace(f"${{{name}.", f"no-{name}.${{!")
            return {key: item}
    return {key: without(item, gone) for key, item in value.items()}


def keep(template: dict[str, Any], names: set[str]) -> dict[str, Any]:
    """The template with these resources only."""
    gone = set(template["Resources"]) - names
    kept = {}
    for name in sorted(names):
        resource = dict(template["Resources"][name])
        after = resource.pop("DependsOn", [])
        after = [other for other in ([after] if isinstance(after, str) else after) if other in names]
        kept[name] = without(resource, gone) | ({"DependsOn": after} if after else {})
    outputs = {
        name: about
        for name, about in template.get("Outputs", {}).items()
        if not named_in(about) & gone and not any(attribute in json.dumps(about) for attribute in MISSING_ATTRIBUTES)
    }
    return {key: item for key, item in template.items() if key != "Transform"} | {"Resources": kept, "Outputs": outputs}


def of_one_metric(alarm: dict[str, Any]) -> dict[str, Any]:
    """An alarm on the first of the metrics that it reckons with: MiniStack has no metric math."""
    properties = dict(alarm["Properties"])
    first = properties.pop("Metrics")[0]["MetricStat"]
    return alarm | {"Properties": properties | first["Metric"] | {"Statistic": first["Stat"], "Period": first["Period"]}}


def known_to_ministack(_stack: str, text: str) -> str:
    """The template without what MiniStack does not know."""
    template = parse(text)
    for name, about in template["Resources"].items():
        if about["Type"] == "AWS::CloudWatch::Alarm" and "Metrics" in about["Properties"]:
            template["Resources"][name] = of_one_metric(about)
    return json.dumps(keep(template, {name for name, about in template["Resources"].items() if about["Type"] not in NOT_IN_MINISTACK}))


def left_to_moto(text: str) -> dict[str, Any] | None:
    """What MiniStack does not know, with what that refers to; None if that is nothing."""
    template = parse(text)
    resources = template["Resources"]
    wanted = {name for name, about in resources.items() if about["Type"] in NOT_IN_MINISTACK - NOWHERE}
    todo = list(wanted)
    while todo:
        for name in named_in(resources[todo.pop()]) & set(resources) - wanted:
            wanted.add(name)
            todo.append(name)
    return keep(template, wanted) if wanted else None
