"""A line that loses some requests and some answers, and some that Discord fails to carry out: the first try of each."""

from __future__ import annotations

from zlib import crc32

from sandbox.discord.line import Lost

_OF = 10
_TROUBLES: dict[int, Lost | int] = {0: Lost.REQUEST, 1: Lost.ANSWER, 2: 503}


class Losses:
    """A :data:`~sandbox.discord.line.Trouble`. What the endpoint answers is never lost: Discord asks it once only."""

    def __init__(self) -> None:
        self._tried: set[tuple[str, str]] = set()
        self.count = 0

    def __call__(self, method: str, path: str) -> Lost | int | None:
        trouble = _TROUBLES.get(crc32(path.encode()) % _OF)
        if trouble is None or method == "ENDPOINT" or not _is_an_answer(path) or (method, path) in self._tried:
            return None
        self._tried.add((method, path))
        self.count += 1
        return trouble


def _is_an_answer(path: str) -> bool:
    return path.endswith(("/callback", "/messages/@original"))
