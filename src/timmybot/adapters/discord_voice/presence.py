"""Being in a guild's voice channel: joining it, and mending the connection for as long as the guild is to be there.

At most one thing mends at a time, and news supersede it: a kick ends it, another server restarts it. While it mends,
the lane carries nothing, so nothing is read from the stream: the music goes on where it was.
"""

from __future__ import annotations

import asyncio
import logging
import random as random_module
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Final

from timmybot.adapters.discord_voice.close_codes import Next, Remedy, after_close
from timmybot.adapters.discord_voice.connection import ConnectionFailed, VoiceConnection
from timmybot.adapters.discord_voice.rtp import PacketStream
from timmybot.domain.ids import ChannelId, GuildId
from timmybot.ports.clock import Clock
from timmybot.ports.voice import VoiceError
from timmybot.ports.voice_signalling import (
    Kicked,
    ServerChanged,
    ServerGone,
    SignallingError,
    VoiceEvent,
    VoiceServer,
    VoiceSignalling,
)

log = logging.getLogger(__name__)

JOIN_ATTEMPTS: Final = 3
MEND_ATTEMPTS: Final = 6
"""With the back-off below, about half a minute: longer than a voice region's change, shorter than patience."""
_FIRST_BACKOFF_SECONDS: Final = 0.5
_LONGEST_BACKOFF_SECONDS: Final = 16.0
LISTEN_SECONDS: Final = 1.5
"""How long the gateway gets to say why the voice server hung up, before the bot asks to be let in again."""
NEXT_SERVER_SECONDS: Final = 10.0
"""How long Discord gets to name the next voice server, before the bot asks."""

Connect = Callable[[VoiceServer, Callable[[VoiceConnection, int | None], None]], VoiceConnection]


