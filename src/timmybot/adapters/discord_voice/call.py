"""What is done in each state of being in a voice channel: asking for it, connecting, waiting, hanging up.

Each way says what happened in the end, for the table of :mod:`~timmybot.adapters.discord_voice.machine`; it may be
called off at any moment. Or it raises ``ConnectionFailed`` or ``SignallingError``, which say the same with a reason.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

from timmybot.adapters.discord_voice.close_codes import VOID, Loss
from timmybot.adapters.discord_voice.connection import ConnectionFailed, VoiceConnection
from timmybot.adapters.discord_voice.machine import Happening
from timmybot.adapters.discord_voice.patience import Patience
from timmybot.domain.ids import ChannelId, GuildId
from timmybot.ports.clock import Clock
from timmybot.ports.voice_signalling import VoiceServer, VoiceSignalling

LISTEN_SECONDS: Final = 1.5
"""How long the gateway gets to say why the voice server hung up, before the bot asks to be let in again."""
NEXT_SERVER_SECONDS: Final = 5.0
"""How long Discord gets to name the next voice server, before the bot asks."""

Connect = Callable[[VoiceServer, Callable[[VoiceConnection, Loss], None]], VoiceConnection]


class Call:
    """One guild's. ``lost`` is called when a connection that was made breaks."""

    def __init__(
        self,
        guild_id: GuildId,
        *,
        signalling: VoiceSignalling,
        connect: Connect,
        clock: Clock,
        patience: Patience,
        lost: Callable[[VoiceConnection, Loss], None],
    ) -> None:
        self.channel_id: ChannelId | None = None
        """Where the bot is, or is being brought back to."""
        self.server: VoiceServer | None = None
        """What to connect to."""
        self.connection: VoiceConnection | None = None
        self._guild_id = guild_id
        self._signalling = signalling
        self._connect = connect
        self._clock = clock
        self._patience = patience
        self._lost = lost
        self._expected = False
        """Whether Discord has been asked for a channel, and may have the bot in it."""
        self._closing: set[asyncio.Task[None]] = set()

    @property
    def closing(self) -> frozenset[asyncio.Task[None]]:
        """Connections that are being closed."""
        return frozenset(self._closing)

    async def ask(self) -> Happening:
        await self.hang_up()
        assert self.channel_id is not None
        self._expected = True
        self.server = await self._signalling.join(self._guild_id, self.channel_id)
        self.channel_id = self.server.channel_id
        return Happening.ARRANGED

    async def ask_again(self) -> Happening:
        await self.hang_up()
        return await self.ask() if await self._have_patience() else Happening.PATIENCE_OVER

    async def open(self) -> Happening:
        await self.hang_up()
        assert self.server is not None
        self.connection = connection = self._connect(self.server, self._lost)
        await connection.open()
        return _connected(connection)

    async def resume(self) -> Happening:
        assert self.connection is not None
        if not await self._have_patience():
            return Happening.PATIENCE_OVER
        await self.connection.resume()
        return _connected(self.connection)

    async def listen(self) -> Happening:
        await self._clock.sleep(LISTEN_SECONDS)
        return Happening.NOTHING_SAID

    async def await_server(self) -> Happening:
        await self.hang_up()
        await self._clock.sleep(NEXT_SERVER_SECONDS)
        return Happening.NOTHING_SAID

    async def hang_up(self) -> None:
        """Let the connection go. Nobody waits for the server's good-bye, and nothing may cut ours short."""
        connection, self.connection = self.connection, None
        if connection is not None:
            closing = asyncio.create_task(connection.close())
            self._closing.add(closing)
            closing.add_done_callback(self._closing.discard)

    async def give_up(self) -> None:
        await self.hang_up()
        await self.say_good_bye()

    async def say_good_bye(self) -> None:
        """Tell Discord that the bot leaves, unless it knows."""
        if self._expected:
            await self._signalling.leave(self._guild_id)
            self._expected = False

    def say_nothing(self) -> None:
        """Whoever is in the channel by now is somebody else: nobody, or the bot's next worker."""
        self._expected = False

    async def _have_patience(self) -> bool:
        """Wait as long as is due before another attempt; ``False`` if there should be none."""
        if self._patience.is_over(self._clock.monotonic()):
            return False
        if pause := self._patience.pause_seconds():
            await self._clock.sleep(pause)
        return True


def _connected(connection: VoiceConnection) -> Happening:
    if not connection.is_up:  # it broke between being ready and now
        raise ConnectionFailed(connection.loss or VOID)
    return Happening.CONNECTED
