"""The figures that alarms, scaling and the dashboard wait for are those that the program tells and the agent passes on."""

from __future__ import annotations

import asyncio
import re
import urllib.request
from collections.abc import Iterator

import pytest
from machine import Instance, Machine, until

from cloud.figures import COLORS, Agent, Figure, given, of_widget, samples, waited_for
from cloud.template import Deployment


@pytest.fixture(scope="module")
def told() -> Iterator[str]:
    """What the program says at /metrics."""
    with Machine() as machine:
        settings = {"DATABASE_URL": f"sqlite://{machine.folder}/roomm8.sqlite3", "MAILBOX_DIR": f"{machine.folder}/mailbox", "LOG": "warn"}
        instance = Instance("scraped", machine.folder, settings)
        machine.ends.callback(instance.kill)
        instance.start()
        asyncio.run(until(60, "it is ready", instance.is_ready))
        yield urllib.request.urlopen(f"{instance.address}/metrics", timeout=10).read().decode()


def missing(d: Deployment, told: str) -> set[str]:
    """The figures that somebody waits for in vain."""
    reach = given(d, samples(told))
    return {wanted.name for _, wanted in waited_for(d) if wanted not in reach}


@pytest.mark.program
def test_every_figure_that_is_waited_for_arrives(ours: dict[str, Deployment], told: str) -> None:
    for deployment in ours.values():
        assert missing(deployment, told) == set()


@pytest.mark.program
def test_every_figure_that_the_agent_selects_is_told(ours: dict[str, Deployment], told: str) -> None:
    names = {sample.name for sample in samples(told) if sample.kind in ("gauge", "counter")}
    selectors = Agent(ours["prod"], COLORS[0]).selectors()
    assert [selector for selector in selectors if not any(re.search(selector, name) for name in names)] == []


@pytest.mark.program
def test_a_renamed_figure_is_missed(ours: dict[str, Deployment], told: str) -> None:
    deployment = ours["prod"]
    waited = {wanted.name for _, wanted in waited_for(deployment) if wanted.name.startswith("roomm8_")}
    assert len(waited) >= 6
    for name in sorted(waited):
        assert name in told
        assert missing(deployment, told.replace(name, f"{name}_now")) == {name}
        # What has no type, or is a histogram, the agent does not pass on.
        assert missing(deployment, re.sub(rf"^# TYPE {name} .*$", "", told, flags=re.MULTILINE)) == {name}


@pytest.mark.parametrize(
    ("before", "after", "lost"),
    [
        ('"metric_namespace": "RoomM8/', '"metric_namespace": "Room8/', 7),
        ('"dimensions": [["Service"], ["Service", "Color"]]', '"dimensions": [["Service"]]', 1),
        ('"dimensions": [["Service"], ["Service", "Color"]]', '"dimensions": [["Service", "Color"]]', 7),
        ('"label_matcher": "^api$"', '"label_matcher": "^web$"', 7),
        ('"aggregation_dimensions": [["Service"]]', '"aggregation_dimensions": [["host"]]', 4),
    ],
)
def test_a_figure_of_another_place_is_another(ours: dict[str, Deployment], before: str, after: str, lost: int) -> None:
    deployment = ours["prod"]
    waited = {wanted.name for _, wanted in waited_for(deployment) if wanted.name.startswith("roomm8_")}
    told = "".join(f"# TYPE {name} gauge\n{name} 1\n" for name in waited)
    assert missing(deployment, told) == set()
    agent = deployment.file("host/cloudwatch-agent.json")
    assert before in agent
    changed = deployment.files | {"host/cloudwatch-agent.json": agent.replace(before, after)}
    other = Deployment(deployment.environment, deployment.resources, deployment.templates, deployment.parameters, changed)
    assert len(missing(other, told)) == lost


def test_a_widget_s_short_forms_are_understood() -> None:
    rows = [["A", "a", "Service", "api"], [".", "b", ".", "."], ["...", "web", {"stat": "p50"}], ["...", {"stat": "p95"}]]
    assert list(of_widget(rows)) == [
        Figure("A", name, frozenset({("Service", value)})) for name, value in (("a", "api"), ("b", "api"), ("b", "web"), ("b", "web"))
    ]
