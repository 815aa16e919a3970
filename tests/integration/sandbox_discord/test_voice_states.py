"""Joining, moving, leaving: what op 4 grants and what a moderator can do."""

from __future__ import annotations

import pytest

from sandbox.discord import Application, FakeDiscord, Guild, Permission
from tests.integration.sandbox_discord.small_bot import gateway


async def test_a_join_is_granted_with_an_endpoint_and_a_token(
    discord: FakeDiscord, app: Application, guild: Guild
) -> None:
    async with gateway(discord) as bot:
        ready = await bot.identify(app)
        state, server = await bot.join_voice(guild)
        assert state["session_id"] == ready["session_id"]
        assert server["endpoint"] == discord.voice.endpoint
        assert guild.bot_voice_state is not None
        await bot.ask_for_voice(guild, None)
        assert (await bot.event("VOICE_STATE_UPDATE"))["channel_id"] is None
    assert guild.bot_voice_state is None


@pytest.mark.parametrize(
    ("rights", "is_full", "ignored"),
    [
        (~Permission.CONNECT, False, "missing permission"),
        (~Permission.VIEW_CHANNEL, False, "missing permission"),
        (~Permission.MOVE_MEMBERS, True, "channel is full"),
        (~Permission.ADMINISTRATOR, True, None),
    ],
)
async def test_a_channel_that_cannot_be_entered_stays_silent(
    discord: FakeDiscord, guild: Guild, rights: Permission, is_full: bool, ignored: str | None
) -> None:
    channel = guild.create_voice_channel("Back room", user_limit=1, bot_permissions=rights)
    if is_full:
        await guild.add_member("guest").join(channel)
    async with gateway(discord) as bot:
        await bot.identify(guild.applications[0])
        await bot.ask_for_voice(guild, channel.id)
        await bot.send(1, None)
        await bot.opcode(11)
    events = [message.get("t") for message in bot.received]
    assert ("VOICE_SERVER_UPDATE" in events) == (ignored is None)
    assert discord.log.voice_state_requests[0].ignored == ignored


async def test_a_moderator_moves_and_then_kicks_the_bot(discord: FakeDiscord, app: Application, guild: Guild) -> None:
    other = guild.create_voice_channel("Other")
    async with gateway(discord) as bot:
        await bot.identify(app)
        _, before = await bot.join_voice(guild)
        await guild.move_bot(other)
        assert (await bot.event("VOICE_STATE_UPDATE"))["channel_id"] == str(other.id)
        assert (await bot.event("VOICE_SERVER_UPDATE"))["token"] != before["token"]
        await guild.kick_bot_from_voice()
        assert (await bot.event("VOICE_STATE_UPDATE"))["channel_id"] is None


async def test_a_server_mute_outlasts_leaving_and_is_changed_only_in_voice(
    discord: FakeDiscord, app: Application, guild: Guild
) -> None:
    async with gateway(discord) as bot:
        await bot.identify(app)
        with pytest.raises(RuntimeError, match="not in voice"):
            await guild.mute_bot()
        state, _ = await bot.join_voice(guild)
        assert (state["mute"], state["member"]["mute"]) == (False, False)
        await guild.mute_bot()
        muted = await bot.event("VOICE_STATE_UPDATE")
        assert (muted["mute"], muted["member"]["mute"], muted["channel_id"]) == (True, True, state["channel_id"])
        await bot.ask_for_voice(guild, None)
        await bot.event("VOICE_STATE_UPDATE")
        assert (await bot.join_voice(guild))[0]["mute"], "who comes back is muted still"
        await guild.unmute_bot()
        assert not (await bot.event("VOICE_STATE_UPDATE"))["mute"]


async def test_a_deleted_channel_throws_the_bot_out(discord: FakeDiscord, app: Application, guild: Guild) -> None:
    async with gateway(discord) as bot:
        await bot.identify(app)
        await bot.join_voice(guild)
        await guild.delete_channel(guild.voice_channel)
        assert (await bot.event("VOICE_STATE_UPDATE"))["channel_id"] is None
        await bot.event("CHANNEL_DELETE")


async def test_a_voice_server_can_go_away_and_be_replaced(discord: FakeDiscord, app: Application, guild: Guild) -> None:
    async with gateway(discord) as bot:
        await bot.identify(app)
        await bot.join_voice(guild)
        discord.world.voice_states.withdraw_server(guild, app)
        assert (await bot.event("VOICE_SERVER_UPDATE"))["endpoint"] is None
        discord.world.voice_states.send_server_update(guild, app)
        assert (await bot.event("VOICE_SERVER_UPDATE"))["endpoint"] == discord.voice.endpoint


async def test_a_guild_of_another_shard_cannot_be_asked_for(
    discord: FakeDiscord, app: Application, guild: Guild
) -> None:
    async with gateway(discord) as bot:
        await bot.identify(app, shard=(4, 16))
        await bot.ask_for_voice(guild, guild.voice_channel.id)
        await bot.send(1, None)
        await bot.opcode(11)
    assert discord.log.voice_state_requests[0].ignored == "guild is not on this shard"
