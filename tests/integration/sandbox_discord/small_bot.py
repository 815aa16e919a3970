"""A bot of a few lines that does exactly what a test tells it, right or wrong."""

from __future__ import annotations

import asyncio
import json
import ssl
import struct
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import aiohttp
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from nacl.bindings import crypto_aead_xchacha20poly1305_ietf_encrypt

from sandbox.discord import AES_GCM, Application, Channel, FakeDiscord, Guild

Json = dict[str, Any]

PATIENCE_SECONDS = 5.0
GUILDS_AND_VOICE = 1 << 0 | 1 << 7


class WebsocketOver(Exception):
    """The server closed; ``code`` is why."""

    def __init__(self, code: int | None) -> None:
        super().__init__(f"closed with {code}")
        self.code = code


@dataclass
class Wire:
    """A websocket that keeps all that was received and lets one wait for more."""

    ws: aiohttp.ClientWebSocketResponse
    received: list[Json] = field(default_factory=list)

    async def send(self, opcode: int, data: object) -> None:
        await self.ws.send_json({"op": opcode, "d": data})

    async def next(self, patience_seconds: float | None = PATIENCE_SECONDS) -> Json:
        message = await self.ws.receive(patience_seconds)
        if message.type is aiohttp.WSMsgType.BINARY:
            sequence, opcode = struct.unpack_from(">HB", message.data)
            self.received.append({"op": opcode, "seq": sequence, "binary": message.data[3:]})
            return self.received[-1]
        if message.type is not aiohttp.WSMsgType.TEXT:
            raise WebsocketOver(self.ws.close_code)
        parsed: Json = json.loads(message.data)
        self.received.append(parsed)
        return parsed

    async def until(self, wanted: Callable[[Json], bool]) -> Json:
        while True:
            message = await self.next()
            if wanted(message):
                return message

    async def opcode(self, opcode: int) -> Json:
        return await self.until(lambda message: message["op"] == opcode)

    async def event(self, name: str) -> Json:
        """The data of the next event of that name."""
        data: Json = (await self.until(lambda message: message.get("t") == name))["d"]
        return data

    async def closed(self) -> int | None:
        """Read on until the server closes, and return its code."""
        try:
            while True:
                await self.next()
        except WebsocketOver as over:
            return over.code

    async def identify(self, app: Application, shard: tuple[int, int] = (3, 16), **changes: object) -> Json:
        """Returns READY's data."""
        await self.opcode(10)
        await self.send(2, identification(app, shard) | changes)
        return await self.event("READY")

    async def resume(self, app: Application, session_id: str, sequence: int) -> None:
        await self.opcode(10)
        await self.send(6, {"token": app.bot_token, "session_id": session_id, "seq": sequence})

    async def ask_for_voice(self, guild: Guild, channel_id: int | None) -> None:
        channel = None if channel_id is None else str(channel_id)
        await self.send(4, {"guild_id": str(guild.id), "channel_id": channel, "self_mute": False, "self_deaf": True})

    async def join_voice(self, guild: Guild, channel: Channel | None = None) -> tuple[Json, Json]:
        """Returns the data of VOICE_STATE_UPDATE and VOICE_SERVER_UPDATE."""
        await self.ask_for_voice(guild, (channel or guild.voice_channel).id)
        return await self.event("VOICE_STATE_UPDATE"), await self.event("VOICE_SERVER_UPDATE")


def identification(app: Application, shard: tuple[int, int]) -> Json:
    properties = {"os": "linux", "browser": "small bot", "device": "small bot"}
    return {
        "token": app.bot_token,
        "intents": GUILDS_AND_VOICE,
        "shard": list(shard),
        "properties": properties,
    }


@asynccontextmanager
async def gateway(discord: FakeDiscord, query: str = "v=10&encoding=json") -> AsyncIterator[Wire]:
    """A connection to the gateway, which has not identified yet."""
    async with (
        aiohttp.ClientSession() as http,
        http.ws_connect(f"{discord.gateway.url}?{query}", autoping=True) as ws,
    ):
        yield Wire(ws)


