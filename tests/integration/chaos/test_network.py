"""The network is away for some seconds, in a namespace of its own; and what judges that, on what is made up."""

from __future__ import annotations

import io
import os
import shutil
from pathlib import Path

import pytest

from sandbox.chaos.network import LONGEST_SECONDS, OUTAGES, SHORTEST_SECONDS, Outage, endure_outages, must_run
from sandbox.chaos.untouched import TRUE, lost, untrue
from sandbox.demo.report import Report, StepFailed

SHOWN = "Now: **a0**\n1. **a1**\n2. **a2**"
BEFORE = ("a0", "a1", "a2")


async def test_an_outage_with_the_source_and_one_without_cost_no_queue_and_no_loop(tmp_path: Path) -> None:
    report = Report(out=io.StringIO())
    with report.step("two short outages"):
        await endure_outages(tmp_path / "network", (Outage(5.0, True), Outage(5.0, False)), report)
    told = report.steps[0].detail
    if told[0].startswith("LEFT OUT"):
        pytest.skip(told[0])
    assert len(report.figures) == 4


def test_outages_are_of_the_length_that_is_promised_and_of_both_kinds() -> None:
    assert all(SHORTEST_SECONDS <= outage.seconds <= LONGEST_SECONDS for outage in OUTAGES)
    assert {outage.with_source for outage in OUTAGES} == {True, False}


@pytest.mark.parametrize(
    ("shown", "what"),
    [
        (SHOWN, []),
        (SHOWN.replace("Now: **a0**", "Now: **a1**").replace("1. **a1**", ""), ["a0"]),
        (SHOWN.replace("a1", "a9").replace("a2", "a1").replace("a9", "a2"), ["the order"]),
        ("Nothing is queued.", ["a0", "a1", "a2"]),
    ],
    ids=["nothing", "a song", "the order", "everything"],
)
def test_what_the_queue_lost_is_named(shown: str, what: list[str]) -> None:
    assert lost(BEFORE, shown) == what


def test_whatever_blames_a_member_or_a_link_for_the_network_is_untrue() -> None:
    blaming = [
        "I was disconnected from the channel, so I stopped.",
        "**a0** cannot be played: check that I may see it.",
    ]
    assert untrue([*TRUE, *blaming]) == blaming


@pytest.mark.skipif(not (shutil.which("unshare") and shutil.which("ip")), reason="what it says then is of these")
async def test_where_no_namespace_is_allowed_it_says_that_it_was_left_out_and_why(tmp_path: Path) -> None:
    refusing = [("sh", "-c", "echo Operation not permitted >&2; exit 1")]
    report = Report(out=io.StringIO())
    with report.step("where it is not allowed"):
        await endure_outages(tmp_path, OUTAGES, report, ways=refusing, environment={})
    assert report.steps[0].detail == ["LEFT OUT: this machine allows no network namespace (Operation not permitted)"]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may always do it")
async def test_where_it_has_to_run_and_may_not_it_fails(tmp_path: Path) -> None:
    report = Report(out=io.StringIO())
    with pytest.raises(StepFailed, match="has to be allowed here"):
        await endure_outages(tmp_path, OUTAGES, report, ways=[("false",)], environment={"CI": "true"})


def test_root_on_the_machine_that_judges_a_change_may_not_leave_it_out() -> None:
    assert must_run({"CI": "true"}, 0)
    assert not must_run({"CI": "true"}, 1000)
    assert not must_run({}, 0)
