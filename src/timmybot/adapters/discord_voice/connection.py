"""One voice connection: a websocket for control and a UDP socket for sound."""

from __future__ import annotations

import asyncio
import json
import logging
import random as random_module
import re
import socket
import ssl
from collections.abc import Callable
from contextlib import suppress
from typing import Final

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, WebSocketException

from timmybot.adapters.discord_voice.ciphers import NoCommonMode, choose
from timmybot.adapters.discord_voice.close_codes import Loss, after_close
from timmybot.adapters.discord_voice.dave import Way
from timmybot.adapters.discord_voice.discovery import DiscoveryFailed, discover
from timmybot.adapters.discord_voice.frames import Send, SendBinary
from timmybot.adapters.discord_voice.machine import Happening
from timmybot.adapters.discord_voice.rtp import SILENCE, PacketStream, Sender
from timmybot.adapters.discord_voice.session import NONSENSE, Described, Discover, Resumed, Session, StartBeating
from timmybot.ports.clock import Clock
from timmybot.ports.voice_signalling import VoiceServer

log = logging.getLogger(__name__)

_frames_log = logging.getLogger(f"{__name__}.frames")
_frames_log.setLevel(logging.WARNING)  # at DEBUG the library would write every frame, and with them our secrets

_ESTABLISH_SECONDS: Final = 5.0
_CLOSE_SECONDS: Final = 1.0
_RESUMABLE_CLOSE: Final = 4000
"""Any code but 1000 and 1001 leaves the voice session resumable."""
_MESSAGE_BYTES: Final = 1024 * 1024
"""The longest are welcomes to calls of thousands; what is longer than this is not Discord's."""
_ENDPOINT: Final = re.compile(r"[A-Za-z0-9.-]+(:[0-9]{1,5})?")


class ConnectionFailed(Exception):
    """The connection could not be made. ``loss`` says what that means; ``str()`` is for the channel."""

    def __init__(self, loss: Loss) -> None:
        super().__init__(loss.sentence)
        self.loss = loss


