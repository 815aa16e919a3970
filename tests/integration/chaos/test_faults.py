"""Real processes, real faults: the few that every change has to survive. ``make chaos`` has the rest."""

from __future__ import annotations

import io
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from sandbox.chaos.__main__ import GUILDS
from sandbox.chaos.faults import FAULTS
from sandbox.chaos.ground import Ground, ground
from sandbox.demo.report import Report

FEW = [fault for fault in FAULTS if fault.name in ("sigkill", "freeze")]


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def deployed(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Ground]:
    async with ground(tmp_path_factory.mktemp("chaos"), guilds=GUILDS) as one:
        yield one


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("fault", FEW, ids=lambda fault: fault.name)
async def test_a_fault_costs_a_listener_no_more_than_is_promised(deployed: Ground, fault: object) -> None:
    (chosen,) = [one for one in FEW if one is fault]
    report = Report(out=io.StringIO())
    try:
        with report.step(chosen.sentence):
            await chosen.act(deployed, report)
    finally:
        await deployed.rest()
    assert report.ok


def test_the_faults_have_names_of_their_own() -> None:
    assert len({fault.name for fault in FAULTS}) == len(FAULTS)


def test_every_fault_is_in_the_document() -> None:
    document = (Path(__file__).parents[3] / "docs" / "chaos.md").read_text()
    assert [fault.name for fault in FAULTS if f"`{fault.name}`" not in document] == []
