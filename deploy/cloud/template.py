"""Templates as data: read with every function in its long form, and resolved for an environment into one graph."""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

DEPLOY = Path(__file__).resolve().parent.parent
TEMPLATES = DEPLOY / "cfn"
PARAMETERS = DEPLOY / "params"
HOST = DEPLOY / "host"

REFERENCE = re.compile(r"\$\{([0-9a-z-]+)\.(\w+)(?:\.([\w.]+))?\}")
NOTHING = "${nothing}"

# What the driver finds out or makes while it deploys; these stand for it where nothing is deployed.
FROM_DRIVER = {
    "CloudFrontPrefixList": "pl-0123abcd",
    "ImageId": "ami-0123456789abcdef0",
    # More than must be.
    "InstancesInService": "3",
    "BlueRelease": "releases/0000000.tar.gz",
    "BlueSha256": "0" * 64,
    "GreenRelease": "releases/0000000.tar.gz",
    "GreenSha256": "0" * 64,
    "NotifierKey": "notifier/0000000.zip",
}
# What 30-notify gives, for as long as it is not among the templates.
LETTERS = {
    "LettersTopicArn": "arn:aws:sns:us-east-1:000000000000:roomm8-letters.fifo",
    "QueueName": "roomm8-letters.fifo",
    "DeadLetterQueueName": "roomm8-letters-dead.fifo",
    "FunctionName": "roomm8-notifier",
}
PSEUDO = {
    "AWS::AccountId": "000000000000",
    "AWS::Partition": "aws",
    "AWS::URLSuffix": "amazonaws.com",
    "AWS::NoValue": NOTHING,
}


class Loader(yaml.CSafeLoader):
    """YAML with CloudFormation's short forms."""


def _short_form(loader: Loader, suffix: str, node: yaml.Node) -> dict[str, Any]:
    if isinstance(node, yaml.ScalarNode):
        value: Any = loader.construct_scalar(node)
    elif isinstance(node, yaml.SequenceNode):
        value = loader.construct_sequence(node, deep=True)
    else:
        value = loader.construct_mapping(node, deep=True)
    if suffix in ("Ref", "Condition"):
        return {suffix: value}
    if suffix == "GetAtt" and isinstance(value, str):
        value = value.split(".", 1)
    return {f"Fn::{suffix}": value}


