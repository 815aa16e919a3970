"""The money that the documents speak of is what the price table gives."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from sandbox.demo.price import LISTENING_HOURS, price_of
from tests.docs.documents import document
from timmybot.adapters.price_table import prices
from timmybot.domain.cost import HOURS_PER_MONTH

REGION = "eu-central-1"
SECRETS = 4
"""How many the templates make; tests/infra holds them to it."""


@pytest.fixture
def dev(tmp_path: Path) -> list[float]:
    """A month of dev in USD: asleep, with some listening, always on."""
    resources = {str(number): {"Type": "AWS::SecretsManager::Secret"} for number in range(SECRETS)}
    (tmp_path / "all.template.json").write_text(json.dumps({"Resources": resources}))
    return [float(usd) for sentence in price_of(tmp_path) for usd in re.findall(r"([\d.]+) USD", sentence)]


def test_the_readmes_first_sentence_has_todays_prices(dev: list[float]) -> None:
    first_screen = document("README.md").text.split("```", 1)[0]
    assert re.findall(r"([\d.]+) USD", first_screen) == [f"{usd:.2g}" for usd in dev]


def test_the_deployment_guide_has_them_to_the_cent(dev: list[float]) -> None:
    assert document("docs/deployment.md").row("dev (`egress=public_ip`)") == [f"{usd:.2f}" for usd in dev]


@pytest.mark.parametrize(
    ("row", "gateways"), [("one NAT gateway (`egress=single_nat`)", 1), ("prod (`egress=nat_per_az`, two zones)", 2)]
)
def test_nat_gateways_cost_what_the_guide_says(dev: list[float], row: str, gateways: int) -> None:
    table = prices(REGION)
    nat, address = table["nat_gateway_hour"], table["public_ipv4_hour"]
    assert nat is not None
    assert address is not None
    expected = [
        usd + gateways * HOURS_PER_MONTH * nat - hours * address
        for usd, hours in zip(dev, (0.0, LISTENING_HOURS, HOURS_PER_MONTH), strict=True)
    ]
    told = [float(cell) for cell in document("docs/deployment.md").row(row)]
    assert told == pytest.approx(expected, abs=0.011)
