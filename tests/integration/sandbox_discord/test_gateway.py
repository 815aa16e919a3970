"""The gateway is as strict as Discord's: sessions, resumes, shards, intents, limits."""

from __future__ import annotations

import json
import zlib

import pytest

from sandbox.discord import Application, FakeDiscord, Guild, ManualClock, shard_of
from tests.integration.sandbox_discord.small_bot import Wire, gateway, identification


async def test_a_session_begins_with_ready_and_the_guilds_of_its_shard(
    discord: FakeDiscord, app: Application, guild: Guild
) -> None:
    elsewhere = discord.create_guild("B", app, shard=4, of=16)
    alice = guild.add_member("alice")
    await alice.join(guild.voice_channel)
    async with gateway(discord) as bot:
        ready = await bot.identify(app, shard=(3, 16))
        created = await bot.event("GUILD_CREATE")
    assert [entry["id"] for entry in ready["guilds"]] == [str(guild.id)]
    assert ready["shard"] == [3, 16]
    assert ready["user"]["id"] == str(app.bot_user_id)
    assert {channel["name"] for channel in created["channels"]} == {"general", "Music"}
    assert [state["user_id"] for state in created["voice_states"]] == [str(alice.user_id)]
    assert shard_of(elsewhere.id, 16) == 4


async def test_a_wrong_token_is_closed_with_4004(discord: FakeDiscord, app: Application) -> None:
    async with gateway(discord) as bot:
        await bot.send(2, identification(app, (0, 1)) | {"token": "wrong"})
        assert await bot.closed() == 4004
    assert discord.log.identifies[0].refused == "close 4004"


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"shard": [16, 16]}, 4010),
        ({"intents": 1 << 40}, 4013),
        ({"intents": 1 << 1}, 4014),
        ({"shard": "three"}, 4002),
    ],
)
async def test_a_bad_identify_is_closed_with_its_own_code(
    discord: FakeDiscord, app: Application, changes: dict[str, object], code: int
) -> None:
    async with gateway(discord) as bot:
        await bot.send(2, identification(app, (0, 1)) | changes)
        assert await bot.closed() == code


async def test_nonsense_is_closed(discord: FakeDiscord, app: Application) -> None:
    async with gateway(discord) as bot:
        await bot.ws.send_str("{not json")
        assert await bot.closed() == 4002
    async with gateway(discord) as bot:
        await bot.send(4, {})
        assert await bot.closed() == 4003
    async with gateway(discord) as bot:
        await bot.send(99, {})
        assert await bot.closed() == 4001
    async with gateway(discord, "v=9&encoding=json") as bot:
        assert await bot.closed() == 4012
    async with gateway(discord) as bot:
        await bot.identify(app)
        await bot.send(2, identification(app, (3, 16)))
        assert await bot.closed() == 4005


async def test_a_lost_connection_is_resumed_and_missed_events_come_again(
    discord: FakeDiscord, app: Application, guild: Guild
) -> None:
    alice = guild.add_member("alice")
    async with gateway(discord) as bot:
        ready = await bot.identify(app)
        last = await bot.until(lambda message: message.get("t") == "GUILD_CREATE")
        await discord.gateway.close_all(4000)
        assert await bot.closed() == 4000
    await alice.join(guild.voice_channel)
    async with gateway(discord) as again:
        await again.resume(app, ready["session_id"], last["s"])
        missed = await again.event("VOICE_STATE_UPDATE")
        await again.event("RESUMED")
    assert missed["channel_id"] == str(guild.voice_channel.id)
    assert discord.log.resumes[0].replayed == 2, "where alice is, and since when the channel is in use"
    assert len(discord.log.identifies) == 1


@pytest.mark.parametrize("code", [1000, 1001])
async def test_closing_with_1000_or_1001_kills_the_session(
    discord: FakeDiscord, app: Application, guild: Guild, code: int
) -> None:
    async with gateway(discord) as bot:
        ready = await bot.identify(app)
        await bot.join_voice(guild)
        await bot.ws.close(code=code)
    async with gateway(discord) as again:
        await again.resume(app, ready["session_id"], 1)
        assert (await again.opcode(9))["d"] is False
    assert guild.bot_voice_state is None


async def test_closing_with_another_code_keeps_the_session_and_the_voice_state(
    discord: FakeDiscord, app: Application, guild: Guild
) -> None:
    async with gateway(discord) as bot:
        ready = await bot.identify(app)
        await bot.join_voice(guild)
        await bot.ws.close(code=4000)
    async with gateway(discord) as again:
        await again.resume(app, ready["session_id"], bot.received[-1]["s"])
        await again.event("RESUMED")
        assert guild.bot_voice_state is not None


