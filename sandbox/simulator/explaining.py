"""What an operation, answered as it was, makes of a guild: the steps that an explanation of a history is made of.

What a command leaves to chance or to the moment (how a queue is shuffled, which of two equal entries went) is taken
from what the store showed right after it, and has to be one of the outcomes that the model allows.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace

from sandbox.simulator import choosing
from sandbox.simulator.catalogue import tags_in
from sandbox.simulator.guild_model import GuildModel, tags_of
from sandbox.simulator.record import Operation, Stored

_UNKNOWN = ("I couldn't reach the database",)
"""Answers after which a command may or may not have taken effect, now or later."""
_NEVER = ("Discord did not tell me",)
"""Answers of commands that took no effect."""
_PAGE = 10
_COPIED = 50
"""How much may have been queued since an action for it still to be taken back."""


def is_unknown(operation: Operation) -> bool:
    """Whether nobody was told what became of it. What merely happened in the world may never have an effect."""
    if operation.name in ("stored", "dropped"):
        return False
    return operation.answer is None or operation.answer.startswith(_UNKNOWN)


def is_void(operation: Operation) -> bool:
    return operation.answer is not None and operation.answer.startswith(_NEVER)


def after(guild: GuildModel, operation: Operation) -> GuildModel | None:
    """The guild after ``operation`` as answered; ``None`` if it cannot have been answered so here."""
    if operation.command is None:
        return _happened(guild, operation)
    answer = None if is_unknown(operation) else operation.answer
    number = operation.command.number
    if number in guild.done and (answer is None or answer.startswith("Done already")):
        return guild
    if answer is not None:
        for refusal, may_be in _REFUSALS.items():
            if answer.startswith(refusal):
                return guild if number not in guild.done and may_be(guild, operation) else None
        if operation.name in ("queue", "nowplaying"):
            return guild if _shows(guild, operation, answer) else None
        if choosing.asks(operation.command):
            return guild if re.match(choosing.words(guild.chosen, operation.command), answer) else None
    if number in guild.done or not choosing.is_permitted(guild.chosen, operation.command):
        return None
    outcome = _outcome(guild, operation)
    if outcome is None or (answer is not None and not re.match(_words(guild, operation, outcome), answer)):
        return None
    return replace(outcome, done=guild.done | {number})


def _not_there(guild: GuildModel, operation: Operation) -> bool:
    assert operation.command is not None
    named = [operation.command.position] + ([operation.command.to] if operation.name == "move" else [])
    return max(named) > len(guild.waiting)


def _is_forbidden(guild: GuildModel, operation: Operation, *, managed: bool) -> bool:
    assert operation.command is not None
    needs_no_leave = operation.name in ("queue", "nowplaying") or choosing.asks(operation.command)
    asked_for = operation.name.startswith("settings ") is managed and not needs_no_leave
    return asked_for and not choosing.is_permitted(guild.chosen, operation.command)


def _is_not_offered(operation: Operation) -> bool:
    command = operation.command
    assert command is not None
    return choosing.setting_of(command) is not None and not choosing.asks(command) and not choosing.is_offered(command)


_REFUSALS: dict[str, Callable[[GuildModel, Operation], bool]] = {
    "Nothing is playing": lambda guild, operation: guild.current is None,
    # Someone else was faster: this one ends, or takes out, nothing.
    "That one was already skipped": lambda guild, operation: operation.name in ("skip", "skip to", "previous"),
    "That one was played or removed": lambda guild, operation: operation.name in ("skip to", "remove", "move"),
    "I am playing in": lambda guild, operation: (
        guild.current is not None and not guild.away and guild.channel != operation.channel
    ),
    "There is no number": _not_there,
    "There is nothing to go back to": lambda guild, operation: guild.current is not None and not guild.behind,
    "There is nothing to undo": lambda guild, operation: guild.taken is None,
    "Nothing waits": lambda guild, operation: not guild.waiting,
    "More than": lambda guild, operation: len(guild.waiting) > _COPIED,
    "Only members with the role": lambda guild, operation: _is_forbidden(guild, operation, managed=False),
    "Only members with the permission": lambda guild, operation: _is_forbidden(guild, operation, managed=True),
    "`": lambda guild, operation: _is_not_offered(operation),
}


def _outcome(guild: GuildModel, operation: Operation) -> GuildModel | None:
    """The guild after the command; ``None`` if it cannot take effect here."""
    assert operation.command is not None
    if choosing.setting_of(operation.command) is not None:
        chosen = choosing.choose(guild.chosen, operation.command)
        return replace(guild, chosen=chosen) if chosen else None
    if operation.name in ("play", "play next", "play all"):
        if guild.current is not None and not guild.away and guild.channel != operation.channel:
            return None
        return guild.queued(_links(operation), operation.channel, next_up=operation.name == "play next")
    if operation.name in _MOMENTARY:
        return _as_shown(operation.shown, _MOMENTARY[operation.name](guild, operation))
    effect = _CERTAIN.get(operation.name)
    if operation.name == "resume" and guild.away:
        return replace(guild, paused=False, away=False, channel=operation.channel)
    return effect(guild) if effect and guild.current is not None else None


_CERTAIN: dict[str, Callable[[GuildModel], GuildModel | None]] = {
    "skip": lambda guild: guild.over(skipped=True),
    "previous": lambda guild: guild.previous() if guild.behind else None,
    "pause": lambda guild: replace(guild, paused=True),
    "resume": lambda guild: replace(guild, paused=False),
    "loop off": lambda guild: replace(guild, loop="off"),
    "loop track": lambda guild: replace(guild, loop="track"),
    "loop queue": lambda guild: replace(guild, loop="queue"),
    "clear": lambda guild: guild.cleared() if guild.waiting else None,
    "stop": GuildModel.stopped,
}


def _links(operation: Operation) -> tuple[str, ...]:
    assert operation.command is not None
    if operation.name != "play all":
        return (operation.tag,)
    return tuple(f"{operation.tag}x{number}" for number in range(operation.command.position))


def _as_shown(shown: Stored | None, outcomes: Iterator[GuildModel]) -> GuildModel | None:
    """The outcome that the store showed, if it is one."""
    if shown is None:
        return None
    return next((each for each in outcomes if _stored(each) == shown), None)


def _stored(guild: GuildModel) -> Stored:
    current = tags_of([guild.current])[0] if guild.current else None
    return Stored(current, tags_of(guild.waiting), guild.paused, guild.channel, guild.loop, guild.chosen)


def _skipped_to(guild: GuildModel, operation: Operation) -> Iterator[GuildModel]:
    if guild.current is not None:
        yield from (guild.next(by) for by in range(1, len(guild.waiting) + 1))


def _removed(guild: GuildModel, operation: Operation) -> Iterator[GuildModel]:
    yield from (guild.removed(place) for place in range(len(guild.waiting)))


def _moved(guild: GuildModel, operation: Operation) -> Iterator[GuildModel]:
    assert operation.command is not None
    to = operation.command.to - 1
    if to < len(guild.waiting):
        yield from (guild.moved(place, to) for place in range(len(guild.waiting)))


def _shuffled(guild: GuildModel, operation: Operation) -> Iterator[GuildModel]:
    shown = operation.shown
    if shown is None or not guild.waiting or Counter(shown.waiting) != Counter(tags_of(guild.waiting)):
        return
    if operation.order is not None and len(operation.order) == len(guild.waiting):
        yield guild.shuffled(tuple(guild.waiting[place] for place in operation.order))
        return
    left = list(guild.waiting)
    order = []
    for tag in shown.waiting:
        order.append(next(item for item in left if tags_of([item])[0] == tag))
        left.remove(order[-1])
    yield guild.shuffled(tuple(order))


def _undone(guild: GuildModel, operation: Operation) -> Iterator[GuildModel]:
    for place in range(len(guild.waiting) + 1):
        undone = guild.undone(place)
        if undone is not None:
            yield undone


_MOMENTARY: dict[str, Callable[[GuildModel, Operation], Iterator[GuildModel]]] = {
    "skip to": _skipped_to,
    "remove": _removed,
    "move": _moved,
    "shuffle": _shuffled,
    "undo": _undone,
}


def _words(guild: GuildModel, operation: Operation, outcome: GuildModel) -> str:
    """What the answer must look like."""
    current = tags_of([outcome.current])[0] if outcome.current else ""
    fixed = {
        "pause": "Paused",
        "resume": "Coming back" if guild.away else "Playing on",
        "stop": "Stopped",
        "loop off": "Nothing is repeated",
        "loop track": "This track is repeated",
        "loop queue": "The queue is repeated",
        "skip": rf"Skipped.*{current}\b" if current else "Skipped.*(empty|over)",
        "skip to": rf"Skipped to.*{current}\b",
        "previous": rf"Back to.*{current}\b",
        "shuffle": rf"Shuffled {len(guild.waiting)} ",
        "clear": rf"Cleared {len(guild.waiting)} ",
    }
    if operation.name in fixed:
        return fixed[operation.name]
    assert operation.command is not None
    if choosing.setting_of(operation.command) is not None:
        return choosing.words(outcome.chosen, operation.command)
    match operation.name:
        case "play all":
            return rf"Queued {operation.command.position} tracks"
        case "play" | "play next" if guild.current is None:
            return rf"Starting.*{operation.tag}\b"
        case "play" | "play next":
            number = 1 if operation.name == "play next" else len(outcome.waiting)
            return rf"Queued.* {number}\b.*{operation.tag}\b"
        case "remove":
            assert outcome.taken is not None
            assert outcome.taken.removed is not None
            return rf"Removed.*{tags_of([outcome.taken.removed])[0]}\b"
        case "move":
            to = operation.command.to
            return rf".*{tags_of(outcome.waiting)[to - 1]}\b.* is number {to} "
        case "undo":
            assert guild.taken is not None
            return {
                "remove": "The removed track is back",
                "shuffle": "The queue is in its old order",
                "clear": "What was cleared is back",
                "stop": "What was stopped is back",
            }[guild.taken.action]
        case _:
            raise AssertionError(operation.name)


def _shows(guild: GuildModel, operation: Operation, answer: str) -> bool:
    shown = tuple(tags_in(answer))
    current = tags_of([guild.current]) if guild.current else ()
    if answer.startswith("Now: a track that was removed"):
        # What played was dropped between the reading of the state and of the list.
        return shown == (*current, *tags_of(guild.waiting))[:_PAGE]
    if guild.current is None:
        return False
    if operation.name == "queue":
        # The list is read after the state: what is just over and looped may be seen as what plays and at the end, too.
        read = [guild.waiting] + ([(*guild.waiting, *current)] if guild.loop == "queue" else [])
        return any(shown == (*current, *tags_of(waiting[:_PAGE])) for waiting in read)
    return shown == current and answer.startswith("Away" if guild.away else "Paused" if guild.paused else "Playing")


def _happened(guild: GuildModel, operation: Operation) -> GuildModel | None:
    """What happened in the world, as far as a worker made something of it."""
    match operation.name:
        case "stored":
            return guild if _stored(guild) == operation.shown else None
        case "ended" | "failed":
            # Each playing ends once, whatever plays the same track later.
            ended = guild.current is not None and guild.playing == operation.playing
            return guild.over(failed=operation.name == "failed") if ended else None
        case "dropped":
            return _as_shown(operation.shown, _dropped(guild, operation.tag))
        case "kicked":
            return guild.stopped() if guild.current and not guild.away else None
        case "refused":
            return replace(guild, away=True) if guild.current and not guild.away else None
        case "moved":
            return replace(guild, channel=operation.channel) if guild.current else None
        case _:
            raise AssertionError(operation.name)


def _dropped(guild: GuildModel, tag: str) -> Iterator[GuildModel]:
    if guild.current and tags_of([guild.current])[0] == tag:
        yield guild.dropped(None)
    for place, waiting in enumerate(tags_of(guild.waiting)):
        if waiting == tag:
            yield guild.dropped(place)
    for place in range(len(guild.behind) - 1, -1, -1):
        if tags_of([guild.behind[place]])[0] == tag:
            yield replace(guild, behind=(*guild.behind[:place], *guild.behind[place + 1 :]))
