"""One shard's connection to the gateway, kept up until it is closed or Discord refuses it for good."""

from __future__ import annotations

import asyncio
import errno
import json
import logging
import random as random_module
import socket
from collections.abc import Awaitable, Callable
from typing import Final

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, WebSocketException

from timmybot.adapters.discord_gateway.close_codes import RESUMABLE_CLOSE, Next, after_close
from timmybot.adapters.discord_gateway.identify_gate import IdentifyGate
from timmybot.adapters.discord_gateway.resume_url import is_trusted
from timmybot.adapters.discord_gateway.send_window import SendWindow
from timmybot.adapters.discord_gateway.session import (
    Abandon,
    Acknowledged,
    AskToIdentify,
    Dispatched,
    Frame,
    Op,
    Send,
    Session,
    StartBeating,
    Up,
)
from timmybot.domain.ids import ShardId
from timmybot.ports.clock import Clock
from timmybot.ports.discord import DiscordAway
from timmybot.ports.shard_sessions import GatewayRefused

log = logging.getLogger(__name__)

_frames_log = logging.getLogger(f"{__name__}.frames")
_frames_log.setLevel(logging.WARNING)  # at DEBUG the library would write every frame, and with them our secrets

_QUERY: Final = "?v=10&encoding=json"
_CONNECT_SECONDS: Final = 10.0
_FRAME_BYTES: Final = 64 * 1024 * 1024
"""GUILD_CREATE of a large guild is megabytes; what is longer than this is not Discord's."""
_CLOSE_SECONDS: Final = 1.0
"""How long a close waits for Discord's own close frame. Nothing depends on it, and a draining worker is in a hurry."""
_ASK_AGAIN_SECONDS: Final = 0.5
_FIRST_BACKOFF_SECONDS: Final = 1.0
_LONGEST_BACKOFF_SECONDS: Final = 60.0
_MOST_BROKEN_RESUMES: Final = 3
"""Discord's servers may break off every RESUME of a session for a minute and a half (api-docs #1619)."""
_LONGEST_AWAY_SECONDS: Final = 5.0
"""Where nothing answers, nobody is burdened, and the music is to sound again soon after the network is back."""
_UNREACHED: Final = (errno.ENETUNREACH, errno.EHOSTUNREACH, errno.ENETDOWN, errno.EADDRNOTAVAIL)
_INVALID_SESSION_PAUSE: Final = (1.0, 5.0)
"""Source: Discord, Gateway, "Resuming": after an invalid session, wait a random 1 to 5 seconds."""