async def test_a_session_nobody_resumes_is_forgotten_and_leaves_voice(
    timeless: FakeDiscord, clock: ManualClock
) -> None:
    app = timeless.create_application("TimmyBot")
    guild = timeless.create_guild("A", app)
    async with gateway(timeless) as bot:
        ready = await bot.identify(app, shard=(0, 1))
        await bot.join_voice(guild)
        await bot.ws.close(code=4000)
    clock.advance(timeless.gateway.resumable_seconds + 1)
    async with gateway(timeless) as again:
        await again.resume(app, ready["session_id"], 1)
        assert (await again.opcode(9))["d"] is False
    assert guild.bot_voice_state is None


async def test_two_sessions_on_one_shard_both_get_every_event(
    discord: FakeDiscord, app: Application, guild: Guild
) -> None:
    discord.gateway.budget(app).interval_seconds = 0.0
    async with gateway(discord) as first, gateway(discord) as second:
        await first.identify(app)
        await second.identify(app)
        await guild.add_member("alice").join(guild.voice_channel)
        assert await first.event("VOICE_STATE_UPDATE") == await second.event("VOICE_STATE_UPDATE")


async def test_events_need_their_intent(discord: FakeDiscord, app: Application, guild: Guild) -> None:
    async with gateway(discord) as bot:
        await bot.identify(app, intents=1)
        await guild.add_member("alice").join(guild.voice_channel)
        await bot.ask_for_voice(guild, guild.voice_channel.id)
        await bot.event("VOICE_SERVER_UPDATE")
    assert "VOICE_STATE_UPDATE" not in [message.get("t") for message in bot.received]


async def test_a_second_identify_within_five_seconds_is_an_invalid_session(
    timeless: FakeDiscord, clock: ManualClock
) -> None:
    app = timeless.create_application("TimmyBot")
    async with gateway(timeless) as first, gateway(timeless) as second:
        await first.identify(app)
        await second.opcode(10)
        await second.send(2, identification(app, (4, 16)))
        assert (await second.opcode(9))["d"] is False
        clock.advance(5.0)
        await second.send(2, identification(app, (4, 16)))
        await second.event("READY")
    assert [entry.refused for entry in timeless.log.identifies] == [None, "too soon", None]


async def test_the_thousand_and_first_identify_of_a_day_ends_everything_and_resets_the_token(
    discord: FakeDiscord, app: Application
) -> None:
    budget = discord.gateway.budget(app)
    budget.total, budget.interval_seconds = 1, 0.0
    token = app.bot_token
    async with gateway(discord) as first, gateway(discord) as second:
        await first.identify(app)
        await second.send(2, identification(app, (4, 16)))
        assert (await second.opcode(9))["d"] is False
        assert await first.closed() == 4004
    assert app.bot_token != token
    assert budget.describe()["remaining"] == 0


async def test_who_sends_no_heartbeat_is_closed(timeless: FakeDiscord, clock: ManualClock) -> None:
    async with gateway(timeless) as silent, gateway(timeless) as alive:
        interval = (await silent.opcode(10))["d"]["heartbeat_interval"] / 1000
        await alive.opcode(10)
        clock.advance(interval)
        await alive.send(1, None)
        await alive.opcode(11)
        clock.advance(interval * 0.6)
        assert await silent.closed() == 4009
        await alive.send(1, None)
        await alive.opcode(11)


async def test_more_than_120_sends_a_minute_are_closed_with_4008(discord: FakeDiscord, app: Application) -> None:
    async with gateway(discord) as bot:
        await bot.identify(app)
        await _heartbeats(bot, 119)
        await bot.send(1, None)
        assert await bot.closed() == 4008


async def test_120_sends_a_minute_are_allowed_every_minute(timeless: FakeDiscord, clock: ManualClock) -> None:
    async with gateway(timeless) as bot:
        await bot.opcode(10)
        for _ in range(2):
            await _heartbeats(bot, 120)
            clock.advance(60.0)
    assert timeless.log.gateway_closes[0].by_client


async def _heartbeats(bot: Wire, count: int) -> None:
    for _ in range(count):
        await bot.send(1, None)
        await bot.opcode(11)


async def test_discord_may_ask_to_reconnect_or_invalidate(discord: FakeDiscord, app: Application) -> None:
    async with gateway(discord) as bot:
        await bot.identify(app)
        await discord.gateway.ask_all_to_reconnect()
        await bot.opcode(7)
        await discord.gateway.invalidate_all()
        assert (await bot.opcode(9))["d"] is False
    assert len(discord.gateway.sessions) == 0


async def test_compressed_transport_is_one_zlib_stream(discord: FakeDiscord, app: Application) -> None:
    async with gateway(discord, "v=10&encoding=json&compress=zlib-stream") as bot:
        message = await bot.ws.receive(5)
        assert message.data.endswith(b"\x00\x00\xff\xff")
        text = zlib.decompressobj().decompress(message.data)
    assert json.loads(text)["op"] == 10
