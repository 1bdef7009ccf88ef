"""Every invariant holds in every environment, and none holds of nothing."""

from __future__ import annotations

import json

import pytest

from cloud import template
from cloud.invariants import INVARIANTS, applies, problems
from cloud.template import Deployment

ENVIRONMENTS = ("prod", "lean", "staging", "dr")


def test_every_environment_is_looked_at(ours: dict[str, Deployment]) -> None:
    assert sorted(ours) == sorted(ENVIRONMENTS)


def test_there_are_enough_invariants_and_each_says_what_it_is() -> None:
    assert len(INVARIANTS) >= 60
    assert [name for name, check in INVARIANTS.items() if not check.__doc__] == []


@pytest.mark.parametrize("environment", ENVIRONMENTS)
@pytest.mark.parametrize("name", INVARIANTS)
def test_invariant(ours: dict[str, Deployment], environment: str, name: str) -> None:
    if not applies(name, ours[environment]):
        pytest.skip("30-notify.yml is not among the templates yet")
    assert problems(name, ours[environment]) == []


def test_every_invariant_holds_with_a_key_for_push_services(pushing: dict[str, str]) -> None:
    deployment = template.resolve("prod", pushing)
    found = {name: problems(name, deployment) for name in INVARIANTS if applies(name, deployment)}
    assert {name: what for name, what in found.items() if what} == {}


def test_a_key_for_push_services_is_a_line_of_settings_and_a_secret_of_the_role(pushing: dict[str, str]) -> None:
    given = json.loads(pushing["params/prod.json"])
    arn = given["parameters"].pop("VapidKeySecretArn")
    without, having = (template.resolve("prod", files) for files in (pushing | {"params/prod.json": json.dumps(given)}, pushing))

    def told(deployment: Deployment) -> tuple[list[str], list[str]]:
        (policy,) = deployment.named("40-app.InstanceRole").get("Policies")
        return (
            deployment.named("40-app.Settings").get("Value").splitlines(),
            next(item["Resource"] for item in policy["PolicyDocument"]["Statement"] if item["Sid"] == "ReadItsSecrets"),
        )

    (lines, secrets), (more_lines, more_secrets) = told(without), told(having)
    assert [line for line in more_lines if line not in lines] == [f"VAPID_KEY={{secretsmanager:{arn}}}"]
    assert [line for line in more_lines if line in lines] == lines
    assert more_secrets == [*secrets, arn]
    # Nothing else but what holds the settings is another.
    other = {resource.id for resource in having.resources if resource not in without.resources}
    assert other == {f"40-app.{name}" for name in ("Settings", "InstanceRole", "BlueTemplate", "GreenTemplate")}


def test_no_invariant_holds_where_there_is_nothing(texts: dict[str, str]) -> None:
    files = {path: text for path, text in texts.items() if not path.startswith(("cfn/", "host/", "container/", "runbooks/"))}
    files["cfn/10-network.yml"] = json.dumps({"Resources": {"Nothing": {"Type": "AWS::CloudFormation::WaitConditionHandle"}}})
    nothing = template.resolve("prod", files)
    vacuous = [name for name in INVARIANTS if not problems(name, nothing)]
    # These are about the text of templates, whatever is in them.
    assert vacuous == ["zones_and_regions_are_not_named", "no_literal_secret", "templates_fit_into_a_request"]


def test_a_reference_to_nothing_is_an_error(texts: dict[str, str]) -> None:
    files = texts | {"cfn/10-network.yml": texts["cfn/10-network.yml"].replace("VpcId: {Value: !Ref Vpc}", "VpcId: {Value: !Ref Vbc}")}
    with pytest.raises(ValueError, match="there is no resource or parameter Vbc"):
        template.resolve("prod", files)


def test_a_database_from_a_snapshot_says_only_what_rds_takes(texts: dict[str, str]) -> None:
    given = json.loads(texts["params/dr.json"])
    given["parameters"]["DbSnapshot"] = "arn:aws:rds:us-west-2:000000000000:snapshot:awsbackup:copyjob-1"
    database = template.resolve("dr", texts | {"params/dr.json": json.dumps(given)}).named("20-data.Database")
    brought = ("DBName", "DeleteAutomatedBackups", "KmsKeyId", "MasterUsername", "MasterUserPassword", "StorageEncrypted")
    assert [name for name in brought if name in database.properties] == []
    assert database.get("DBSnapshotIdentifier") == given["parameters"]["DbSnapshot"]
    assert database.get("DeletionProtection") is True
