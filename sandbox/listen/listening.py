"""One listening: a member plays an input, does what was asked for, and hears what comes, until it is over."""

from __future__ import annotations

import asyncio
import signal
import time
from collections import deque
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from sandbox.discord import FakeDiscord, Guild, Member, NotOffered
from sandbox.listen.actions import RESTART, Action
from sandbox.listen.answers import Answers, milliseconds_in
from sandbox.listen.bot import Bot
from sandbox.listen.children import Children
from sandbox.listen.outcome import Outcome
from sandbox.listen.queue_file import QueueFile
from sandbox.listen.served import FileServer
from sandbox.listen.sound import heard

READY_SECONDS = 20.0
PATIENCE_SECONDS = 30.0
"""How long a first sound is waited for: longer than the bot looks at a link."""
LAST_SECONDS = 4.0
"""How long the answer to the last ``/nowplaying`` is waited for."""
TICK_SECONDS, LOOK_SECONDS = 0.02, 0.1
UNDERWAY_SECONDS = 0.1
"""How long after the end a frame of before it may still arrive."""
QUIET_SECONDS = 0.5
REASON_SECONDS = 2.0
"""How long after the queue has become empty its reason is waited for."""


@dataclass(frozen=True)
class Plan:
    """What to do: ``actions`` in their order of time, and ``seconds`` to listen from the first sound on."""

    seconds: float
    actions: tuple[Action, ...] = ()


