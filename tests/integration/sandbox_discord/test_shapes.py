"""What either side sends is held against Discord's tables in every test: what does not fit fails the test."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from sandbox.discord import FakeDiscord
from sandbox.discord.shapes import received, sent
from sandbox.discord.shapes.look import Look, ShapeFault
from sandbox.discord.shapes.schema import Table

MOVE = {"guild_id": "1", "channel_id": None, "self_mute": False, "self_deaf": True}
CALLBACK = "POST /interactions/{interaction_id}/{token}/callback"


@pytest.mark.parametrize(
    ("frame", "fault"),
    [
        (MOVE, None),
        (MOVE | {"channel_id": "the stage"}, "channel_id"),
        ({**MOVE, "self_video": False}, "self_video"),
        ({name: value for name, value in MOVE.items() if name != "self_deaf"}, "self_deaf"),
    ],
)
def test_a_bots_frame_has_the_fields_of_the_reference_and_no_others(frame: dict[str, Any], fault: str | None) -> None:
    look = Look()
    look.gateway_took(4, frame)
    if fault is None:
        look.check()
        return
    with pytest.raises(ShapeFault, match=fault):
        look.check()


def test_so_do_a_bots_answers_over_both_transports() -> None:
    look = Look()
    look.rest_answered(CALLBACK, {"type": 4, "data": {"content": "x" * 2_001}}, None)
    look.endpoint_answered({"type": 4, "data": {"contents": "a typo"}})
    look.endpoint_answered({"type": 3})
    assert len(look.faults) == 3
    look = Look()
    look.rest_answered(CALLBACK, {"type": 4, "data": {"content": "x" * 2_000, "flags": 64}}, None)
    look.endpoint_answered({"type": 5})
    look.check()


async def invented_event(directory: Path) -> None:
    async with FakeDiscord(directory) as discord:
        discord.world.look.gateway_sends({"op": 0, "t": "RESUMED", "s": 1, "d": {"trace": "invented"}})


async def half_an_answer(directory: Path) -> None:
    async with FakeDiscord(directory) as discord:
        discord.world.look.rest_answered("GET /guilds/{guild_id}/voice-states/{user_id}", None, {"session_id": "one"})


async def test_negative_control_an_event_with_a_field_that_discord_does_not_know_fails_the_test(tmp_path: Path) -> None:
    with pytest.raises(ShapeFault, match="RESUMED"):
        await invented_event(tmp_path)


async def test_negative_control_a_route_that_answers_less_than_it_should_fails_the_test(tmp_path: Path) -> None:
    with pytest.raises(ShapeFault, match="voice-states"):
        await half_an_answer(tmp_path)


async def a_reason_of_its_own(directory: Path) -> None:
    async with FakeDiscord(directory) as discord:
        discord.world.look.voice_sends({"op": 99, "d": {}})
        raise ValueError("its own")


async def test_a_test_that_fails_by_itself_keeps_its_own_reason(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="its own"):
        await a_reason_of_its_own(tmp_path)


@pytest.mark.parametrize(
    "table",
    [
        sent.EVENTS,
        sent.FRAMES,
        sent.VOICE_FRAMES,
        sent.ANSWERS,
        received.FRAMES,
        received.VOICE_FRAMES,
        received.BODIES,
    ],
    ids=lambda table: table.name,
)
def test_every_table_can_be_compiled_and_refuses_what_is_none(table: Table) -> None:
    for key in table.names():
        assert table.fault(key, "a text where none belongs") is not None
    assert table.fault("there is none", None) is not None
