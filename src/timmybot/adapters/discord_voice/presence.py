"""Being in a guild's voice channel: runs the table of :mod:`~timmybot.adapters.discord_voice.machine`.

A state's work runs as one task; whatever happens next ends it. While the state is not UP, the lane carries nothing, so
nothing is read from the stream: the music goes on where it was.
"""

from __future__ import annotations

import asyncio
import logging
import random as random_module
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Final

from timmybot.adapters.discord_voice.call import Call, Connect
from timmybot.adapters.discord_voice.close_codes import Loss
from timmybot.adapters.discord_voice.connection import ConnectionFailed, VoiceConnection
from timmybot.adapters.discord_voice.machine import LASTING, Happening, State, after
from timmybot.adapters.discord_voice.patience import Patience
from timmybot.adapters.discord_voice.rtp import PacketStream
from timmybot.domain.ids import ChannelId, GuildId
from timmybot.ports.clock import Clock
from timmybot.ports.voice import VoiceError
from timmybot.ports.voice_signalling import (
    ChannelGone,
    InAudience,
    Kicked,
    MayNotSpeak,
    Muted,
    ServerChanged,
    ServerGone,
    SessionRenewed,
    SignallingError,
    VoiceEvent,
    VoiceServer,
    VoiceSignalling,
)

log = logging.getLogger(__name__)

_STEPS_KEPT: Final = 64

Work = Callable[[Call], Awaitable[Happening | None]]

_OVER: Final = (State.OUT, State.KICKED, State.REFUSED)
_SETTLED: Final = (*_OVER, State.UP)
_CONNECTING: Final = (State.CONNECTING, State.FOLLOWING, State.RESUMING)
_WHILE_AWAY: Final = (Happening.NOT_ARRANGED, Happening.PATIENCE_OVER)

_WORK: Final[dict[State, Work]] = {
    State.OUT: Call.hang_up,
    State.JOINING: Call.ask,
    State.CONNECTING: Call.open,
    State.RESUMING: Call.resume,
    State.LISTENING: Call.listen,
    State.WAITING: Call.await_server,
    State.FOLLOWING: Call.open,
    State.REJOINING: Call.ask_again,
    State.KICKED: Call.hang_up,
    State.REFUSED: Call.give_up,
}


