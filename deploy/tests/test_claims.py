"""Each claim of the original's report is made true somewhere, and shown by something that the original fails."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest
import yaml

from cloud.invariants import applies, problems
from cloud.template import DEPLOY, Deployment

CLAIMS = yaml.safe_load((DEPLOY / "claims.yml").read_text())
NUMBERS = {"N": 12, "C": 13, "D": 11, "S": 7, "O": 4, "W": 6}


def test_every_claim_is_here() -> None:
    assert list(CLAIMS) == [f"{letter}{number}" for letter, last in NUMBERS.items() for number in range(1, last + 1)]
    assert len(CLAIMS) == 53


def test_most_claims_are_contradicted() -> None:
    assert sum(about["contradiction"] for about in CLAIMS.values()) >= 45


@pytest.mark.parametrize("claim", CLAIMS)
def test_it_is_made_true_somewhere(claim: str, ours: dict[str, Deployment]) -> None:
    assert CLAIMS[claim]["where"]
    for where in CLAIMS[claim]["where"]:
        if where.startswith("30-notify.") and "30-notify" not in ours["prod"].templates:
            continue
        is_file = (DEPLOY / where).exists()
        is_resource = any(resource.id == where for resource in ours["prod"].resources)
        assert is_file or is_resource, f"{claim} is to be made true in {where}, which is not there"


def is_a_test(name: str) -> bool:
    """Whether there is a test of this name, `file::test`, that is not left out."""
    file, _, test = name.partition("::")
    path = Path(__file__).parent / f"{file}.py"
    if not path.exists():
        return False
    functions = [item for item in ast.parse(path.read_text()).body if isinstance(item, ast.FunctionDef) and item.name == test]
    return any(not any("skip" in ast.unparse(mark) for mark in item.decorator_list) for item in functions)


def test_a_test_that_is_not_there_shows_nothing() -> None:
    assert is_a_test("test_claims::test_every_claim_is_here")
    assert [name for name in ("test_claims", "test_claims::test_nothing", "test_nothing::test_nothing") if is_a_test(name)] == []


@pytest.mark.parametrize("claim", CLAIMS)
def test_it_is_shown_by_something(claim: str, ours: dict[str, Deployment]) -> None:
    assert CLAIMS[claim]["checks"]
    for check in CLAIMS[claim]["checks"]:
        if check.startswith("test_"):
            assert is_a_test(check), f"{claim} is shown by {check}, which is not there"
        elif not applies(check, ours["prod"]):
            continue
        else:
            assert problems(check, ours["prod"]) == []


def test_what_only_an_account_shows_is_said_with_the_step_that_shows_it() -> None:
    readme = (DEPLOY / "README.md").read_text()
    table = readme.partition("### What needs an account to be shown")[2].partition("\n## ")[0]
    rows = dict(re.findall(r"^\| ([^|]+) \| ([^|]+) \|$", table, re.MULTILINE))
    steps = {name: step for name, step in rows.items() if name != "what"}
    named = {name for about in CLAIMS.values() for name in about.get("account", [])}
    assert named == set(steps)
    # Something to type or to do, not a wish.
    assert all(
        "`" in step or "](runbooks/" in step or name in ("sockets through CloudFront and the load balancer", "the firewall")
        for name, step in steps.items()
    )


@pytest.mark.parametrize("claim", [claim for claim, about in CLAIMS.items() if about["contradiction"]])
def test_the_original_fails_what_shows_it(claim: str, original: Deployment) -> None:
    invariants = [check for check in CLAIMS[claim]["checks"] if not check.startswith("test_")]
    # What was only said, and is in no template, can be asked of ours alone.
    assert invariants or claim == "D11"
    failing = [check for check in invariants if problems(check, original)]
    # The database was in two zones indeed.
    assert set(invariants) - set(failing) <= {"database_survives_a_zone"}


def test_d11_the_readme_says_what_is_kept() -> None:
    readme = (DEPLOY.parent / "README.md").read_text().lower()
    assert all(word in readme for word in ("chores", "groceries", "messages"))
    assert "room listing" not in readme
