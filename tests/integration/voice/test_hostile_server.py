"""A voice server that is broken or hostile: it never crashes or hangs the worker, and its guild hears of it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable
from random import Random
from typing import Any, Final

import pytest
from websockets.asyncio.server import ServerConnection

from tests.fakes.clock import settle
from tests.integration.voice.raw_server import HELLO, MODE, RawVoice, Script, raw_voice
from tests.integration.voice.scene import Scene, until
from timmybot.domain.ids import ChannelId
from timmybot.ports.voice import VoiceError

TELL_SECONDS: Final = 10.0


async def drop(raw: RawVoice, websocket: ServerConnection) -> None:
    websocket.transport.abort()


async def never_speak(raw: RawVoice, websocket: ServerConnection) -> None:
    await raw.drain(websocket)


async def never_describe(raw: RawVoice, websocket: ServerConnection) -> None:
    await websocket.send(json.dumps(HELLO))
    await raw.drain(websocket)


def say(*messages: Any) -> Script:
    async def script(raw: RawVoice, websocket: ServerConnection) -> None:
        for message in messages:
            await websocket.send(message if isinstance(message, str | bytes) else json.dumps(message))
        await raw.drain(websocket)

    return script


def after_the_handshake(*messages: Any) -> Script:
    async def script(raw: RawVoice, websocket: ServerConnection) -> None:
        await raw.shake_hands(websocket, dave=1)
        await say(*messages)(raw, websocket)

    return script


def describe_and_say(*messages: bytes) -> Script:
    """All of it in one go, so that the connection breaks before anyone has noticed that it was up."""

    async def script(raw: RawVoice, websocket: ServerConnection) -> None:
        await raw.shake_hands(websocket, dave=1, then=messages)
        await raw.drain(websocket)

    return script


READY = {"ssrc": 7, "ip": "127.0.0.1", "port": 9, "modes": [MODE]}

BEFORE: Final = {
    "drops at once": drop,
    "never speaks": never_speak,
    "never describes the session": never_describe,
    "speaks no JSON": say("hello?"),
    "speaks JSON that is nothing": say("[]", "null", "7"),
    "nests without end": say("[" * 100_000),
    "asks for a beat every microsecond": say({"op": 8, "d": {"heartbeat_interval": 0.001}}),
    "asks for a beat at no time": say('{"op": 8, "d": {"heartbeat_interval": NaN}}'),
    "asks for a beat in 1e308 ms": say({"op": 8, "d": {"heartbeat_interval": 1e308}}),
    "has an SSRC that fits no packet": say(HELLO, {"op": 2, "d": READY | {"ssrc": 1 << 40}}),
    "has a port that is none": say(HELLO, {"op": 2, "d": READY | {"port": 70_000}}),
    "has a name where its address should be": say(HELLO, {"op": 2, "d": READY | {"ip": "localhost"}}),
    "knows no encryption of ours": say(HELLO, {"op": 2, "d": READY | {"modes": ["rot13"]}}),
    "describes before it is asked": say(HELLO, {"op": 4, "d": {"mode": MODE, "secret_key": [1] * 32}}),
    "is ready over and over, where nobody is": say(HELLO, *[{"op": 2, "d": READY}] * 20),
    "sends a message of 2 MB": say("x" * (2 << 20)),
    "sends a binary message of one byte": say(HELLO, b"\x00"),
}

AFTER: Final = {
    "an empty external sender": after_the_handshake(b"\x00\x01\x19"),
    "a proposal that is none": after_the_handshake(b"\x00\x01\x1b\x00" + b"\xff" * 64),
    "a commit without a transition": after_the_handshake(b"\x00\x01\x1d\x00"),
    "a commit that is none": after_the_handshake(b"\x00\x01\x1d\x00\x05" + b"\x00" * 40),
    "a welcome that is none": after_the_handshake(b"\x00\x01\x1e\x00\x05" + b"\x07" * 40),
    "welcomes without end": after_the_handshake(*[b"\x00\x01\x1e\x00\x05" + b"\x07" * 40] * 200),
    "transitions without end": after_the_handshake(
        *[{"op": 21, "d": {"transition_id": number, "protocol_version": 0}} for number in range(2_000)]
    ),
    "a version that there is not": after_the_handshake({"op": 24, "d": {"epoch": 1, "protocol_version": 99}}),
    "clients that are no numbers": after_the_handshake({"op": 11, "d": {"user_ids": ["me", None]}}),
    "an opcode from nowhere": after_the_handshake({"op": "x", "d": 3}, {"op": 10**9, "d": None}),
    "nonsense with the description, time and again": describe_and_say(b"\x00\x01\x1d\x00", b"\x00" * 64, b"\x00"),
    "no data": after_the_handshake(*[{"op": op, "d": None} for op in (11, 13, 21, 22, 24)]),
}


async def refusal_of(joining: Awaitable[object]) -> str | None:
    try:
        await joining
    except VoiceError as refused:
        return str(refused)
    return None


async def is_alive(scene: Scene) -> None:
    """The loop turns, the pacing thread turns, and a well-behaved server still gets music out of the same worker."""
    bot = scene.bots[-1]
    turn = bot.players.pacer.last_turn
    await bot.player(scene.guild).leave()
    await until(lambda: scene.guild.bot_voice_state is None, "its leaving")
    await bot.play(scene.guild)
    scene.alice.ear.clear()
    await scene.alice.ear.wait_for_sound(10, seconds=0.3)
    assert bot.players.pacer.last_turn > turn


@pytest.mark.parametrize("behaviour", BEFORE)
async def test_a_server_that_cannot_be_joined_is_said_so_in_time(scene: Scene, behaviour: str) -> None:
    scene.pace = 4.0
    bot = await scene.worker()
    good = scene.discord.voice.endpoint
    async with raw_voice(BEFORE[behaviour]) as raw:
        raw.trust(scene.tls)
        scene.discord.voice.endpoint = raw.endpoint
        with pytest.raises(VoiceError) as said:
            async with asyncio.timeout(TELL_SECONDS):
                await bot.player(scene.guild).join(ChannelId(scene.guild.voice_channel.id))
        assert str(said.value).endswith(".")
        assert 0 < raw.connections < 12, "it is not hammered"
    scene.discord.voice.endpoint = good
    await is_alive(scene)


@pytest.mark.parametrize("nonsense", AFTER)
async def test_nonsense_after_the_handshake_is_survived(scene: Scene, nonsense: str) -> None:
    scene.pace = 4.0
    bot = await scene.worker()
    good = scene.discord.voice.endpoint
    async with raw_voice(AFTER[nonsense]) as raw:
        raw.trust(scene.tls)
        scene.discord.voice.endpoint = raw.endpoint
        async with asyncio.timeout(TELL_SECONDS):
            said = await refusal_of(bot.play(scene.guild))
        assert said is None or said.endswith("."), "if the nonsense comes at once, it may not get in"
        await settle()
        assert 0 < raw.connections < 12, "it is not hammered"
    scene.discord.voice.endpoint = good
    await is_alive(scene)


async def test_whatever_comes_by_udp_is_nobodys_business(scene: Scene) -> None:
    bot = await scene.worker()
    random = Random(5)

    async def script(raw: RawVoice, websocket: ServerConnection) -> None:
        await raw.shake_hands(websocket)
        loop = asyncio.get_running_loop()
        _, address = await loop.sock_recvfrom(raw.udp, 2048)
        for _ in range(3_000):
            await loop.sock_sendto(raw.udp, random.randbytes(random.randrange(1, 1_400)), address)
        await raw.drain(websocket)

    good = scene.discord.voice.endpoint
    async with raw_voice(script) as raw:
        raw.trust(scene.tls)
        scene.discord.voice.endpoint = raw.endpoint
        player = await bot.play(scene.guild)
        await until(lambda: player.status().position_ms > 400, "the song going on")
        assert player.status().trouble is None
        (counters,) = bot.players.counters().values()
        assert counters.refused == 0
    scene.discord.voice.endpoint = good
    await is_alive(scene)


async def test_a_server_without_ears_is_said_so(scene: Scene) -> None:
    scene.discord.voice.udp.deaf = True
    bot = await scene.worker()
    with pytest.raises(VoiceError, match="UDP"):
        await bot.player(scene.guild).join(ChannelId(scene.guild.voice_channel.id))
    scene.discord.voice.udp.deaf = False
    await is_alive(scene)
