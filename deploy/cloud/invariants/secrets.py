"""Passwords and tokens: made where they are kept, rotated, and written nowhere."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from cloud.invariants import invariant
from cloud.invariants.data import RETAINS, databases
from cloud.template import REFERENCE, Deployment, references

# A value that is read from a secret when it is needed.
SECRET = re.compile(r"\{\{resolve:secretsmanager:\$\{([0-9a-z-]+)\.(\w+)\}:SecretString:\w+\}\}")

SHAPES = {
    "an AWS key": re.compile(r"\b(?:AKIA|ASIA)[0-9A-Z]{16}\b"),
    "a private key": re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY"),
    "a password in a URL": re.compile(r"\w+://[^\s:/@${\"']*:[^\s@/${\"'{}]{3,}@"),
    "a token": re.compile(r"\b(?:gh[pousr]_[0-9A-Za-z]{36}|xox[abpr]-[0-9A-Za-z-]{10,}|eyJ[0-9A-Za-z_-]{10,}\.eyJ[0-9A-Za-z_-]{10,}\.)"),
    "a password": re.compile(
        r"(?i)(?:password|passwd|secret_access_key|auth_?token)[\"']?\s*[:=]\s*(?:[\"'][^\"'\s{}$<>]{8,}[\"']|[^\s\"'{}$<>!()\[\]&,.*;`|-][^\s\"'{}$<>()\[\],;`|]{7,}$)",
        re.MULTILINE,
    ),
}


def secrets_in(text: str) -> Iterator[tuple[str, str]]:
    """What of a text looks like a secret, and of which kind it is."""
    for what, shape in SHAPES.items():
        yield from ((what, found[0]) for found in shape.finditer(text))


@invariant
def rds_does_not_keep_the_password(d: Deployment) -> Iterator[str]:
    """A password that RDS manages itself rules out replicas, and no linter says so."""
    for database in databases(d):
        if database.get("ManageMasterUserPassword"):
            yield f"{database} has a password that RDS manages"


@invariant
def master_password_comes_from_its_secret(d: Deployment) -> Iterator[str]:
    """User and password of the database are those of one generated secret, which is attached to it."""
    for database in databases(d):
        found = [SECRET.fullmatch(str(database.get(path))) for path in ("MasterUsername", "MasterUserPassword")]
        if not all(found):
            yield f"{database} has a user or a password that is not of a secret"
            continue
        names = {f"{match[1]}.{match[2]}" for match in found if match}
        if len(names) != 1:
            yield f"{database} has the user of one secret and the password of another"
        attached = {
            str(d.target(item.get("SecretId")))
            for item in d.some("AWS::SecretsManager::SecretTargetAttachment")
            if d.target(item.get("TargetId")) is database
        }
        if not names <= attached:
            yield f"the secret of {database} does not know its address"


@invariant
def secrets_are_generated(d: Deployment) -> Iterator[str]:
    """No secret has a value of ours: each is made where it is kept, and is long."""
    for secret in d.some("AWS::SecretsManager::Secret"):
        if secret.get("SecretString") is not None:
            yield f"{secret} holds what was written here"
        if int(secret.get("GenerateSecretString.PasswordLength", 0)) < 32:
            yield f"{secret} is short"
        # They are put into URLs.
        if secret.get("GenerateSecretString.ExcludePunctuation") is not True:
            yield f"{secret} may hold what breaks a URL"
        if secret.attributes.get("DeletionPolicy") not in RETAINS:
            yield f"{secret} goes with its stack"


@invariant
def fields_of_secrets_are_there(d: Deployment) -> Iterator[str]:
    """Each field of a secret that settings name is one that is generated, written in its template, or attached."""
    attached = {str(d.target(item.get("SecretId"))) for item in d.some("AWS::SecretsManager::SecretTargetAttachment")}
    for settings in d.some("AWS::SSM::Parameter"):
        named = re.findall(r"\{secretsmanager:\$\{([\w.-]+)\}#(\w+)\}", str(settings.get("Value")))
        if not named:
            yield f"{settings} names no field of a secret"
        for name, wanted in named:
            secret = d.named(name)
            fields = set(json.loads(secret.get("GenerateSecretString.SecretStringTemplate", "{}")))
            fields.add(secret.get("GenerateSecretString.GenerateStringKey"))
            fields |= {"host", "port", "dbname", "engine"} if name in attached else set()
            if wanted not in fields:
                yield f"{name} has no {wanted}"


@invariant
def database_passwords_rotate(d: Deployment) -> Iterator[str]:
    """Both secrets of the database rotate within 31 days, after they know the database."""
    schedules = {str(d.target(item.get("SecretId"))): item for item in d.some("AWS::SecretsManager::RotationSchedule")}
    attachments = d.some("AWS::SecretsManager::SecretTargetAttachment")
    attached = {str(d.target(item.get("SecretId"))) for item in attachments if d.target(item.get("TargetId")) in databases(d)}
    yield from (f"{secret} does not know the database" for secret in sorted(set(schedules) - attached))
    for attachment in attachments:
        secret = d.target(attachment.get("SecretId"))
        schedule = schedules.get(str(secret))
        if schedule is None:
            yield f"{secret} never rotates"
            continue
        expression = str(schedule.get("RotationRules.ScheduleExpression", ""))
        days = schedule.get("RotationRules.AutomaticallyAfterDays")
        # A day of the month, and every month: at most 31 days.
        if not re.fullmatch(r"cron\(\d+ \d+ \d+ \* \? \*\)", expression) and not (days and int(days) <= 31):
            yield f"{schedule} rotates too seldom"
        # The API's user is made by hand, after the stack.
        if schedule.get("RotateImmediatelyOnUpdate") is not False:
            yield f"{schedule} rotates before there is a user"
        if attachment.name not in schedule.attributes.get("DependsOn", []):
            yield f"{schedule} may be made before its secret knows the database"


@invariant
def the_api_has_two_users_in_turn(d: Deployment) -> Iterator[str]:
    """The API's secret alternates between two users, so a password that is in use stays good until the next rotation."""
    for schedule in d.some("AWS::SecretsManager::RotationSchedule"):
        secret = d.target(schedule.get("SecretId"))
        template = str(secret.get("GenerateSecretString.SecretStringTemplate")) if secret else ""
        kind = schedule.get("HostedRotationLambda.RotationType")
        if "masterarn" in template:
            master = d.target(schedule.get("HostedRotationLambda.MasterSecretArn"))
            if kind != "MySQLMultiUser" or master is None or master.id not in references(template):
                yield f"{schedule} does not alternate"
        elif kind != "MySQLSingleUser":
            yield f"{schedule} has no master to alternate with"
    if not any("masterarn" in str(item.get("GenerateSecretString.SecretStringTemplate")) for item in d.some("AWS::SecretsManager::Secret")):
        yield "no secret alternates"


