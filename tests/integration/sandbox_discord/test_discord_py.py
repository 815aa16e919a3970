"""The proof of faithfulness: discord.py, which we did not write, plays a song through it and is heard.

Its addresses are patched, because it has no setting for them; nothing else is. It speaks DAVE, which the server demands
here, and no AES-GCM, so it plays by XChaCha20.
"""

from __future__ import annotations

import asyncio
import ssl
import warnings
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import aiohttp
import pytest
import yarl

from sandbox.discord import AES_GCM, XCHACHA, Application, FakeDiscord, Member, measure
from sandbox.melody import compose, recognise
from sandbox.recording import Format, opus_packets, record

with warnings.catch_warnings():
    # It imports audioop, which Python 3.13 has no more.
    warnings.simplefilter("ignore", DeprecationWarning)
    import discord as discord_py
    from discord import gateway as discord_py_gateway
    from discord import http as discord_py_http

PATIENCE_SECONDS = 20.0
SILENCE_FRAMES = 5


class OpusFile(discord_py.AudioSource):
    """Hands discord.py the Opus packets of a file as they are."""

    def __init__(self, packets: Iterator[bytes]) -> None:
        self._packets = packets

    def read(self) -> bytes:
        return next(self._packets, b"")

    def is_opus(self) -> bool:
        return True


@pytest.fixture
async def alice(discord: FakeDiscord, app: Application) -> Member:
    """In the voice channel of a guild on the only shard."""
    guild = discord.create_guild("A", app, shard=0, of=1)
    alice = guild.add_member("alice")
    await alice.join(guild.voice_channel)
    return alice


