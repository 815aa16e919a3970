"""Two ways in which a player that should send has nothing go out, and nobody says a word of it."""

from __future__ import annotations

from tests.integration.voice.call import Call
from tests.integration.voice.scene import until

PREPARE_EPOCH = 24
"""Voice opcode of DAVE: a group is made anew. Until its keys are agreed on, frames are held."""


async def keys_never_come(call: Call) -> None:
    """The voice server announces new keys; what the bot says to it is lost from then on, so that none are agreed on.

    Needs the gate.
    """
    call.scene.gate.deafen()
    session = call.scene.discord.voice.sessions[0]
    held = call.player.counters.held
    session.tell(PREPARE_EPOCH, {"protocol_version": 1, "epoch": 1, "transition_id": 7})
    await until(lambda: call.player.counters.held > held, "the keys being awaited")


def source_goes_dry(call: Call, *, for_good: bool = False) -> None:
    """Whatever stream is open gives nothing any more, and does not end either; ``for_good``, nor do those to come."""
    call.scene.source.dry = for_good
    for stream in call.scene.source.opened:
        stream.behind = True
