"""What is looked at counts as sound, so that large packets may be read in a row."""

from __future__ import annotations

import av

from timmybot.adapters.sources.allowance import Allowance
from timmybot.adapters.sources.children.media.containers import TIGHT_BYTES
from timmybot.adapters.sources.children.media.demux import LOOKED_AT, first_of


def test_large_packets_are_no_row_of_bytes_without_sound() -> None:
    allowance = Allowance(lambda: 0.0)
    allowance.in_a_row(TIGHT_BYTES)
    place = 0

    def reading() -> object:
        nonlocal place
        place += TIGHT_BYTES * 3 // 4
        allowance.spend(TIGHT_BYTES * 3 // 4, place)
        return av.Packet(1)

    source = iter(reading, None)

    assert len(first_of(source, allowance.earn)) == LOOKED_AT  # type: ignore[arg-type]