class Presence:
    """``carry`` is told where sound goes, or ``None``; ``changed`` that something a status shows did change;
    ``tell`` what the text channel should hear.

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
        tell: Callable[[str], None] = lambda _: None,
    ) -> None:
        self.state = State.OUT
        self.trouble: str | None = None
        """Why the bot is not in a channel any more, if that is nothing the guild asked for."""
        self.lasting = False
        """Whether ``trouble`` stays until somebody changes something."""
        self.away = False
        """Whether ``trouble`` is that Discord cannot be reached."""
        self.moved = False
        """Whether somebody else brought the bot to ``channel_id``; joining it accepts that."""
        self.turned_away = 0
        """Connections that the voice server closed for good."""
        self.steps: deque[tuple[State, Happening, State]] = deque(maxlen=_STEPS_KEPT)
        """The last steps through the table."""
        self._guild_id = guild_id
        self._signalling = signalling
        self._clock = clock
        self._carry = carry
        self._changed = changed
        self._tell = tell
        self._patience = Patience(random)
        self._call = Call(
            guild_id, signalling=signalling, connect=connect, clock=clock, patience=self._patience, lost=self._lost
        )
        self._work: asyncio.Task[None] | None = None
        self._reminder: asyncio.Task[None] | None = None
        self._turned = asyncio.Event()
        self._joining = False
        self._up_at = 0.0
        self._sentence = ""
        """What last went wrong."""
        self._unsubscribe: Callable[[], None] = lambda: None

    @property
    def channel_id(self) -> ChannelId | None:
        """Where the bot is, or is being brought back to."""
        return self._call.channel_id

    @property
    def kicked(self) -> bool:
        return self.state is State.KICKED

    @property
    def given_up(self) -> bool:
        return self.state is State.REFUSED

    @property
    def is_mending(self) -> bool:
        return self.state not in _SETTLED

    @property
    def connected_seconds(self) -> float:
        """For how long the connection has been up without a break."""
        return self._clock.monotonic() - self._up_at if self.state is State.UP else 0.0

    def others(self) -> int | None:
        """How many others are in the channel; ``None`` if that is not known."""
        if self.channel_id is None or self.state is not State.UP:
            return None
        count = self._signalling.others_in(self._guild_id, self.channel_id)
        if count is None and self._call.connection is not None:
            return len(self._call.connection.others)
        return count

    async def join(self, channel_id: ChannelId) -> None:
        """Be connected to the channel. Raises ``VoiceError``."""
        self.moved = False
        if self.channel_id == channel_id and self.state not in (*_OVER, State.JOINING):
            return  # it is there, or is being brought back
        self._call.channel_id, self.trouble = channel_id, None
        self._patience.begin(self._clock.monotonic())
        self._subscribe()
        self._joining = True
        try:
            self._happens(Happening.ASKED)
            await self._settled()
        except asyncio.CancelledError:
            if self.state is not State.UP:
                self._happens(Happening.LEFT)
            raise
        finally:
            self._joining = False
        if self.state is State.REFUSED:
            refusal = VoiceError(self.trouble or "", lasting=self.lasting, away=self.away)
            await self.leave()
            raise refusal
        self._patience.answered()

    async def leave(self) -> None:
        """Disconnect, and tell Discord."""
        if self.state in _OVER:
            await self._worked()
        self._happens(Happening.LEFT)
        await self._worked()
        self.trouble, self.moved = None, False
        await self._call.say_good_bye()

    async def close(self) -> None:
        """Let the connection go without telling Discord: a successor takes the call over."""
        self._call.say_nothing()
        self._happens(Happening.LEFT)
        await self._worked()
        self.trouble, self.moved = None, False

    def reconnect(self) -> None:
        """Make the connection anew: it is up, and yet nothing goes out."""
        self._sentence = "Nothing went out over the connection to Discord's voice server."
        self._happens(Happening.STUCK)

    # -- what happens --------------------------------------------------------------------------------------------

    def _subscribe(self) -> None:
        self._unsubscribe()
        self._unsubscribe = self._signalling.subscribe(self._guild_id, self._hear)

    def _hear(self, event: VoiceEvent) -> None:
        match event:
            case Kicked():
                self._sentence = "I was disconnected from the voice channel, so I stopped."
                self._happens(Happening.THROWN_OUT)
            case ChannelGone():
                self._sentence = "The voice channel was deleted, so I stopped."
                self._happens(Happening.CHANNEL_GONE)
            case MayNotSpeak(sentence):
                self._sentence = sentence
                self._happens(Happening.MUZZLED)
            case InAudience(sentence) | Muted(sentence):
                self._tell(sentence)
            case ServerGone():
                self._happens(Happening.SERVER_GONE)
            case SessionRenewed():
                self._happens(Happening.SESSION_NEW)
            case ServerChanged(server):
                self._be_sent_to(server)

    def _be_sent_to(self, server: VoiceServer) -> None:
        connection = self._call.connection
        if self.channel_id not in (None, server.channel_id):
            self._call.channel_id, self.moved = server.channel_id, True
        if self.state is State.UP and connection is not None and _same_call(connection.server, server):
            self._changed()  # what to connect to is still to come
            return
        self._call.server = server
        self._happens(Happening.MOVED if self.moved else Happening.SERVER_NAMED)

    def _lost(self, connection: VoiceConnection, loss: Loss) -> None:
        # While one is being made, whoever makes it sees for themselves whether the result is up.
        if connection is self._call.connection and self.state is State.UP:
            self._sentence = loss.sentence
            self._happens(loss.happening)

    def _happens(self, happening: Happening) -> None:
        then = after(self.state, happening)
        if then is None:
            log.debug("guild %d: %s means nothing while %s", self._guild_id, happening.name, self.state.name)
            return
        log.info("guild %d: voice: %s, %s: %s", self._guild_id, self.state.name, happening.name, then.name)
        self.steps.append((self.state, happening, then))
        self.turned_away += happening is Happening.TURNED_AWAY
        self.lasting = happening in LASTING
        self.away = self.away and happening in _WHILE_AWAY
        self._enter(then)

    def _enter(self, state: State) -> None:
        self.state = state
        now = self._clock.monotonic()
        if state is State.UP:
            self._up_at = now
            self._patience.up(now)
            self._remind(None)
            assert self._call.connection is not None
            self._carry(self._call.connection.packets)
        else:
            self._carry(None)
            if state in _OVER:
                self._end(state)
            else:
                self._patience.lost(now)
                self._remind(self._patience.seconds_to_tell(now))
            self._start(_WORK[state])
        self._turned.set()
        if state in _SETTLED and state is not State.OUT and not self._joining:
            self._changed()

    def _end(self, state: State) -> None:
        self._remind(None)
        self._unsubscribe()
        self._unsubscribe = lambda: None
        self._call.channel_id = None
        if state is State.KICKED:
            self._call.say_nothing()
        if state is not State.OUT:
            self.trouble = self._sentence

    # -- the work of each state ----------------------------------------------------------------------------------

    def _start(self, work: Work) -> None:
        previous = self._work
        self._work = asyncio.create_task(self._do(previous, work), name=f"voice of guild {self._guild_id}")
        if previous is not None and previous is not asyncio.current_task():
            previous.cancel()

    async def _do(self, previous: asyncio.Task[None] | None, work: Work) -> None:
        if previous is not None:
            await asyncio.gather(previous, return_exceptions=True)
        try:
            happening = await work(self._call)
        except SignallingError as error:
            self._sentence, self.away = str(error), error.away
            happening = Happening.BARRED if error.lasting else Happening.NOT_ARRANGED
        except ConnectionFailed as failed:
            self._sentence = str(failed)
            happening = failed.loss.happening
        except Exception:  # a bug of ours must not end in silence
            log.exception("guild %d: voice failed while %s", self._guild_id, self.state.name)
            self._sentence = "Something went wrong in me while I connected."
            happening = Happening.VOID if self.state in _CONNECTING else Happening.NOT_ARRANGED
        if happening is not None:
            self._happens(happening)

    # -- waiting and telling -------------------------------------------------------------------------------------

    async def _settled(self) -> None:
        """Wait until it is up or over, and still is after what the event loop has in line: a loss may be there already.

        Without that look the order of two tasks decides, and Python 3.12 has another one than 3.11.
        """
        while True:
            while self.state not in _SETTLED:
                self._turned.clear()
                await self._turned.wait()
            await asyncio.sleep(0)
            if self.state in _SETTLED:
                return

    async def _worked(self) -> None:
        """Whoever waits may be called off; what they wait for goes on."""
        if under_way := self._call.closing | ({self._work} if self._work is not None else set()):
            await asyncio.wait(under_way)

    def _remind(self, seconds: float | None) -> None:
        """Tell the channel in so many seconds, if it is not up by then."""
        if self._reminder is not None:
            self._reminder.cancel()
        self._reminder = None if seconds is None else asyncio.create_task(self._tell_later(seconds))

    async def _tell_later(self, seconds: float) -> None:
        await self._clock.sleep(seconds)
        self._patience.told()
        self._tell(f"{self._sentence or 'I lost the voice connection.'} I keep trying to come back.")


def _same_call(one: VoiceServer, other: VoiceServer) -> bool:
    return (one.endpoint, one.token, one.session_id) == (other.endpoint, other.token, other.session_id)
