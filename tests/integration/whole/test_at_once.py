"""Where commands and worker are one process, a command is acted on at once, and the sound ends in silence.

The inbox is read once in an hour here.
"""

from __future__ import annotations

import pytest

from sandbox.discord.ear import Ear
from tests.integration.whole.conftest import House
from timmybot.entrypoints.run import OwnInbox

NEVER_SECONDS = 3_600.0
PATIENCE_SECONDS = 10.0
SILENCE_FRAMES = 5
"""What receivers are owed at the end, so that they do not interpolate over it. Source: Discord, Voice Connections."""


async def ended_in_silence(ear: Ear) -> None:
    def is_so() -> bool:
        last = [packet.is_silence for packet in ear.packets[-SILENCE_FRAMES - 1 :]]
        return last == [False] + [True] * SILENCE_FRAMES

    await ear.wait_until(is_so, PATIENCE_SECONDS)


@pytest.mark.parametrize("command", ["pause", "skip", "stop"])
async def test_a_command_is_acted_on_before_the_inbox_is_read_again(house: House, command: str) -> None:
    """A skip of the last song ends the sound, too."""
    a = house.a
    async with house.bot(inbox_poll_seconds=NEVER_SECONDS):
        await a.play(a.songs[0])
        await a.ear.wait_for_sound(PATIENCE_SECONDS, seconds=0.5)
        await a.says(command)
        await ended_in_silence(a.ear)


async def test_negative_control_else_it_would_wait_for_that(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    a = house.a
    async with house.bot(inbox_poll_seconds=NEVER_SECONDS):
        await a.play(a.songs[0])
        await a.ear.wait_for_sound(PATIENCE_SECONDS, seconds=0.5)
        monkeypatch.setattr(OwnInbox, "post", lambda inbox, nudge: inbox._inbox.post(nudge))
        await a.says("pause")
        a.ear.clear()
        await a.ear.wait_for_sound(PATIENCE_SECONDS, seconds=1.5)