class Presence:
    """``carry`` is told where sound goes, or ``None``; ``changed`` that ``channel_id``, ``trouble`` or ``kicked`` did.

    ``changed`` is not called for what :meth:`join` and :meth:`leave` did.
    """

    def __init__(
        self,
        guild_id: GuildId,
        *,
        signalling: VoiceSignalling,
        connect: Connect,
        clock: Clock,
        random: random_module.Random,
        carry: Callable[[PacketStream | None], None],
        changed: Callable[[], None],
    ) -> None:
        self.channel_id: ChannelId | None = None
        """Where the bot is, or is being brought back to."""
        self.trouble: str | None = None
        self.kicked = False
        self.moved = False
        """Whether somebody else brought the bot to ``channel_id``; joining it accepts that."""
        self._guild_id = guild_id
        self._signalling = signalling
        self._connect = connect
        self._clock = clock
        self._random = random
        self._carry = carry
        self._changed = changed
        self._connection: VoiceConnection | None = None
        self._mending: asyncio.Task[None] | None = None
        self._lock = asyncio.Lock()
        self._unsubscribe: Callable[[], None] = lambda: None

    async def join(self, channel_id: ChannelId) -> None:
        """Be connected to the channel. Raises ``VoiceError``."""
        await self._stop_mending()
        async with self._lock:
            self.moved = False
            if self.channel_id == channel_id and self._connection is not None and self._connection.is_up:
                return
            self.trouble, self.kicked = None, False
            self._subscribe()
            try:
                await self._enter(channel_id, attempts=JOIN_ATTEMPTS, patient=False)
            except (SignallingError, ConnectionFailed) as error:
                await self._drop()
                await self._signalling.leave(self._guild_id)
                raise VoiceError(str(error)) from error
            except asyncio.CancelledError:
                await self._drop()
                raise

    async def leave(self) -> None:
        """Disconnect, and tell Discord."""
        await self._stop_mending()
        async with self._lock:
            if self.channel_id is not None:
                await self._drop()
                await self._signalling.leave(self._guild_id)
            self.trouble, self.kicked, self.moved = None, False, False

    async def close(self) -> None:
        """Let the connection go without telling Discord: a successor takes the call over."""
        await self._stop_mending()
        async with self._lock:
            await self._drop()

    # -- the connection ------------------------------------------------------------------------------------------

    async def _enter(self, channel_id: ChannelId, *, attempts: int, patient: bool) -> None:
        """Arrange a connection and make it. ``patient`` retries refusals of the gateway, too."""
        for attempt in range(attempts):
            last = attempt == attempts - 1
            try:
                await self._hang_up()
                await self._open(await self._signalling.join(self._guild_id, channel_id))
            except SignallingError:
                if last or not patient:
                    raise
            except ConnectionFailed as failed:
                if last or failed.remedy.next is Next.GIVE_UP:
                    raise
            else:
                return
            backoff = min(_LONGEST_BACKOFF_SECONDS, _FIRST_BACKOFF_SECONDS * 2**attempt)
            await self._clock.sleep(self._random.uniform(backoff / 2, backoff))

    async def _open(self, server: VoiceServer) -> None:
        connection = self._connect(server, self._lost)
        await connection.open()
        self._connection, self.channel_id = connection, server.channel_id
        if not connection.is_up:
            raise ConnectionFailed(Remedy(Next.REJOIN))
        self._carry(connection.packets)

    async def _hang_up(self) -> None:
        self._carry(None)
        connection, self._connection = self._connection, None
        if connection is not None:
            await connection.close()

    async def _drop(self) -> None:
        self._unsubscribe()
        self._unsubscribe = lambda: None
        self.channel_id = None
        await self._hang_up()

    # -- mending -------------------------------------------------------------------------------------------------

    def _subscribe(self) -> None:
        self._unsubscribe()
        self._unsubscribe = self._signalling.subscribe(self._guild_id, self._hear)

    def _hear(self, event: VoiceEvent) -> None:
        match event:
            case Kicked():
                self._mend(self._be_kicked)
            case ServerGone():
                self._mend(self._await_next_server)
            case ServerChanged(server):
                if self.channel_id not in (None, server.channel_id):
                    self.channel_id, self.moved = server.channel_id, True
                connection = self._connection
                if connection is not None and connection.is_up and _same_call(connection.server, server):
                    self._changed()
                else:
                    self._mend(partial(self._follow, server))

    def _lost(self, connection: VoiceConnection, code: int | None) -> None:
        # What is being mended is not lost anew: whoever mends sees for themselves whether the result is up.
        mending = self._mending is not None and not self._mending.done()
        if connection is self._connection and not mending:
            self._mend(partial(self._heal, connection, after_close(code)))

    def _mend(self, work: Callable[[], Awaitable[None]]) -> None:
        previous = self._mending
        self._mending = asyncio.create_task(self._supersede(previous, work))
        if previous is not None:
            previous.cancel()

    async def _supersede(self, previous: asyncio.Task[None] | None, work: Callable[[], Awaitable[None]]) -> None:
        if previous is not None:
            await asyncio.gather(previous, return_exceptions=True)
        async with self._lock:
            try:
                await work()
            except (SignallingError, ConnectionFailed) as error:
                await self._give_up(str(error))

    async def _stop_mending(self) -> None:
        task, self._mending = self._mending, None
        if task is not None:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def _heal(self, connection: VoiceConnection, remedy: Remedy) -> None:
        if connection is not self._connection:
            return
        self._carry(None)
        if remedy.next is Next.RESUME:
            try:
                await connection.resume()
            except ConnectionFailed as failed:
                remedy = failed.remedy
            else:
                if connection.is_up:
                    self._carry(connection.packets)
                    return
        if remedy.next is Next.GIVE_UP:
            raise ConnectionFailed(remedy)
        if remedy.next is Next.LISTEN_THEN_REJOIN:
            await self._clock.sleep(LISTEN_SECONDS)
        await self._re_enter()

    async def _follow(self, server: VoiceServer) -> None:
        await self._hang_up()
        try:
            await self._open(server)
        except ConnectionFailed as failed:
            if failed.remedy.next is Next.GIVE_UP:
                raise
            await self._re_enter()
        self._changed()

    async def _await_next_server(self) -> None:
        await self._hang_up()
        await self._clock.sleep(NEXT_SERVER_SECONDS)
        await self._re_enter()

    async def _re_enter(self) -> None:
        if self.channel_id is not None:
            await self._enter(self.channel_id, attempts=MEND_ATTEMPTS, patient=True)

    async def _be_kicked(self) -> None:
        await self._drop()
        self.kicked = True
        self._changed()

    async def _give_up(self, sentence: str) -> None:
        log.warning("guild %d: gave the voice connection up: %s", self._guild_id, sentence)
        await self._drop()
        await self._signalling.leave(self._guild_id)
        self.trouble = sentence
        self._changed()


def _same_call(one: VoiceServer, other: VoiceServer) -> bool:
    return (one.endpoint, one.token, one.session_id) == (other.endpoint, other.token, other.session_id)
