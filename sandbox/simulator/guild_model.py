"""One guild as its members understand it: the sequential model that every history has to be explained by.

Nothing here is shared with the shipped domain: this is what the commands mean, said a second time and as simply as
possible.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from sandbox.simulator.catalogue import tags_in
from sandbox.simulator.record import Operation, Stored

_UNKNOWN = ("I could not reach my memory",)
"""Answers after which a command may or may not have taken effect, now or later."""
_NEVER = ("Discord did not tell me",)
"""Answers of commands that took no effect."""
_PAGE = 10


@dataclass(frozen=True)
class GuildModel:
    current: str | None = None
    waiting: tuple[str, ...] = ()
    paused: bool = False
    channel: int | None = None
    done: frozenset[int] = frozenset()
    """The commands that took effect."""

    def started(self, tag: str | None) -> GuildModel:
        if tag is None:
            return GuildModel(done=self.done)
        return replace(self, current=tag, waiting=self.waiting[1:], paused=False)

    def next(self) -> GuildModel:
        return self.started(self.waiting[0] if self.waiting else None)


def is_unknown(operation: Operation) -> bool:
    """Whether nobody was told what became of it. What merely happened in the world may never have an effect."""
    if operation.name == "stored":
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
    if number in guild.done:
        return guild if answer is None or answer.startswith("Done already") else None
    outcome, words = _commanded(guild, operation)
    if answer is not None and not words.match(answer):
        # Someone else was faster than this skip: it ends nothing.
        return guild if operation.name == "skip" and answer.startswith("That one was already") else None
    if answer is not None and operation.name in ("queue", "nowplaying") and not _shows(guild, operation, answer):
        return None
    return guild if outcome is None else replace(outcome, done=guild.done | {number})


_NOTHING = re.compile("Nothing is playing")
_ANY = re.compile("(?!Done already|Nothing is playing)")


def _commanded(guild: GuildModel, operation: Operation) -> tuple[GuildModel | None, re.Pattern[str]]:
    """The guild after the command (``None`` if it changes nothing), and what its answer must look like."""
    if operation.name == "play":
        return _play(guild, operation)
    if guild.current is None:
        return None, _NOTHING
    match operation.name:
        case "skip":
            words = rf"Skipped.*{guild.waiting[0]}\b" if guild.waiting else "Skipped.*(empty|over)"
            return guild.next(), re.compile(words)
        case "pause":
            return replace(guild, paused=True), _ANY
        case "resume":
            return replace(guild, paused=False), _ANY
        case "stop":
            return guild.started(None), _ANY
        case _:
            return None, _ANY


def _play(guild: GuildModel, operation: Operation) -> tuple[GuildModel | None, re.Pattern[str]]:
    tag = operation.tag
    if guild.current is None:
        started = replace(guild, current=tag, waiting=(), paused=False, channel=operation.channel)
        return started, re.compile(rf"Starting.*{tag}\b")
    if guild.channel != operation.channel:
        return None, re.compile(rf"I am playing in <#{guild.channel}>")
    waiting = (*guild.waiting, tag)
    return replace(guild, waiting=waiting), re.compile(rf"Queued.* {len(waiting)}\b.*{tag}\b")


def _shows(guild: GuildModel, operation: Operation, answer: str) -> bool:
    if guild.current is None:
        return True
    shown = tags_in(answer)
    if operation.name == "queue":
        return shown == [guild.current, *guild.waiting[:_PAGE]]
    return shown == [guild.current] and answer.startswith("Paused") == guild.paused


def _happened(guild: GuildModel, operation: Operation) -> GuildModel | None:
    """What happened in the world, as far as a worker made something of it."""
    tag = operation.tag
    match operation.name:
        case "stored":
            seen = Stored(guild.current, guild.waiting, guild.paused, guild.channel)
            return guild if seen == operation.stored else None
        case "ended":
            return guild.next() if guild.current == tag else None
        case "leads nowhere":
            if guild.current == tag:
                return guild.next()
            return replace(guild, waiting=tuple(each for each in guild.waiting if each != tag))
        case "kicked" | "refused":
            return guild.started(None) if guild.current else None
        case "moved":
            return replace(guild, channel=operation.channel) if guild.current else None
        case _:
            raise AssertionError(operation.name)