@asynccontextmanager
async def voice_gateway(discord: FakeDiscord, endpoint: str | None = None) -> AsyncIterator[Wire]:
    """A connection to the voice gateway, trusting the fake's own certificate."""
    trust = ssl.create_default_context(cafile=discord.ca_file)
    url = f"wss://{endpoint or discord.voice.endpoint}/?v=8"
    async with aiohttp.ClientSession() as http, http.ws_connect(url, ssl=trust) as ws:
        yield Wire(ws)


def voice_identification(state: Json, server: Json, max_dave_version: int = 0) -> Json:
    return {
        "server_id": server["guild_id"],
        "user_id": state["user_id"],
        "session_id": state["session_id"],
        "token": server["token"],
        "max_dave_protocol_version": max_dave_version,
    }


class Datagrams(asyncio.DatagramProtocol):
    """Keeps what comes."""

    def __init__(self) -> None:
        self.received: asyncio.Queue[bytes] = asyncio.Queue()

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        self.received.put_nowait(data)


@dataclass
class Call:
    """A voice connection that is up: it can send frames."""

    wire: Wire
    udp: asyncio.DatagramTransport
    ssrc: int
    mode: str
    key: bytes
    sequence: int = 0
    timestamp: int = 0
    nonce: int = 0

    def send(self, opus: bytes, *, key: bytes | None = None) -> None:
        """Send one frame and move the counters on. With another ``key`` it will not be authentic."""
        header = struct.pack(">BBHII", 0x80, 0x78, self.sequence, self.timestamp, self.ssrc)
        nonce = struct.pack(">I", self.nonce)
        if self.mode == AES_GCM:
            sealed = AESGCM(key or self.key).encrypt(nonce.ljust(12, b"\0"), opus, header)
        else:
            sealed = crypto_aead_xchacha20poly1305_ietf_encrypt(opus, header, nonce.ljust(24, b"\0"), key or self.key)
        self.udp.sendto(header + sealed + nonce)
        self.sequence = (self.sequence + 1) & 0xFFFF
        self.timestamp += 960
        self.nonce += 1


@asynccontextmanager
async def call(
    discord: FakeDiscord,
    main: Wire,
    guild: Guild,
    mode: str = AES_GCM,
    *,
    channel: Channel | None = None,
    max_dave_version: int = 0,
) -> AsyncIterator[Call]:
    """Join a voice channel, by default the guild's first, discover the address, choose ``mode``, and say Speaking."""
    state, server = await main.join_voice(guild, channel)
    async with voice_gateway(discord, server["endpoint"]) as wire:
        await wire.opcode(8)
        await wire.send(0, voice_identification(state, server, max_dave_version))
        ready = (await wire.opcode(2))["d"]
        udp, datagrams = await asyncio.get_running_loop().create_datagram_endpoint(
            Datagrams, remote_addr=(ready["ip"], ready["port"])
        )
        try:
            udp.sendto(struct.pack(">HHI66x", 1, 70, ready["ssrc"]))
            async with asyncio.timeout(PATIENCE_SECONDS):
                answer = await datagrams.received.get()
            _, _, ssrc, address, port = struct.unpack(">HHI64sH", answer)
            assert ssrc == ready["ssrc"]
            where = {"address": address.rstrip(b"\0").decode(), "port": port, "mode": mode}
            await wire.send(1, {"protocol": "udp", "data": where})
            description = (await wire.opcode(4))["d"]
            await wire.send(5, {"speaking": 1, "delay": 0, "ssrc": ready["ssrc"]})
            # An answered heartbeat tells that Speaking was taken: the websocket is in order, UDP is not.
            await wire.send(3, {"t": 1, "seq_ack": 0})
            await wire.opcode(6)
            yield Call(wire, udp, ready["ssrc"], mode, bytes(description["secret_key"]))
        finally:
            udp.close()
