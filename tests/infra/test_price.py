"""What a month costs, and that the documents say so."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from infra import environments
from sandbox.demo.price import price_of
from tests.docs.documents import document
from tests.infra.templates import Templates
from timmybot.adapters.price_table import doubts, prices
from timmybot.domain.cost import HOURS_PER_MONTH
from timmybot.domain.egress import Egress, chosen_egress
from timmybot.entrypoints.cost import LISTENING_HOURS, Costs, costs

MONTHS = (0.0, LISTENING_HOURS, HOURS_PER_MONTH)


def of(templates: Templates) -> Costs:
    return costs(templates.environment, templates.assembly)


def test_dev_sleeps_for_less_than_two_dollars_a_month(dev: Templates) -> None:
    assert of(dev).bill(0).total < 2.00


def test_sixty_listening_hours_in_dev_cost_less_than_five_dollars(dev: Templates) -> None:
    assert of(dev).bill(60).total < 5.00


def test_sixty_listening_hours_in_prod_keep_within_the_plans_fifty_dollars(prod: Templates) -> None:
    assert of(prod).bill(60).total < 50.00 < of(prod).bill(60, Egress.NAT_PER_AZ).total


def test_a_nat_gateway_in_dev_would_be_noticed(dev: Templates) -> None:
    assert of(dev).bill(0, Egress.SINGLE_NAT).total > 2.00


def test_every_resource_has_a_price(either: Templates) -> None:
    assert of(either).bill(LISTENING_HOURS).unpriced == ()


def test_the_way_out_is_read_from_the_templates(dev: Templates, prod: Templates) -> None:
    for templates, choices in ((dev, environments.DEV), (prod, environments.PROD)):
        kinds = [each.kind for each in of(templates).assembly.resources]
        assert chosen_egress({kind: kinds.count(kind) for kind in kinds}).value == choices.egress.value


def test_every_way_out_is_compared() -> None:
    assert {each.value for each in Egress} == {each.value for each in environments.Egress}


def test_the_command_says_it_for_programs(dev: Templates) -> None:
    timmybot = str(Path(sys.prefix) / "bin" / "timmybot")
    command = [timmybot, "cost", "--env", "dev", "--templates", str(dev.assembly), "--hours", "60", "--json"]
    told = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    assert told["total"] == pytest.approx(of(dev).bill(60).total, abs=0.001)
    assert told["total"] == pytest.approx(sum(item["usd"] for item in told["items"]), abs=0.001)
    assert told["unpriced"] == []
    assert told["estimated"] == list(of(dev).bill(60).estimated)
    assert told["egress"].keys() == {each.value for each in Egress}


def test_the_readmes_first_sentence_has_todays_prices(dev: Templates) -> None:
    first_screen = document("README.md").text.split("```", 1)[0]
    assert re.findall(r"([\d.]+) USD", first_screen) == [f"{of(dev).bill(hours).total:.2g}" for hours in MONTHS]


def test_what_the_readme_shows_of_the_demo_has_todays_prices(dev: Templates) -> None:
    shown = re.findall(r"a month of dev, .*", document("README.md").text)
    assert shown == price_of(dev.assembly)


@pytest.mark.parametrize("egress", Egress)
def test_the_decision_on_egress_has_what_each_adds(dev: Templates, egress: Egress) -> None:
    told = document("docs/decisions/0008-egress.md").row(f"`{egress.value}`")
    bills = [of(dev).bill(hours, egress) for hours in MONTHS]
    assert told[: len(MONTHS)] == [f"{sum(item.usd or 0 for item in bill.items if item.egress):.2f}" for bill in bills]


def test_every_estimate_is_named_in_the_deployment_guide(either: Templates) -> None:
    """By what is bought, in the section on costs."""
    text = document("docs/deployment.md").text.split("## What it costs", 1)[1]
    bills = [of(either).bill(hours, egress) for hours in MONTHS for egress in Egress]
    estimated = {reason.partition(":")[0] for bill in bills for reason in bill.estimated}
    assert {name for name in estimated if name not in text} == set()


def test_no_price_is_zero_but_that_of_what_aws_gives_away() -> None:
    for region in ("eu-central-1", "us-east-1"):
        assert {name for name, usd in prices(region).items() if usd == 0} == {"gateway_endpoint"}
        assert doubts().keys() <= prices(region).keys()


@pytest.mark.parametrize("egress", Egress)
def test_the_deployment_guide_has_them_to_the_cent(dev: Templates, prod: Templates, egress: Egress) -> None:
    for templates in (dev, prod):
        told = document("docs/deployment.md").row(f"{templates.environment}, `{egress.value}`")
        assert told == [f"{of(templates).bill(hours, egress).total:.2f}" for hours in MONTHS]