@pytest.fixture
async def client(
    discord: FakeDiscord, app: Application, alice: Member, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[discord_py.Client]:
    """discord.py, logged in and ready, when alice is in voice already."""
    monkeypatch.setattr(discord_py_http.Route, "BASE", discord.api_url)
    monkeypatch.setattr(discord_py_gateway.DiscordWebSocket, "DEFAULT_GATEWAY", yarl.URL(discord.gateway.url))
    trust = ssl.create_default_context(cafile=discord.ca_file)
    intents = discord_py.Intents(guilds=True, voice_states=True)
    ready = asyncio.Event()

    class Client(discord_py.Client):
        async def on_ready(self) -> None:
            ready.set()

    connector = aiohttp.TCPConnector(ssl=trust)
    client = Client(intents=intents, connector=connector, guild_ready_timeout=0.1)
    running = asyncio.create_task(client.start(app.bot_token))
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            await ready.wait()
        yield client
    finally:
        own = asyncio.all_tasks() - {asyncio.current_task()}
        await client.close()
        await running
        # Its voice poller may have tried to write meanwhile, and nobody there asks how that ended.
        await asyncio.gather(*(task for task in own if task.done()), return_exceptions=True)


@pytest.mark.parametrize("offer", [([AES_GCM, XCHACHA], Format.WEBM_OPUS), ([XCHACHA], Format.OGG_OPUS)])
async def test_discord_py_joins_plays_and_is_heard(
    discord: FakeDiscord,
    client: discord_py.Client,
    alice: Member,
    tmp_path: Path,
    offer: tuple[list[str], Format],
) -> None:
    guild = alice.guild
    discord.voice.modes, format = offer
    melody, other = compose("song", voice=2, seconds=3), compose("other", voice=3, seconds=3)
    channel = client.get_channel(guild.voice_channel.id)
    assert isinstance(channel, discord_py.VoiceChannel)
    assert [member.id for member in channel.members] == [alice.user_id]

    voice: discord_py.VoiceClient = await channel.connect(timeout=PATIENCE_SECONDS)
    await alice.dave.wait_until(lambda dave: guild.applications[0].bot_user_id in dave.keyed_with)
    over = asyncio.Event()
    loop = asyncio.get_running_loop()
    voice.play(
        OpusFile(opus_packets(record(melody, tmp_path, format))),
        after=lambda _error: loop.call_soon_threadsafe(over.set),
    )
    async with asyncio.timeout(PATIENCE_SECONDS):
        await over.wait()
    # Its last five packets are silence frames: with them, all have come.
    await alice.ear.wait_for_packets(3 * 50)

    heard = recognise(alice.ear.heard, melody)
    assert voice.mode == XCHACHA
    assert heard.matched_share > 0.95
    assert heard.foreign_share == 0.0
    assert heard.coverage > 0.9
    assert recognise(alice.ear.heard, other).matched_share == 0.0
    figures = measure(alice.ear.packets)
    assert (figures.lost, figures.duplicated) == (0, 0)
    arrivals = discord.voice.history[0].arrivals
    assert (arrivals.not_authentic, arrivals.nonce_reused) == (0, 0)
    assert arrivals.end_to_end == alice.dave.opened == figures.packets - SILENCE_FRAMES
    assert voice.voice_privacy_code == alice.dave.privacy_code

    await voice.disconnect()
    assert guild.bot_voice_state is None


async def test_discord_py_goes_on_over_every_transition(
    discord: FakeDiscord, alice: Member, client: discord_py.Client, tmp_path: Path
) -> None:
    guild, bob, old = alice.guild, alice.guild.add_member("bob"), alice.guild.add_member("old", dave=False)
    call = discord.voice.call(guild.voice_channel)
    channel = client.get_channel(guild.voice_channel.id)
    assert isinstance(channel, discord_py.VoiceChannel)
    voice: discord_py.VoiceClient = await channel.connect(timeout=PATIENCE_SECONDS)
    voice.play(OpusFile(opus_packets(record(compose("song", voice=2, seconds=30), tmp_path, Format.OGG_OPUS))))
    await _hears(alice)
    await bob.join(guild.voice_channel)
    await _hears(bob)
    await bob.leave()
    await _hears(alice)
    await old.join(guild.voice_channel)
    await _hears(old)
    await _hears(alice)
    await old.leave()
    await alice.dave.wait_until(lambda dave: bool(dave.keyed_with))
    await _hears(alice)
    await alice.leave()
    await alice.join(guild.voice_channel)
    await _hears(alice)
    call.spoilt.add(guild.applications[0].bot_user_id)
    await bob.join(guild.voice_channel)
    await _hears(bob)
    call.recreate()
    await bob.dave.wait_until(lambda dave: len(dave.keyed_with) == 2)
    await _hears(bob)
    assert voice.voice_privacy_code == bob.dave.privacy_code == alice.dave.privacy_code
    await voice.disconnect()


async def _hears(listener: Member) -> None:
    listener.ear.clear()
    await listener.ear.wait_for_sound()


async def test_discord_py_notices_that_it_was_kicked(alice: Member, client: discord_py.Client) -> None:
    guild = alice.guild
    channel = client.get_channel(guild.voice_channel.id)
    assert isinstance(channel, discord_py.VoiceChannel)
    voice: discord_py.VoiceClient = await channel.connect(timeout=PATIENCE_SECONDS)
    gone = client.loop.create_future()

    async def on_voice_state_update(*_: object) -> None:
        gone.set_result(None)

    client.event(on_voice_state_update)
    await guild.kick_bot_from_voice()
    async with asyncio.timeout(PATIENCE_SECONDS):
        await gone
    assert not voice.is_connected()


async def test_discord_py_resumes_its_session_and_misses_nothing(
    discord: FakeDiscord, alice: Member, client: discord_py.Client
) -> None:
    moved = asyncio.Event()

    async def on_voice_state_update(*_: object) -> None:
        moved.set()

    client.event(on_voice_state_update)
    await discord.gateway.close_all(4000)
    await alice.join(alice.guild.create_voice_channel("Other"))
    async with asyncio.timeout(PATIENCE_SECONDS):
        await moved.wait()
    assert [resume.refused for resume in discord.log.resumes] == [None]
    assert len(discord.log.identifies) == 1
