"""What several tests look at: our deployment in each environment, and the original."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from typist import Operator, deployed

from cloud import template
from cloud.template import Deployment

HERE = Path(__file__).parent


@pytest.fixture(scope="session")
def texts() -> dict[str, str]:
    return template.files()


@pytest.fixture(scope="session")
def pushing(texts: dict[str, str]) -> dict[str, str]:
    """Ours, where production has a key by which push services know it. It is made by hand, so there need be none."""
    arn = "arn:aws:secretsmanager:us-east-1:000000000000:secret:roomm8/prod/vapid-AbCdEf"
    given = re.sub(r'("VapidKeySecretArn": )"[^"]*"', rf'\1"{arn}"', texts["params/prod.json"])
    return texts | {"params/prod.json": given}


@pytest.fixture(scope="session")
def ours(texts: dict[str, str]) -> dict[str, Deployment]:
    names = [path.removeprefix("params/").removesuffix(".json") for path in texts if path.startswith("params/")]
    return {name: template.resolve(name, texts) for name in names}


@pytest.fixture(scope="session")
def original() -> Deployment:
    """The original, as the production that it was meant for."""
    files = {
        "cfn/original.yml": (HERE / "original.yml").read_text(),
        "params/prod.json": json.dumps({"region": "us-east-1", "parameters": {}}),
    }
    return template.resolve("prod", files)


@pytest.fixture(scope="module")
def operator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Operator]:
    """Somebody with an environment of their own."""
    with deployed(tmp_path_factory.mktemp("operator")) as somebody:
        yield somebody