class ShardConnection:
    """Runs ``session`` over one websocket after another. ``heard`` is called for every event, in order.

    Discord lets whoever resumed last have the session. So that a worker which is no longer the shard's owner does not
    take it back from its successor, a lost connection is only made again while ``may_reconnect``.
    """

    def __init__(
        self,
        shard_id: ShardId,
        session: Session,
        *,
        gateway_url: Callable[[], Awaitable[str]],
        gate: IdentifyGate,
        clock: Clock,
        random: random_module.Random,
        heard: Callable[[Dispatched], None],
        may_reconnect: Callable[[], bool] = lambda: True,
    ) -> None:
        self.session = session
        self.up = asyncio.Event()
        """Set while the session is ready."""
        self._shard_id = shard_id
        self._gateway_url = gateway_url
        self._gate = gate
        self._clock = clock
        self._random = random
        self._heard = heard
        self._may_reconnect = may_reconnect
        self._refusal: GatewayRefused | None = None
        self._window = SendWindow()
        self._sending = asyncio.Lock()
        self._websocket: ClientConnection | None = None
        self._failures = 0
        self._broken_resumes = 0
        """Connections in a row that broke between a RESUME and its answer."""
        self._pause = False
        self._away = False
        """Whether nothing answered at all at the last attempt."""
        self._acknowledged = asyncio.Event()
        """Set with each acknowledged heartbeat."""

    async def run(self) -> None:
        """Keep the session up. Raises :class:`GatewayRefused`; otherwise ends only by cancellation, resumably."""
        while True:
            try:
                code = await self._one_connection()
            except (OSError, WebSocketException, DiscordAway) as error:
                self._away = _is_unreached(error)
                log.warning("shard %d: no connection to the gateway (%s)", self._shard_id, type(error).__name__)
                code = None
            except Exception:  # whatever went wrong, the shard's guilds need their session back
                log.exception("shard %d: the gateway connection failed", self._shard_id)
                code = None
            if self._refusal is not None:
                raise self._refusal
            remedy = after_close(code)
            if remedy.next is Next.GIVE_UP:
                raise GatewayRefused(remedy.sentence)
            if remedy.next is Next.IDENTIFY or self._broken_resumes >= _MOST_BROKEN_RESUMES:
                self._broken_resumes = 0
                self.session.forget()
            self._failures += 1
            log.info("shard %d: gateway closed (%s), %s", self._shard_id, code, remedy.next.value)
            await self._clock.sleep(self._seconds_before_reconnect())
            while not self._may_reconnect():
                await self._clock.sleep(_ASK_AGAIN_SECONDS)

    async def send(self, frame: Frame) -> None:
        """Send a frame that is no heartbeat, when the send window allows. Raises ``ConnectionError`` if not up."""
        await self._send(Send(frame))

    async def has_answered(self, within_seconds: float) -> bool:
        """Whether Discord has taken in what was sent so far, as the answer to another heartbeat tells.

        Without one the connection is given up, to be resumed: what lies in it would arrive at an odd time.
        """
        websocket = self._websocket
        if websocket is None or not self.up.is_set():
            return False
        self._acknowledged.clear()
        try:
            async with asyncio.timeout(within_seconds):
                await self._send(self.session.extra_beat())
                await self._acknowledged.wait()
        except ConnectionError:
            return False
        except TimeoutError:
            log.warning("shard %d: the gateway does not answer; reconnecting", self._shard_id)
            await websocket.close(RESUMABLE_CLOSE)
            return False
        return True

    def _seconds_before_reconnect(self) -> float:
        if self._pause:
            self._pause = False
            return self._random.uniform(*_INVALID_SESSION_PAUSE)
        if self._failures <= 1:  # the first reconnect is at once but for jitter: music may depend on it
            return self._random.uniform(0.0, 0.25)
        longest = _LONGEST_AWAY_SECONDS if self._away else _LONGEST_BACKOFF_SECONDS
        ceiling = min(longest, _FIRST_BACKOFF_SECONDS * 2 ** min(self._failures - 2, 10))
        return self._random.uniform(ceiling / 2, ceiling)

    async def _one_connection(self) -> int | None:
        """Connect and stay connected. Returns the code that Discord closed with, or ``None``."""
        websocket = await connect(
            await self._url(),
            open_timeout=_CONNECT_SECONDS,
            close_timeout=_CLOSE_SECONDS,
            logger=_frames_log,
            ping_interval=None,  # Discord has heartbeats of its own
            max_size=_FRAME_BYTES,
            proxy=None,
        )
        self._websocket, self._window, self._away = websocket, SendWindow(), False
        self.session.connected()
        is_resuming = False
        attendants: set[asyncio.Task[None]] = set()
        try:
            async for message in websocket:
                for outcome in self.session.receive(message):
                    match outcome:
                        case Send():
                            is_resuming = is_resuming or outcome.frame["op"] == Op.RESUME
                            await self._send(outcome)
                        case StartBeating(interval):
                            attendants.add(asyncio.create_task(self._beat(websocket, interval)))
                        case AskToIdentify():
                            attendants.add(asyncio.create_task(self._identify(websocket)))
                        case Up():
                            self._failures = self._broken_resumes = 0
                            is_resuming = False
                            self.up.set()
                            log.info("shard %d: %s", self._shard_id, "resumed" if outcome.resumed else "ready")
                        case Dispatched():
                            self._tell(outcome)
                        case Acknowledged():
                            self._acknowledged.set()
                        case Abandon(pause):
                            self._pause = pause
                            return None
        except ConnectionClosed:
            pass
        finally:
            self._broken_resumes += is_resuming
            self.up.clear()
            self._websocket = None
            for task in attendants:
                task.cancel()
            await asyncio.gather(*attendants, return_exceptions=True)
            await websocket.close(RESUMABLE_CLOSE)
        return _code_of_peer(websocket)

    async def _url(self) -> str:
        gateway_url = await self._gateway_url()
        resume = self.session.resumable
        url = gateway_url
        # A resume URL that cannot be reached must not keep the shard down: the second attempt asks at the front.
        if resume is not None and self._failures <= 1:
            if is_trusted(resume.resume_url, gateway_url):
                url = resume.resume_url
            else:
                log.warning("shard %d: the session's resume URL is not Discord's; not using it", self._shard_id)
        return f"{url.split('?')[0].rstrip('/')}/{_QUERY}"

    def _tell(self, event: Dispatched) -> None:
        try:
            self._heard(event)
        except Exception:  # one event we cannot read must not cost the session
            log.exception("shard %d: could not take in a %s", self._shard_id, event.name)

    async def _send(self, send: Send) -> None:
        if send.heartbeat:
            await self._write(send.frame)
            return
        async with self._sending:
            while wait := self._window.seconds_until_free(self._clock.monotonic()):
                await self._clock.sleep(wait)
            await self._write(send.frame)

    async def _write(self, frame: Frame) -> None:
        if self._websocket is None:
            raise ConnectionError("the gateway connection is not up")
        self._window.sent(self._clock.monotonic())
        try:
            await self._websocket.send(json.dumps(frame))
        except ConnectionClosed as error:
            raise ConnectionError("the gateway connection was lost") from error

    async def _beat(self, websocket: ClientConnection, interval_seconds: float) -> None:
        await self._clock.sleep(interval_seconds * self._random.random())
        while isinstance(beat := self.session.beat(), Send):
            try:
                await self._send(beat)
            except ConnectionError:
                return
            await self._clock.sleep(interval_seconds)
        log.warning("shard %d: a heartbeat was not answered; reconnecting", self._shard_id)
        await websocket.close(RESUMABLE_CLOSE)

    async def _identify(self, websocket: ClientConnection) -> None:
        try:
            await self._gate.pass_through(self._shard_id)
            await self._send(self.session.identify())
        except GatewayRefused as refusal:
            self._refusal = refusal
            await websocket.close(RESUMABLE_CLOSE)
        except Exception as error:  # a budget that cannot be asked is not a budget that may be passed over
            log.warning("shard %d: could not identify (%s)", self._shard_id, type(error).__name__)
            await websocket.close(RESUMABLE_CLOSE)


def _is_unreached(error: Exception) -> bool:
    """Whether there was no answer, as opposed to one that refuses."""
    if isinstance(error, DiscordAway | TimeoutError | socket.gaierror):
        return True
    return isinstance(error, OSError) and error.errno in _UNREACHED


def _code_of_peer(websocket: ClientConnection) -> int | None:
    """The code that Discord closed with; ``None`` if we closed first (it then only echoes) or nobody closed."""
    close = websocket.protocol.close_rcvd
    return close.code if close is not None and websocket.protocol.close_rcvd_then_sent else None
