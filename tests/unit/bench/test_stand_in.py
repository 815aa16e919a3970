"""The bench's stand-in for a voice connection has all that a player asks of one: it is cast, which hides what lacks."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, cast

import pytest

from sandbox.bench.ours import Present
from timmybot.adapters.discord_voice import player

ASKED = sorted(set(re.findall(r"\bpresence\.(\w+)", Path(player.__file__).read_text())))


@pytest.mark.parametrize("name", ASKED)
def test_a_player_finds_what_it_asks_of_a_presence(name: str) -> None:
    nothing = cast(Any, None)
    assert hasattr(Present(nothing, 1, nothing, nothing), name)


def test_a_player_asks_for_more_than_to_join() -> None:
    assert {"join", "connected_seconds", "others"} <= set(ASKED)
