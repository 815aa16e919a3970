"""What members ask for, and what counts as an answer to it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import count

Judge = Callable[[str], bool]

PLAYED = ("Now playing", "Queued", "Played")
REFUSED = ("I can't play",)


@dataclass(frozen=True)
class Wish:
    """A command. Its answer has arrived once the member was shown a text that ``satisfies``, or, where ``url`` cannot
    be played, once the text channel was told so."""

    command: str
    options: dict[str, str | int] = field(default_factory=dict)
    begins: tuple[str, ...] = ()
    """With what its last word begins; with anything, if nothing is named."""

    @property
    def url(self) -> str | None:
        return str(self.options["url"]) if self.begins == REFUSED else None

    def satisfies(self, text: str) -> bool:
        return bool(text) and (not self.begins or text.startswith(self.begins))


class Wishes:
    """``song`` is the address of a file, ``nothing`` that of none: each wish asks for an address of its own."""

    def __init__(self, song: str, nothing: str) -> None:
        self._song = song
        self._nothing = nothing
        self._numbers = count(1)

    def round(self) -> Iterator[Wish]:
        """One after another in one guild: each kind of command, what is refused, and links that play and do not."""
        yield self._play()
        yield Wish("nowplaying")
        yield Wish("queue")
        yield self._refused()
        yield Wish("volume", {"percent": 40})
        yield Wish("settings", {"leave_after": 0})
        yield self._private()
        yield Wish("pause")
        yield Wish("resume")
        yield self._play()
        yield self._refused()
        yield Wish("shuffle")
        yield Wish("loop", {"mode": "track"})
        yield Wish("loop", {"mode": "off"})
        yield Wish("skip", {"to": 99})
        yield Wish("remove", {"position": 1})
        yield Wish("undo")
        yield Wish("history")
        yield Wish("settings")
        yield Wish("speed", {"percent": 110})
        yield Wish("skip")
        yield Wish("previous")
        yield Wish("play", {"url": "some words that are no link"})
        yield Wish("clear")
        yield Wish("stop")
        yield Wish("stop")

    def _play(self) -> Wish:
        return Wish("play", {"url": f"{self._song}?{next(self._numbers)}"}, PLAYED)

    def _refused(self) -> Wish:
        return Wish("play", {"url": f"{self._nothing}?{next(self._numbers)}"}, REFUSED)

    def _private(self) -> Wish:
        """Where the bot never goes."""
        return Wish("play", {"url": f"http://127.0.0.1:9/{next(self._numbers)}.mp3"}, REFUSED)
