"""What an outage may have cost: songs, their order, and the truth of what the channel is told."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

TITLE = re.compile(r"\*\*(.+?)\*\*")


def lost(before: Sequence[str], shown: str) -> list[str]:
    """Which of the titles the answer to ``/queue`` shows no longer, or that their order is another."""
    titles = TITLE.findall(shown.replace("\\", ""))
    gone = [title for title in before if title not in titles]
    if not gone and titles != list(before):
        gone = ["the order"]
    return gone


TRUE = ("The music had stopped although I was connected; I connected to the voice channel again.",)
"""What may be said of an outage. Whatever else is, of a member, a link or a permission, is not so."""


def untrue(said: Iterable[str]) -> list[str]:
    """What the channel was told beside that."""
    return [sentence for sentence in said if sentence not in TRUE]