Loader.add_multi_constructor("!", _short_form)
# A date stays text: `Version: 2012-10-17`.
Loader.yaml_implicit_resolvers = {
    key: [(tag, regexp) for tag, regexp in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for key, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


@functools.lru_cache(maxsize=64)
def _parsed(text: str) -> str:
    return json.dumps(yaml.load(text, Loader))  # noqa: S506 - a SafeLoader


def parse(text: str) -> dict[str, Any]:
    """A template's text with all functions in their long form."""
    # YAML is slow to read and JSON is not, and each caller may change what it gets.
    return json.loads(_parsed(text))


@dataclass
class Resource:
    """One resource, resolved: what it refers to stands in its values as `${stack.Name}` or `${stack.Name.Attribute}`."""

    stack: str
    name: str
    type: str
    properties: dict[str, Any]
    attributes: dict[str, Any]

    @property
    def id(self) -> str:
        return f"{self.stack}.{self.name}"

    def get(self, path: str, default: Any = None) -> Any:
        """A property by its path: `MetadataOptions.HttpTokens`."""
        value: Any = self.properties
        for step in path.split("."):
            if not isinstance(value, Mapping) or step not in value:
                return default
            value = value[step]
        return value

    def __str__(self) -> str:
        return self.id


class Absent(Exception):
    """What a check is about is not there; so it has not shown anything."""


@dataclass
class Deployment:
    """All templates for one environment, and the files that hosts get."""

    environment: str
    resources: list[Resource] = field(default_factory=list)
    templates: dict[str, dict[str, Any]] = field(default_factory=dict)
    parameters: dict[str, dict[str, Any]] = field(default_factory=dict)
    files: dict[str, str] = field(default_factory=dict)

    def every(self, *types: str) -> list[Resource]:
        """Resources of these types, maybe none: for what must not be."""
        return [resource for resource in self.resources if resource.type in types]

    def some(self, *types: str) -> list[Resource]:
        """Resources of these types, and at least one: for what must be."""
        found = self.every(*types)
        if not found:
            raise Absent(f"there is no {' or '.join(types)}")
        return found

    def named(self, name: str) -> Resource:
        """The resource `Name` or `stack.Name`."""
        for resource in self.resources:
            if name in (resource.name, resource.id):
                return resource
        raise Absent(f"there is no resource {name}")

    def file(self, path: str) -> str:
        """The text of a file under deploy/."""
        if path not in self.files:
            raise Absent(f"there is no file {path}")
        return self.files[path]

    def target(self, value: Any) -> Resource | None:
        """The resource that a value is a reference to."""
        found = REFERENCE.fullmatch(value) if isinstance(value, str) else None
        if not found:
            return None
        wanted = f"{found[1]}.{found[2]}"
        return next((resource for resource in self.resources if resource.id == wanted), None)

    def targets(self, value: Any) -> list[Resource]:
        """The resources that a list of values, or one value with commas, refers to."""
        values = value if isinstance(value, list) else str(value).split(",")
        return [found for found in map(self.target, values) if found]


def references(value: Any) -> Iterator[str]:
    """The ids of all resources named anywhere in a value."""
    for text in strings(value):
        for found in REFERENCE.finditer(text):
            yield f"{found[1]}.{found[2]}"


def strings(value: Any) -> Iterator[str]:
    """All texts in a value."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from strings(item)
    elif isinstance(value, list):
        for item in value:
            yield from strings(item)


class _Stack:
    """The resolution of one template."""

    def __init__(self, name: str, template: dict[str, Any], parameters: dict[str, Any]):
        self.name = name
        self.template = template
        self.parameters = parameters
        self.conditions: dict[str, bool] = {}

    def condition(self, name: str) -> bool:
        if name not in self.conditions:
            if name not in self.template.get("Conditions", {}):
                raise ValueError(f"{self.name}: there is no condition {name}")
            self.conditions[name] = self.holds(self.template["Conditions"][name])
        return self.conditions[name]

    def holds(self, expression: dict[str, Any]) -> bool:
        ((function, argument),) = expression.items()
        match function:
            case "Fn::Equals":
                left, right = (self.value(item) for item in argument)
                return str(left) == str(right)
            case "Fn::Not":
                return not self.holds(argument[0])
            case "Fn::And":
                return all(self.holds(item) for item in argument)
            case "Fn::Or":
                return any(self.holds(item) for item in argument)
            case "Condition":
                return self.condition(argument)
        raise ValueError(f"{self.name}: {function} is no condition")

    def value(self, value: Any) -> Any:
        if isinstance(value, list):
            items = (self.value(item) for item in value)
            return [item for item in items if item != NOTHING]
        if not isinstance(value, dict):
            return value
        if len(value) == 1:
            ((function, argument),) = value.items()
            if function == "Ref":
                return self.reference(argument)
            if function == "Condition" and isinstance(argument, str):
                return self.condition(argument)
            if function.startswith("Fn::"):
                return self.function(function, argument)
        items = ((key, self.value(item)) for key, item in value.items())
        return {key: item for key, item in items if item != NOTHING}

    def reference(self, name: str) -> Any:
        if name in PSEUDO:
            return PSEUDO[name]
        if name == "AWS::Region":
            return self.parameters["AWS::Region"]
        if name == "AWS::StackName":
            return self.name
        if name == "AWS::StackId":
            return f"stack/{self.name}"
        if name in self.template.get("Parameters", {}):
            value = self.parameters[name]
            if self.template["Parameters"][name]["Type"].startswith("List<") and isinstance(value, str):
                return value.split(",")
            return value
        self.must_have(name)
        return f"${{{self.name}.{name}}}"

    def must_have(self, name: str) -> None:
        if name not in self.template["Resources"]:
            raise ValueError(f"{self.name}: there is no resource or parameter {name}")

    def function(self, function: str, argument: Any) -> Any:
        match function:
            case "Fn::GetAtt":
                name, attribute = argument if isinstance(argument, list) else argument.split(".", 1)
                self.must_have(name)
                # The value of this one is known: it is what was put there.
                if self.template["Resources"][name]["Type"] == "AWS::SSM::Parameter" and attribute == "Value":
                    return self.value(self.template["Resources"][name]["Properties"]["Value"])
                return f"${{{self.name}.{name}.{attribute}}}"
            case "Fn::Sub":
                text, own = argument if isinstance(argument, list) else (argument, {})
                own = {name: self.value(item) for name, item in own.items()}

                def replace(found: re.Match[str]) -> str:
                    name = found[1].strip()
                    if name.startswith("!"):
                        return f"${{{name[1:]}}}"
                    if name in own:
                        return str(own[name])
                    if "." in name:
                        return str(self.function("Fn::GetAtt", name.split(".", 1)))
                    return str(self.reference(name))

                return re.sub(r"\$\{([^}]+)\}", replace, text)
            case "Fn::If":
                name, yes, no = argument
                return self.value(yes if self.condition(name) else no)
            case "Fn::Join":
                separator, items = argument
                items = self.value(items)
                return separator.join(map(str, items)) if isinstance(items, list) else items
            case "Fn::Select":
                index, items = argument
                items = self.value(items)
                return items[int(index)] if isinstance(items, list) else f"{items}[{index}]"
            case "Fn::Split":
                separator, text = argument
                return str(self.value(text)).split(separator)
            case "Fn::GetAZs":
                return ["zone-a", "zone-b", "zone-c"]
            case "Fn::Base64":
                return self.value(argument)
            case "Fn::FindInMap":
                table, *keys = (self.value(item) for item in argument)
                found = self.template["Mappings"][table]
                for key in keys:
                    found = found[key]
                return self.value(found)
        raise ValueError(f"{self.name}: {function} is not known here")

    def exists(self, item: dict[str, Any]) -> bool:
        return "Condition" not in item or self.condition(item["Condition"])


def environment(name: str) -> dict[str, Any]:
    """Region and parameters of an environment."""
    path = PARAMETERS / f"{name}.json"
    if not path.exists():
        known = ", ".join(sorted(file.stem for file in PARAMETERS.glob("*.json")))
        raise SystemExit(f"there is no environment {name}; there are {known}")
    return json.loads(path.read_text())


def files() -> dict[str, str]:
    """The text of every file under deploy/ that checks may look at, by its path."""
    kept = {}
    for folder in ("cfn", "params", "host", "container", "guard", "runbooks", "cloud", "notifier"):
        for path in sorted((DEPLOY / folder).rglob("*")):
            if path.is_file() and "__pycache__" not in path.parts and path.stat().st_size < 1_000_000:
                kept[str(path.relative_to(DEPLOY))] = path.read_text()
    for path in ("README.md", "roomm8ctl", "requirements.txt", "checkov.txt", "package.json"):
        if (DEPLOY / path).exists():
            kept[path] = (DEPLOY / path).read_text()
    # What the binary says of itself.
    source = ("config.rs", "operations.rs", "server.rs", "protocol/settings.rs", "protocol/stats.rs")
    for name, path in {Path(path).name: f"api/src/{path}" for path in source}.items():
        kept[name] = (DEPLOY.parent / path).read_text()
    return kept


def resolve(name: str, texts: Mapping[str, str]) -> Deployment:
    """All templates among the texts for an environment, in their order, each given the outputs of those before it."""
    chosen = json.loads(texts[f"params/{name}.json"])
    deployment = Deployment(name, files=dict(texts))
    outputs: dict[str, Any] = {} if "cfn/30-notify.yml" in texts else dict(LETTERS)
    for path in sorted(path for path in texts if path.startswith("cfn/")):
        stack = Path(path).stem
        template = parse(texts[path])
        parameters: dict[str, Any] = {"AWS::Region": chosen["region"]}
        for parameter, about in template.get("Parameters", {}).items():
            for source in (chosen["parameters"], outputs, FROM_DRIVER):
                if parameter in source:
                    parameters[parameter] = source[parameter]
                    break
            else:
                if "Default" not in about:
                    raise ValueError(f"{stack}: nothing gives a value to the parameter {parameter}")
                parameters[parameter] = about["Default"]
        resolution = _Stack(stack, template, parameters)
        for resource, about in template["Resources"].items():
            if resolution.exists(about):
                attributes = {key: resolution.value(about[key]) for key in about if key not in ("Type", "Properties", "Condition")}
                properties = resolution.value(about.get("Properties", {}))
                deployment.resources.append(Resource(stack, resource, about["Type"], properties, attributes))
        for output, about in template.get("Outputs", {}).items():
            if resolution.exists(about):
                outputs[output] = resolution.value(about["Value"])
        deployment.templates[stack] = template
        deployment.parameters[stack] = parameters
    return deployment


def resolved_template(deployment: Deployment, stack: str) -> dict[str, Any]:
    """A resolved template as CloudFormation's JSON again, for tools that do not know parameters and conditions."""

    buckets = {resource.id for resource in deployment.every("AWS::S3::Bucket")}

    def bucket(found: re.Match[str]) -> str:
        is_bucket = f"{found[1]}.{found[2]}" in buckets and found[3] == "Arn"
        return f"arn:aws:s3:::{found[2].lower()}" if is_bucket else found[0]

    def intrinsic(value: Any) -> Any:
        if isinstance(value, str):
            value = REFERENCE.sub(bucket, value)
        if isinstance(value, list):
            return [intrinsic(item) for item in value]
        if isinstance(value, dict):
            return {key: intrinsic(item) for key, item in value.items()}
        found = REFERENCE.fullmatch(value) if isinstance(value, str) else None
        if found and found[1] == stack:
            return {"Fn::GetAtt": [found[2], found[3]]} if found[3] else {"Ref": found[2]}
        if isinstance(value, str) and REFERENCE.search(value):
            # What another stack made is a value like any other here.
            return REFERENCE.sub(lambda other: other[2] if other[1] != stack else f"{other[2]}.{other[3] or 'Id'}", value)
        return value

    return {
        "AWSTemplateFormatVersion": "2010-09-09",
        "Resources": {
            resource.name: {"Type": resource.type, "Properties": intrinsic(resource.properties), **intrinsic(resource.attributes)}
            for resource in deployment.resources
            if resource.stack == stack
        },
    }
