"""The second proof of faithfulness: @discordjs/voice, with its own DAVE library, plays a song through it and is heard.

It runs in Node, unchanged and unpatched; its main gateway is the small bot's.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from sandbox.discord import AES_GCM, XCHACHA, Application, FakeDiscord, Guild, Member, measure
from sandbox.melody import compose, recognise
from sandbox.peers.discord_js import DiscordJs
from sandbox.recording import Format, record
from tests.integration.sandbox_discord.small_bot import Wire, gateway

SILENCE_FRAMES = 5


@pytest.fixture
async def alice(discord: FakeDiscord, guild: Guild) -> Member:
    alice = guild.add_member("alice")
    await alice.join(guild.voice_channel)
    return alice


@asynccontextmanager
async def discord_js(discord: FakeDiscord, app: Application) -> AsyncIterator[DiscordJs]:
    """The peer, connected to the main gateway both ways."""
    async with gateway(discord) as main:
        await main.identify(app)

        async def send(payload: dict[str, Any]) -> None:
            await main.send(payload["op"], payload["d"])

        async with DiscordJs(discord.ca_file, send) as peer:
            events = asyncio.create_task(_pass_on(main, peer))
            try:
                yield peer
            finally:
                events.cancel()
                with suppress(asyncio.CancelledError):
                    await events


async def _pass_on(main: Wire, peer: DiscordJs) -> None:
    while True:
        message = await main.next(patience_seconds=None)
        if message.get("t") in ("VOICE_STATE_UPDATE", "VOICE_SERVER_UPDATE"):
            peer.hear(message["t"], message["d"])


@pytest.mark.parametrize("alice_commits", [True, False], ids=["alice commits", "the peer commits"])
async def test_discord_js_joins_plays_and_is_heard(
    discord: FakeDiscord, app: Application, alice: Member, tmp_path: Path, alice_commits: bool
) -> None:
    guild = alice.guild
    alice.dave.commits = alice_commits
    format = Format.WEBM_OPUS if alice_commits else Format.OGG_OPUS
    melody, other = compose("song", voice=1, seconds=3), compose("other", voice=3, seconds=3)
    song = record(melody, tmp_path, format)
    async with discord_js(discord, app) as peer:
        peer.join(guild.id, guild.voice_channel.id)
        await peer.until("connection", "ready")
        await alice.dave.wait_until(lambda dave: app.bot_user_id in dave.keyed_with)
        peer.play(song)
        await alice.ear.wait_for_packets(3 * 50)
        await peer.until("transitioned", 1)
        codes = {message["privacyCode"] for message in peer.said if "transitioned" in message}

    heard = recognise(alice.ear.heard, melody)
    assert heard.matched_share > 0.95
    assert heard.foreign_share == 0.0
    assert heard.coverage > 0.9
    assert recognise(alice.ear.heard, other).matched_share == 0.0
    assert codes == {alice.dave.privacy_code}
    [session] = discord.voice.history
    assert session.mode == AES_GCM
    figures = measure(alice.ear.packets)
    assert (figures.lost, figures.duplicated) == (0, 0)
    assert session.arrivals.end_to_end == alice.dave.opened >= 3 * 50 - SILENCE_FRAMES


async def test_discord_js_goes_on_over_a_leave_a_join_and_a_reset(
    discord: FakeDiscord, app: Application, guild: Guild, alice: Member, tmp_path: Path
) -> None:
    discord.voice.modes = [AES_GCM, XCHACHA]
    bob = guild.add_member("bob")
    song = record(compose("song", voice=1, seconds=20), tmp_path, Format.OGG_OPUS)
    bot = app.bot_user_id
    async with discord_js(discord, app) as peer:
        peer.join(guild.id, guild.voice_channel.id)
        await alice.dave.wait_until(lambda dave: bot in dave.keyed_with)
        peer.play(song)
        await alice.ear.wait_for_sound()
        await bob.join(guild.voice_channel)
        await bob.ear.wait_for_sound()
        await alice.leave()
        await bob.leave()
        await alice.join(guild.voice_channel)
        alice.ear.clear()
        await alice.ear.wait_for_sound()
        call = discord.voice.call(guild.voice_channel)
        call.spoilt.add(bot)
        await bob.join(guild.voice_channel)
        bob.ear.clear()
        await bob.ear.wait_for_sound()
        call.recreate()
        bob.ear.clear()
        await bob.ear.wait_for_sound()
        assert not [message for message in peer.said if "error" in message]
    assert bob.dave.recoveries == alice.dave.recoveries == 0
    assert call.spoilt == set()