class VoiceConnection:
    """A connection to ``server``. ``lost`` is called on the event loop when it breaks."""

    def __init__(
        self,
        server: VoiceServer,
        *,
        clock: Clock,
        random: random_module.Random,
        tls: ssl.SSLContext,
        sender: Sender,
        lost: Callable[[VoiceConnection, Loss], None],
    ) -> None:
        self.server = server
        self.packets: PacketStream | None = None
        """Where sound goes; the same over a resume."""
        self.loss: Loss | None = None
        """How it was lost, after it was established."""
        self._session = Session(server)
        self._clock = clock
        self._random = random
        self._tls = tls
        self._sender = sender
        self._lost = lost
        self._udp: socket.socket | None = None
        self._ssrc = 0
        self._mode = ""
        self._websocket: ClientConnection | None = None
        self._attending: asyncio.Task[None] | None = None

    @property
    def others(self) -> frozenset[int]:
        """Who else is connected to the call, as the voice server has told."""
        return frozenset(self._session.end_to_end.others)

    @property
    def is_up(self) -> bool:
        return self._attending is not None and not self._attending.done()

    async def open(self) -> None:
        """Connect until sound can be sent over ``packets``. Raises :class:`ConnectionFailed`."""
        await self._establish(resuming=False)

    async def resume(self) -> None:
        """Connect again, going on with the same session and the same ``packets``. Raises :class:`ConnectionFailed`."""
        await self._stop_attending()
        await self._hang_up(_RESUMABLE_CLOSE)
        await self._establish(resuming=True)

    async def close(self) -> None:
        """Let everything go. Nothing may be sent over ``packets`` any more when this is called."""
        try:
            await self._stop_attending()
        finally:  # not before: the loop would go on waiting for a number that is another socket's by then
            self._close_udp()
        await self._hang_up(1000)

    def _close_udp(self) -> None:
        if self._udp is not None:
            self._udp.close()
            self._udp = None

    async def _establish(self, *, resuming: bool) -> None:
        if not _ENDPOINT.fullmatch(self.server.endpoint):
            raise ConnectionFailed(Loss(Happening.VOID, "Discord named a voice server that makes no sense."))
        try:
            async with asyncio.timeout(_ESTABLISH_SECONDS):
                await self._shake_hands(resuming=resuming)
        except ConnectionFailed:
            await self.close()
            raise
        except (OSError, WebSocketException, TimeoutError) as error:
            await self.close()
            raise ConnectionFailed(Loss(Happening.VOID, "I cannot reach Discord's voice server.")) from error
        except asyncio.CancelledError:
            await self.close()
            raise

    async def _shake_hands(self, *, resuming: bool) -> None:
        websocket = await connect(
            f"wss://{self.server.endpoint}/?v=8",
            ssl=self._tls,
            compression=None,
            open_timeout=None,
            close_timeout=_CLOSE_SECONDS,
            logger=_frames_log,
            ping_interval=None,  # Discord has heartbeats of its own
            proxy=None,  # sound goes by UDP, past any proxy
            max_size=_MESSAGE_BYTES,
        )
        self._websocket, self.loss = websocket, None
        established: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._attending = asyncio.create_task(self._attend(websocket, established), name="voice connection")
        with suppress(ConnectionClosed):  # how it was closed, ``established`` will tell
            await self._send(websocket, self._session.connected(resuming=resuming))
        await established

    async def _attend(self, websocket: ClientConnection, established: asyncio.Future[None]) -> None:
        """Read the websocket to its end, and tell how it ended: ``established`` if it never was, else ``lost``."""
        failure: Loss | None = None
        try:
            await self._read(websocket, established)
        except ConnectionClosed:
            pass
        except DiscoveryFailed as error:
            failure = Loss(Happening.VOID, str(error))
        except NoCommonMode as error:
            failure = Loss(Happening.TURNED_AWAY, str(error))
        except (*NONSENSE, OSError) as error:
            # Not to be resumed: the same would come again.
            failure = Loss(Happening.VOID, f"Discord's voice server made no sense ({type(error).__name__}).")
        except Exception:  # a bug must not leave a connection that seems to be up and that nobody attends to
            log.exception("guild %d: attending to the voice server failed", self.server.guild_id)
            failure = Loss(Happening.VOID, "Something went wrong in me while I was connected.")
        close = websocket.protocol.close_rcvd
        # If we closed first, Discord only echoes.
        code = close.code if close is not None and websocket.protocol.close_rcvd_then_sent else None
        loss = failure or after_close(code)
        if not established.done():
            established.set_exception(ConnectionFailed(loss))
        elif not established.cancelled():
            self.loss = loss
            log.info("guild %d: the voice connection was lost (%s, %s)", self.server.guild_id, code, loss.happening)
            self._lost(self, loss)

    async def _read(self, websocket: ClientConnection, established: asyncio.Future[None]) -> None:
        beating: asyncio.Task[None] | None = None
        try:
            async for message in websocket:
                for outcome in list(self._session.receive(message)):
                    match outcome:
                        case StartBeating(interval):
                            if beating is not None:
                                beating.cancel()
                            beating = asyncio.create_task(self._beat(websocket, interval))
                        case Discover() | Described() if established.done():
                            # Sound goes out over the socket and under the key that there are.
                            raise ValueError("a session that was agreed on is described anew")
                        case Discover():
                            await self._select_protocol(websocket, outcome)
                        case Described(mode, secret_key):
                            self._describe(mode, secret_key)
                            await self._ready(websocket, established)
                        case Resumed():
                            await self._ready(websocket, established)
                        case Send() | SendBinary():
                            await self._send(websocket, outcome)
                self._take_way()
        finally:
            if beating is not None:
                beating.cancel()

    async def _ready(self, websocket: ClientConnection, established: asyncio.Future[None]) -> None:
        await self._send(websocket, self._session.speaking())
        if not established.done():
            established.set_result(None)

    async def _select_protocol(self, websocket: ClientConnection, ready: Discover) -> None:
        self._ssrc, self._mode = ready.ssrc, choose(ready.modes)
        family = socket.AF_INET6 if ":" in ready.ip else socket.AF_INET
        self._close_udp()
        self._udp = udp = socket.socket(family, socket.SOCK_DGRAM)
        udp.setblocking(False)
        udp.connect((ready.ip, ready.port))
        address, port = await discover(udp, ready.ssrc)
        await self._send(websocket, self._session.select_protocol(address, port, self._mode))

    def _describe(self, mode: str, secret_key: bytes) -> None:
        if self._udp is None or mode != self._mode:
            raise ValueError("another encryption mode than the one selected")
        self.packets = self._sender.stream(self._ssrc, mode, secret_key, self._udp, self._random)
        self._take_way()

    def _take_way(self) -> None:
        """Have frames go as the call's encryption now says, from the next slot on."""
        packets, end_to_end = self.packets, self._session.end_to_end
        if packets is None:
            return
        way = end_to_end.way
        packets.held = way is Way.HELD
        match way:
            case Way.PLAIN | Way.HELD:
                packets.end_to_end = None
            case Way.ENCRYPTED:
                packets.end_to_end = end_to_end.encryptor
            case Way.SILENT:
                packets.end_to_end = _silenced

    async def _beat(self, websocket: ClientConnection, interval_seconds: float) -> None:
        while True:
            await self._clock.sleep(interval_seconds)
            beat = self._session.beat(int(self._clock.now() * 1000))
            if not isinstance(beat, Send):
                log.warning("guild %d: a voice heartbeat was not answered", self.server.guild_id)
                await websocket.close(_RESUMABLE_CLOSE)
                return
            try:
                await self._send(websocket, beat)
            except ConnectionClosed:
                return

    async def _stop_attending(self) -> None:
        if self._attending is not None:
            self._attending.cancel()
            await asyncio.gather(self._attending, return_exceptions=True)
            self._attending = None

    async def _hang_up(self, code: int) -> None:
        if self._websocket is not None:
            await self._websocket.close(code)
            self._websocket = None

    @staticmethod
    async def _send(websocket: ClientConnection, send: Send | SendBinary) -> None:
        await websocket.send(json.dumps(send.frame) if isinstance(send, Send) else send.message)


def _silenced(frame: bytes) -> bytes:
    return SILENCE
