"""How tracks and times are written in a message. Titles are hostile input: nothing in one may look like ours."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from timmybot.domain.tally import Tally
from timmybot.domain.track import Entry, Track

_MARKDOWN = re.compile(r"([\\*_~`|>\[\]()#@<:-])")
_AFTER_THE_PATH = re.compile(r"(https?://[^\s?#]*)[?#]\S*?(?=>?\.?(?:\s|$))", re.IGNORECASE)
_SHOWN = 80
_URL_SHOWN = 120
_BEGUN_MS = 1_000
"""What is shorter was hardly heard."""

MESSAGE_LIMIT = 2_000
"""Characters. Source: Discord, Message: ``content``."""


def clock_time(milliseconds: int) -> str:
    """``0:07``, ``12:34``, ``1:02:03``."""
    minutes, seconds = divmod(max(milliseconds, 0) // 1000, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{seconds:02d}" if hours else f"{minutes}:{seconds:02d}"


def named(track: Track) -> str:
    """The track's name in bold with its duration, safe to put into a message."""
    if not track.resolved:
        return f"<{track.url}>"
    name = " ".join(track.name.split())
    shown = name if len(name) <= _SHOWN else name[: _SHOWN - 1] + "…"
    length = "" if track.duration_ms is None else f" ({clock_time(track.duration_ms)})"
    return f"**{escaped(shown)}**{length}"


def failed(track: Track, why: str, at_ms: int) -> str:
    """What a guild is told of a track that failed at ``at_ms``; ``why`` is a sentence. Others play by the time it is
    read, so the track is named."""
    what = "can't play" if at_ms < _BEGUN_MS else "can't go on with"
    return f"I {what} {named(track)}. {why}"


def listed(entry: Entry | None) -> str:
    """An entry on one line of a list; ``None`` for one that cannot be read."""
    if entry is None:
        return "a track that was removed"
    url = entry.track.url
    return named(entry.track) if entry.track.resolved or len(url) <= _URL_SHOWN else f"`{url[: _URL_SHOWN - 1]}…`"


def page_of_queue(current: Entry | None, waiting: Sequence[Entry], before: int, tally: Tally) -> str:
    """One page of a queue: what plays, what waits from number ``before`` + 1 on, and how much there is in all."""
    lines = [f"Now: {listed(current)}"]
    lines += [f"{number}. {listed(entry)}" for number, entry in enumerate(waiting, start=before + 1)]
    if (more := tally.count - before - len(waiting)) > 0:
        lines.append(f"… and {more:,} more")
    if tally.count:
        lines.append(f"{tally.count:,} waiting, {total_time(tally)}")
    return fitted(lines)


def tracks(count: int) -> str:
    """``1 track``, ``2 tracks``."""
    return f"{count:,} track{'' if count == 1 else 's'}"


def history_of(entries: Sequence[Entry]) -> str:
    """What was played, the latest first."""
    if not entries:
        return "Nothing was played yet. Start something with `/play`."
    return fitted(["Played before, the latest first:", *(f"- {listed(entry)}" for entry in entries)])


def total_time(tally: Tally) -> str:
    """``48:10 in all``, or what is known of it."""
    if tally.unknown == tally.count:
        return "of unknown length"
    return f"{clock_time(tally.known_ms)} in all" + (
        f" and {tally.unknown:,} of unknown length" if tally.unknown else ""
    )


def fitted(lines: Iterable[str]) -> str:
    """As many of the lines as one message holds."""
    text = ""
    for line in lines:
        if len(text) + len(line) + 3 > MESSAGE_LIMIT:
            return f"{text}\n…"
        text = f"{text}\n{line}" if text else line
    return text


def escaped(text: str) -> str:
    """The text with every character that Discord's Markdown or mentions could take up made literal."""
    return _MARKDOWN.sub(r"\\\1", text)


def without_queries(text: str) -> str:
    """The text as a log may hold it: what follows the path of a link is often the key to what is there."""
    return _AFTER_THE_PATH.sub(r"\1?…", text)
