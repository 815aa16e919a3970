"""Every step of the table of states, against the fake Discord; and the failures that other clients had.

Each history says which steps it goes through, and they are demanded of it. The first test sees to it that no step of
the table is left out.
"""

from __future__ import annotations

from typing import Final

import pytest

from tests.integration.voice.call import History, Step, playing
from tests.integration.voice.happenings import MEANWHILE, REFUSED
from tests.integration.voice.histories import HISTORIES
from tests.integration.voice.scene import Scene
from timmybot.adapters.discord_voice.machine import TABLE, Happening, State

ALL: Final = [*HISTORIES, *MEANWHILE, *REFUSED]

ELSEWHERE: Final[dict[Step, str]] = {}
"""Steps that no history goes through, and why."""


def test_every_step_of_the_table_has_a_history() -> None:
    proven = {step for history in ALL for step in history.steps}
    assert proven | set(ELSEWHERE) == set(TABLE)
    assert proven.isdisjoint(ELSEWHERE), "what has a history needs no excuse"


async def test_a_step_that_was_not_taken_is_missed(scene: Scene) -> None:
    """The control of the demand on every history."""
    call = await playing(scene)
    assert call.has_taken((State.OUT, Happening.ASKED), (State.CONNECTING, Happening.CONNECTED))
    assert not call.has_taken((State.CONNECTING, Happening.CONNECTED), (State.OUT, Happening.ASKED))
    assert not call.has_taken((State.UP, Happening.CUT))


@pytest.mark.parametrize("history", [pytest.param(history, id=history.name) for history in ALL])
async def test_history(scene: Scene, history: History) -> None:
    call = await history.run(scene)
    await call.steps(*history.steps)
