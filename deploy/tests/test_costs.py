"""What an environment costs is counted from the templates, within its ceiling, and what README.md says."""

from __future__ import annotations

import datetime

import pytest

from cloud import costs, template
from cloud.template import Deployment


@pytest.mark.parametrize(("environment", "ceiling"), costs.CEILINGS.items())
def test_an_environment_costs_no_more_than_it_may(environment: str, ceiling: int) -> None:
    total = sum(costs.all_costs()[environment].values())
    assert 100 < total <= ceiling


@pytest.mark.parametrize("environment", costs.SHOWN)
def test_the_budget_is_above_what_it_costs(environment: str) -> None:
    budget = float(template.environment(environment)["parameters"]["MonthlyBudget"])
    total = sum(costs.all_costs()[environment].values())
    # And not so far that nobody is told of a doubling.
    assert total <= budget <= 1.2 * total
    assert budget <= costs.CEILINGS.get(environment, budget)


def test_the_readme_has_the_table_as_it_is(ours: dict[str, Deployment]) -> None:
    if "30-notify" not in ours["prod"].templates:
        pytest.skip("30-notify.yml, whose alarms cost too, is not among the templates yet")
    assert costs.in_readme() == costs.table()


def test_prices_say_that_they_are_unverified_and_of_when() -> None:
    prices = costs.prices()
    assert "unverified list prices" in prices["source"]
    assert datetime.date.fromisoformat(prices["date"]).year >= 2026


def test_a_larger_database_costs_more(ours: dict[str, Deployment], texts: dict[str, str]) -> None:
    larger = texts | {"params/prod.json": texts["params/prod.json"].replace("db.t4g.small", "db.t4g.medium")}
    before = costs.monthly(ours["prod"], costs.prices())
    after = costs.monthly(template.resolve("prod", larger), costs.prices())
    assert after["MySQL with its standby"] - before["MySQL with its standby"] == pytest.approx(2 * 730 * (0.065 - 0.032))
    assert after["Valkey"] == before["Valkey"]


def test_figures_are_counted(ours: dict[str, Deployment], texts: dict[str, str]) -> None:
    price = costs.prices()
    # Ours are 2 of logs, 4 of a host and 7 of the API, those with a colour and without; of EC2 there are 7 an instance.
    assert costs.metrics(ours["lean"], price) == 2 + 4 + 2 * 7
    assert costs.metrics(ours["prod"], price) == costs.metrics(ours["lean"], price) + 2 * 7
    agent = texts["host/cloudwatch-agent.json"].replace('"drop_original_metrics": ["mem_used_percent"]', '"drop_original_metrics": []')
    one_more = agent.replace('"^roomm8_outbox_dead$"', '"^roomm8_outbox_dead$", "^roomm8_outbox_lost$"')
    assert costs.metrics(template.resolve("lean", texts | {"host/cloudwatch-agent.json": one_more}), price) == 20 + 2 + 2


def test_a_type_without_a_price_is_an_error(texts: dict[str, str]) -> None:
    unknown = texts | {"params/prod.json": texts["params/prod.json"].replace("t3.small", "t3.huge")}
    with pytest.raises(KeyError):
        costs.monthly(template.resolve("prod", unknown), costs.prices())
