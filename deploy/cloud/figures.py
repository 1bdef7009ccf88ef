"""Figures of our own: which ones alarms, scaling and the dashboard wait for, and which ones the agent and the logs give them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import yaml

from cloud.template import Deployment

COLORS = ("blue", "green")


class Figure(NamedTuple):
    """A metric of CloudWatch's: another namespace or dimension is another metric, and has no data."""

    namespace: str
    name: str
    dimensions: frozenset[tuple[str, str]]

    def __str__(self) -> str:
        return f"{self.namespace} {self.name} of {', '.join(f'{name} {value}' for name, value in sorted(self.dimensions)) or 'all'}"


@dataclass
class Sample:
    """A line of /metrics."""

    name: str
    kind: str
    labels: dict[str, str] = field(default_factory=dict)


def samples(text: str) -> list[Sample]:
    """What Prometheus' text format says."""
    kinds = dict(re.findall(r"^# TYPE (\S+) (\S+)$", text, re.MULTILINE))
    found = []
    for name, labels in re.findall(r"^([a-z0-9_]+)(?:\{(.*)\})? \S+$", text, re.MULTILINE):
        family = name if name in kinds else re.sub(r"_(bucket|sum|count)$", "", name)
        found.append(Sample(name, kinds.get(family, "untyped"), dict(re.findall(r'(\w+)="([^"]*)"', labels))))
    return found


def ours(namespace: Any) -> bool:
    return str(namespace).startswith("RoomM8/")


def figure(namespace: Any, name: Any, dimensions: list[dict[str, Any]]) -> Figure:
    return Figure(str(namespace), str(name), frozenset((str(item["Name"]), str(item["Value"])) for item in dimensions))


def waited_for(d: Deployment) -> Iterator[tuple[str, Figure]]:
    """Who waits for which figure of ours."""
    for alarm in d.every("AWS::CloudWatch::Alarm"):
        about = [alarm.properties, *(item["MetricStat"]["Metric"] for item in alarm.get("Metrics", []) if "MetricStat" in item)]
        for metric in about:
            if ours(metric.get("Namespace")):
                yield alarm.id, figure(metric["Namespace"], metric["MetricName"], metric.get("Dimensions", []))
    for policy in d.every("AWS::AutoScaling::ScalingPolicy"):
        custom = policy.get("TargetTrackingConfiguration.CustomizedMetricSpecification")
        if custom:
            yield policy.id, figure(custom["Namespace"], custom["MetricName"], custom.get("Dimensions", []))
    for dashboard in d.every("AWS::CloudWatch::Dashboard"):
        body = json.loads(re.sub(r"\$\{[\w.-]+\}", "x", str(dashboard.get("DashboardBody"))))
        for widget in body["widgets"]:
            yield from ((dashboard.id, shown) for shown in of_widget(widget["properties"]["metrics"]) if ours(shown.namespace))


def of_widget(rows: list[list[Any]]) -> Iterator[Figure]:
    """The metrics of a widget, in which `.` is what stands above and `...` all of it."""
    above: list[str] = []
    for row in rows:
        words = [word for word in row if isinstance(word, str)]
        if words[0] == "...":
            words = above[: len(above) - len(words) + 1] + words[1:]
        above = [above[place] if word == "." else word for place, word in enumerate(words)]
        namespace, name, *pairs = above
        yield Figure(namespace, name, frozenset(zip(pairs[::2], pairs[1::2], strict=True)))


class Agent:
    """What the CloudWatch agent makes of its configuration, on a host of a colour."""

    def __init__(self, d: Deployment, color: str):
        self.config = json.loads(d.file("host/cloudwatch-agent.json").replace("{{environment}}", d.environment))
        (job,) = yaml.safe_load(d.file("host/prometheus.yml").replace("{{color}}", color))["scrape_configs"]
        (self.target,) = job["static_configs"]

    def of_the_host(self) -> Iterator[Figure]:
        """Processor, memory, disk: summed up over the dimensions that are asked for."""
        metrics = self.config["metrics"]
        for measured in metrics["metrics_collected"].values():
            own = measured.get("append_dimensions", {})
            for names in metrics["aggregation_dimensions"]:
                if set(names) <= set(own):
                    for name in measured["measurement"]:
                        yield Figure(metrics["namespace"], name, frozenset((key, own[key]) for key in names))

    def kept_apart(self) -> list[str]:
        """What each host sends besides, under its own name: nobody waits for that, and each is one more to be paid for."""
        measured = self.config["metrics"]["metrics_collected"].values()
        return [name for item in measured for name in item["measurement"] if name not in item.get("drop_original_metrics", [])]

    def of_a_scrape(self, scraped: list[Sample]) -> Iterator[Figure]:
        """What becomes a metric of what the API tells; the rest is a line in a log."""
        processor = self.config["logs"]["metrics_collected"]["prometheus"]["emf_processor"]
        for sample in scraped:
            # The agent drops others.
            if sample.kind not in ("gauge", "counter", "summary"):
                continue
            labels = sample.labels | self.target["labels"]
            for declared in processor["metric_declaration"]:
                source = ";".join(labels.get(name, "") for name in declared["source_labels"])
                if not re.search(declared["label_matcher"], source):
                    continue
                if not any(re.search(selector, sample.name) for selector in declared["metric_selectors"]):
                    continue
                for names in declared["dimensions"]:
                    if set(names) <= set(labels):
                        yield Figure(processor["metric_namespace"], sample.name, frozenset((name, labels[name]) for name in names))

    def selectors(self) -> list[str]:
        declarations = self.config["logs"]["metrics_collected"]["prometheus"]["emf_processor"]["metric_declaration"]
        return [selector for declared in declarations for selector in declared["metric_selectors"]]


def of_logs(d: Deployment) -> Iterator[Figure]:
    """What is counted in logs."""
    for counting in d.every("AWS::Logs::MetricFilter"):
        for item in counting.get("MetricTransformations", []):
            yield figure(item["MetricNamespace"], item["MetricName"], item.get("Dimensions", []))


def selected(d: Deployment, color: str) -> list[Sample]:
    """What the agent takes of the API's figures, as if that told all of them."""
    return [Sample(selector.strip("^$"), "gauge") for selector in Agent(d, color).selectors()]


def given(d: Deployment, scraped: list[Sample]) -> set[Figure]:
    """All figures of ours that reach CloudWatch, if the API tells these."""
    found = set(of_logs(d))
    for color in COLORS:
        agent = Agent(d, color)
        found |= {*agent.of_the_host(), *agent.of_a_scrape(scraped)}
    return found