@invariant
def rotations_do_not_meet(d: Deployment) -> Iterator[str]:
    """The two passwords of the database change on different days."""
    days = [str(item.get("RotationRules.ScheduleExpression")) for item in d.some("AWS::SecretsManager::RotationSchedule")]
    if len(set(days)) != len(days):
        yield "two rotations begin at once"


@invariant
def cache_is_encrypted_and_asks_for_a_token(d: Deployment) -> Iterator[str]:
    """Valkey is spoken to over TLS, with a token from a secret, and writes nothing in the clear."""
    for cache in d.some("AWS::ElastiCache::ReplicationGroup"):
        if cache.get("TransitEncryptionEnabled") is not True:
            yield f"{cache} is spoken to in the clear"
        if cache.get("AtRestEncryptionEnabled") is not True:
            yield f"{cache} writes in the clear"
        if not SECRET.fullmatch(str(cache.get("AuthToken"))):
            yield f"{cache} has no token of a secret"
        if d.target(cache.get("CacheSubnetGroupName")) is None:
            yield f"{cache} is in the default network"


@invariant
def no_literal_secret(d: Deployment) -> Iterator[str]:
    """What goes to hosts and to AWS holds no password, key or token, and no property that is one has a value written here."""
    # `validate` looks at every other file, too.
    for path, text in d.files.items():
        if path.startswith(("cfn/", "params/", "host/", "container/")):
            yield from (f"{path} holds {what}" for what, _ in secrets_in(text))
    names = re.compile(r"(?:password|secretstring|authtoken|headervalue|privatekey)$", re.IGNORECASE)
    for resource in d.resources:
        for path, value in _leaves(resource.properties):
            if names.search(path) and "{{resolve:" not in value and not REFERENCE.search(value):
                yield f"{resource} has a literal {path}"
    for stack, template in d.templates.items():
        for name in template.get("Parameters", {}):
            if re.search(r"password|token$|secret$", name, re.IGNORECASE):
                yield f"{stack} takes the secret {name} as a parameter"


def _leaves(value: Any, path: str = "") -> Iterator[tuple[str, str]]:
    if isinstance(value, dict):
        for key, item in value.items():
            yield from _leaves(item, f"{path}.{key}")
    elif isinstance(value, list):
        for item in value:
            yield from _leaves(item, path)
    elif isinstance(value, str):
        yield path, value
