"""One voice connection against a server whose every word the test decides: its socket, its task, and how they end."""

from __future__ import annotations

import asyncio
import json
import socket
import ssl
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from random import Random
from typing import Any

import pytest
from websockets.asyncio.server import ServerConnection

from tests.integration.voice.raw_server import HELLO, MODE, RawVoice, Script, raw_voice
from tests.integration.voice.scene import until
from timmybot.adapters.discord_voice.batched import best_sender
from timmybot.adapters.discord_voice.close_codes import Loss
from timmybot.adapters.discord_voice.connection import VoiceConnection
from timmybot.adapters.discord_voice.dave import EndToEnd
from timmybot.adapters.discord_voice.frames import Send, SendBinary
from timmybot.adapters.discord_voice.machine import Happening
from timmybot.adapters.system_clock import SystemClock
from timmybot.domain.ids import ChannelId, GuildId, UserId
from timmybot.ports.voice_signalling import VoiceServer


class Made:
    """A connection to a server, and how it was lost."""

    def __init__(self, raw: RawVoice) -> None:
        tls = ssl.create_default_context()
        raw.trust(tls)
        self.losses: list[Loss] = []
        self.connection = VoiceConnection(
            VoiceServer(GuildId(1), ChannelId(5), UserId(9), raw.endpoint, "session", "grant"),
            clock=SystemClock(),
            random=Random(1),
            tls=tls,
            sender=best_sender(),
            lost=lambda _, loss: self.losses.append(loss),
        )

    @property
    def udp(self) -> socket.socket | None:
        return self.connection._udp


@asynccontextmanager
async def made(script: Script) -> AsyncIterator[Made]:
    async with raw_voice(script) as raw:
        made = Made(raw)
        yield made
        await made.connection.close()


async def never_tells_our_address(raw: RawVoice, websocket: ServerConnection) -> None:
    ip, port = raw.udp.getsockname()
    await websocket.send(json.dumps(HELLO))
    await websocket.send(json.dumps({"op": 2, "d": {"ssrc": 7, "ip": ip, "port": port, "modes": [MODE]}}))
    await raw.drain(websocket)


async def test_the_number_of_a_socket_is_given_back_when_the_loop_waits_for_it_no_more() -> None:
    """Else whoever opened a socket in that moment got the number, and the loop would never tell them of what comes."""
    async with made(never_tells_our_address) as connecting:
        opening = asyncio.create_task(connecting.connection.open())
        await until(lambda: connecting.udp is not None, "a socket")
        udp = connecting.udp
        assert udp is not None
        number = udp.fileno()
        await until(lambda: is_waited_for(number), "its answer being waited for")
        opening.cancel()
        waited_for = True
        while udp.fileno() != -1:
            waited_for = is_waited_for(number)
            await asyncio.sleep(0)
        assert not waited_for, "it was closed while the loop still waited for it"
        await asyncio.gather(opening, return_exceptions=True)


def is_waited_for(number: int) -> bool:
    selector = asyncio.get_running_loop()._selector  # type: ignore[attr-defined]
    return number in selector.get_map()


def again(message: Mapping[str, Any]) -> tuple[Script, asyncio.Event]:
    """A server that says so much about a session that was agreed on, when the event is set."""
    now = asyncio.Event()

    async def script(raw: RawVoice, websocket: ServerConnection) -> None:
        await raw.shake_hands(websocket)
        await now.wait()
        ip, port = raw.udp.getsockname()
        ready = {"ssrc": 7, "ip": ip, "port": port, "modes": [MODE]}
        await websocket.send(json.dumps({"op": message["op"], "d": {**ready, **message["d"]}}))
        await raw.drain(websocket)

    return script, now


@pytest.mark.parametrize(
    "message",
    [{"op": 2, "d": {}}, {"op": 4, "d": {"mode": MODE, "secret_key": [9] * 32}}],
    ids=["ready", "description"],
)
async def test_a_session_that_was_agreed_on_is_not_described_anew(message: Mapping[str, Any]) -> None:
    """The pacing thread sends over that socket and under that key: another connection is needed for others."""
    script, now = again(message)
    async with made(script) as up:
        await up.connection.open()
        udp, packets = up.udp, up.connection.packets
        now.set()
        await until(lambda: bool(up.losses), "its being lost")
        assert up.losses[0].happening is Happening.VOID
        assert udp is not None
        assert udp.fileno() != -1, "it is closed when nothing is sent over it any more"
        assert up.connection.packets is packets


class Broken(EndToEnd):
    """Has a bug."""

    def receive(self, op: int, data: Mapping[str, Any]) -> Iterator[Send | SendBinary]:
        raise RuntimeError("nobody thought of it")
        yield


async def test_a_bug_of_ours_is_a_loss_like_another(caplog: pytest.LogCaptureFixture) -> None:
    script, now = again({"op": 11, "d": {"user_ids": []}})
    async with made(script) as up:
        await up.connection.open()
        up.connection._session.end_to_end = Broken(UserId(9), ChannelId(5))
        now.set()
        await until(lambda: bool(up.losses), "its being lost")
        assert up.losses[0].happening is Happening.VOID
        assert not up.connection.is_up
    assert "nobody thought of it" in caplog.text, "with where it was"
