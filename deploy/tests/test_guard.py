"""Our own Guard rules hold for ours and find what is wrong with the original; public sets find much in it."""

from __future__ import annotations

from pathlib import Path

import pytest

from cloud import template, validate
from cloud.template import DEPLOY, Deployment

OURS = DEPLOY / "guard/roomm8.guard"


def findings(deployment: Deployment, folder: Path, rules: Path) -> set[validate.Finding]:
    validate.resolved(deployment, folder)
    return validate.guard_findings(folder, [rules])


@pytest.mark.parametrize("environment", ["prod", "lean", "dr"])
def test_our_rules_hold(ours: dict[str, Deployment], environment: str, tmp_path: Path) -> None:
    assert findings(ours[environment], tmp_path, OURS) == set()


def test_our_rules_find_the_original_s_faults(original: Deployment, tmp_path: Path) -> None:
    found = findings(original, tmp_path, OURS)
    assert {rule for rule, _ in found} == {
        "a_failover_replaces_nobody",
        "health_is_readiness",
        "hosts_have_no_keys",
        "intake_is_signed",
        "listeners_speak_tls",
        "nobody_is_let_in_from_everywhere",
        "nobody_opens_ssh",
        "passwords_are_references",
    }
    assert ("nobody_opens_ssh", "FrontendSG") in found


def test_a_password_that_rds_manages_is_found(texts: dict[str, str], tmp_path: Path) -> None:
    broken = texts["cfn/20-data.yml"].replace('      Port: "3306"\n', '      Port: "3306"\n      ManageMasterUserPassword: true\n')
    found = findings(template.resolve("prod", texts | {"cfn/20-data.yml": broken}), tmp_path, OURS)
    assert found == {("rds_does_not_manage_the_password", "Database")}


def test_control_tower_finds_much_in_the_original(original: Deployment, tmp_path: Path) -> None:
    found = {rule for rule, _ in findings(original, tmp_path, validate.CONTROL_TOWER)}
    assert len(found) >= 25


def test_suppressions_are_few_and_each_has_a_reason() -> None:
    allowed, wrong = validate.suppressions()
    assert wrong == []
    assert allowed
