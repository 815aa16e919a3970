"""Who asks for music where the bot may not write is told so at once, and it stays under the answer."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from sandbox.discord.permissions import INVITED, Permission
from tests.fakes.guild import SONG
from tests.fakes.workers import FakeWorker, Theatre
from timmybot.domain.own_rights import OwnRights
from timmybot.services.command_definitions import DEFINITIONS

README = Path(__file__).parents[3] / "README.md"
ALL_BUT = {missing: int(INVITED & ~missing) for missing in Permission}


@pytest.mark.parametrize(
    ("rights", "needed"),
    [
        (OwnRights(ALL_BUT[Permission.SEND_MESSAGES]), "Send Messages here"),
        (OwnRights(ALL_BUT[Permission.VIEW_CHANNEL]), "View Channel here"),
        (OwnRights(ALL_BUT[Permission.SEND_MESSAGES_IN_THREADS], in_thread=True), "Send Messages in Threads here"),
        (OwnRights(ALL_BUT[Permission.SEND_MESSAGES_IN_THREADS]), None),
        (OwnRights(ALL_BUT[Permission.SEND_MESSAGES], in_thread=True), None),
        (OwnRights(int(INVITED)), None),
        (OwnRights(int(Permission.ADMINISTRATOR)), None),
    ],
)
def test_what_is_missing_to_write_there_is_named(rights: OwnRights, needed: str | None) -> None:
    assert rights.warning == "" if needed is None else f"Give me the permission {needed}." in rights.warning


async def test_the_warning_stays_under_the_answer_when_the_song_starts(theatre: Theatre, worker: FakeWorker) -> None:
    mute = OwnRights(ALL_BUT[Permission.SEND_MESSAGES])
    invocation = theatre.invocation("play", url=SONG, own_rights=mute)
    assert mute.warning in (await theatre.answering.answer(invocation)).content
    await theatre.clock.advance(5)
    shown = theatre.rest.edits[invocation.interaction_id]
    assert "First" in shown
    assert shown.endswith(mute.warning)


def test_the_invite_link_asks_for_what_is_needed_and_no_more() -> None:
    (asked,) = re.findall(r"permissions=(\d+)", README.read_text(encoding="utf-8"))
    assert int(asked) == INVITED


def test_commands_are_offered_only_where_the_bot_was_invited() -> None:
    assert all(command["integration_types"] == [0] and command["contexts"] == [0] for command in DEFINITIONS)