class Listening:
    """A guild with one member, and the bot. :meth:`listen` once."""

    def __init__(self, discord: FakeDiscord, guild: Guild, server: FileServer, bot: Bot, plan: Plan) -> None:
        self._discord = discord
        self._server = server
        self._bot = bot
        self._seconds = plan.seconds
        self._todo = deque(plan.actions)
        self._guild = guild
        self._member = next(iter(guild.members.values()))
        self._queue = QueueFile(bot.database, guild.id)
        self._answers = Answers()
        self.children = Children()
        self._zero: float | None = None
        self._sound_at: float | None = None
        self._answered_at: float | None = None
        self._emptied_at: float | None = None
        self._looked_at = 0.0
        self._acting: asyncio.Task[None] | None = None
        self._silence = "Nothing was heard, and nobody was told why."
        self._whole = False

    async def listen(self, named: str, url: str) -> Outcome:
        """Play ``url``, and tell what came of it. Takes ``seconds`` and a minute at most."""
        began = time.monotonic()
        if await self._is_ready():
            await self._member.join(self._guild.voice_channel)
            began = time.monotonic()
            playing = asyncio.create_task(self._play(url))
            try:
                await self._until_over(began)
            finally:
                acting = [playing] if self._acting is None else [playing, self._acting]
                for task in acting:
                    task.cancel()
                await asyncio.gather(*acting, return_exceptions=True)
        position_ms = await self._position_ms()
        self._look(time.monotonic())
        return self._outcome(named, began, position_ms)

    async def _is_ready(self) -> bool:
        """Wait until the bot has registered its commands and stands at the gateway."""
        with suppress(TimeoutError):
            async with asyncio.timeout(READY_SECONDS):
                while self._bot.ended is None:
                    if self._guild.applications[0].commands.get(None) and self._discord.gateway.sessions:
                        return True
                    await asyncio.sleep(TICK_SECONDS)
        self._silence = f"The bot was not ready within {READY_SECONDS:.0f} s."
        return False

    async def _until_over(self, began: float) -> None:
        while self._bot.ended is None:
            now = time.monotonic()
            if now - self._looked_at >= LOOK_SECONDS:
                self._look(now)
            if self._sound_at is None:
                self._sound_at = _first_sound_at(self._member)
            if self._zero is None:
                self._zero = self._sound_at
            if self._zero is None and self._comes_to_nothing(now, began):
                if not self._may_still_sound(now, began):
                    return
                self._zero = now
            if self._zero is not None and self._act_until_over(now, self._zero):
                return
            await asyncio.sleep(TICK_SECONDS)

    def _act_until_over(self, now: float, zero: float) -> bool:
        if now - zero >= self._seconds + UNDERWAY_SECONDS:
            self._whole = True
            return True
        idle = self._acting is None or self._acting.done()
        if idle and self._todo and now - zero >= self._todo[0].at_s:
            self._acting = asyncio.create_task(self._act(self._todo.popleft()))
            return False
        nothing_left = idle and not self._todo and not self._queue.place.plays
        return nothing_left and now - _last_sound_at(self._member) > QUIET_SECONDS

    def _comes_to_nothing(self, now: float, began: float) -> bool:
        """Nothing was heard, and nothing will be by itself."""
        if now - began > PATIENCE_SECONDS:
            self._silence = f"Nothing was heard within {PATIENCE_SECONDS:.0f} s, and nobody was told why."
            return True
        if self._answered_at is None or self._queue.place.plays:
            self._emptied_at = None
            return False
        self._emptied_at = self._emptied_at or now
        return self._answers.failure is not None or now - self._emptied_at > REASON_SECONDS

    def _may_still_sound(self, now: float, began: float) -> bool:
        if now - began > PATIENCE_SECONDS:
            return bool(self._todo)
        return any(action.brings_sound for action in self._todo)

    def _look(self, now: float) -> None:
        self._looked_at = now
        self.children.look(self._bot.pid)
        self._queue.look()
        self._answers.read_channel(self._guild.text_channel.messages, now)

    async def _play(self, url: str) -> None:
        await self._say("play", {"url": url})
        self._queue.look()
        self._answered_at = time.monotonic()

    async def _act(self, action: Action) -> None:
        if action.name == RESTART:
            await self._bot.restart(signal.SIGKILL if action.options["how"] == "kill" else signal.SIGTERM)
            return
        options = dict(action.options)
        if action.name == "play" and "://" not in str(options["url"]):
            options["url"] = self._server.add(Path(str(options["url"])))
        await self._say(action.name, options)

    async def _say(self, command: str, options: Mapping[str, object]) -> None:
        try:
            shown = await self._member.command(command, **options)
        except NotOffered as error:
            self._answers.note(time.monotonic(), str(error))
            return
        self._answers.follow(command, shown)
        if shown.failed:
            self._answers.note(time.monotonic(), shown.failed, of_track=command == "play")

    async def _position_ms(self) -> int | None:
        """What ``/nowplaying`` says, to the millisecond where the bot's own record has the same second."""
        if self._bot.pid is None:
            return self._queue.look().position_ms
        said = None
        with suppress(TimeoutError, NotOffered):
            async with asyncio.timeout(LAST_SECONDS):
                shown = await self._member.command("nowplaying")
                said = milliseconds_in(shown.content)
                if said is None and not self._answers.failure and self._sound_at is None and shown.content:
                    self._silence = f"{self._silence} /nowplaying says: {shown.content}"
        stored = self._queue.look().position_ms
        return stored if said is not None and stored is not None and said // 1000 == stored // 1000 else said

    def _outcome(self, named: str, began: float, position_ms: int | None) -> Outcome:
        by_sound = self._zero is not None and self._zero == self._sound_at
        track = self._queue.track
        return Outcome(
            input=named,
            zero=began if self._zero is None else self._zero,
            heard=heard(
                self._member.ear.packets, self._seconds if self._whole else None, zero=None if by_sound else self._zero
            ),
            answers=tuple(self._answers.all),
            title=track.title if track else None,
            length_ms=track.duration_ms if track else None,
            position_ms=position_ms,
            failure=self._answers.failure,
            worker_pids=tuple(self._bot.pids),
            worker_ended=self._bot.ended,
            children=tuple(replace(child) for child in self.children.seen),
            silence=self._silence,
        )


def _first_sound_at(member: Member) -> float | None:
    packets = (packet for hearing in member.ear.speakers.values() for packet in hearing.packets)
    return next((packet.at for packet in packets if not packet.is_silence), None)


def _last_sound_at(member: Member) -> float:
    return max((hearing.packets[-1].at for hearing in member.ear.speakers.values() if hearing.packets), default=0.0)
