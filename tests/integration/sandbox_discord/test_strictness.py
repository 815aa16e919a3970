"""The sandbox's Discord refuses what the real one refuses, and says what the real one says."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from sandbox.discord import Application, FakeDiscord, Guild, ManualClock
from sandbox.discord.members import Member
from tests.integration.sandbox_discord.rest_client import QUEUE, RestClient, register, rest
from tests.integration.sandbox_discord.small_bot import Wire, gateway

EPHEMERAL, SUPPRESS_EMBEDS = 64, 4
DJ = {"name": "dj", "description": "Who may", "options": [{"type": 8, "name": "role", "description": "The role"}]}


@asynccontextmanager
async def asked(bot: Wire, member: Member, name: str = "queue", **options: object) -> AsyncIterator[dict[str, Any]]:
    """The interaction of a command, whose member waits for an answer as long as the context lasts."""
    typing = asyncio.create_task(member.command(name, **options))
    yield await bot.event("INTERACTION_CREATE")
    typing.cancel()
    await asyncio.gather(typing, return_exceptions=True)


@asynccontextmanager
async def a_command(
    discord: FakeDiscord, app: Application, guild: Guild
) -> AsyncIterator[tuple[RestClient, dict[str, Any]]]:
    """A member has typed ``/queue``, and nobody has answered yet."""
    async with rest(discord, app) as client, gateway(discord) as bot:
        await register(client, app)
        await bot.identify(app)
        async with asked(bot, guild.add_member("alice")) as interaction:
            yield client, interaction


async def answer(client: RestClient, interaction: dict[str, Any], body: dict[str, Any]) -> tuple[int, Any]:
    path = f"/interactions/{interaction['id']}/{interaction['token']}/callback?with_response=true"
    return await client.call("POST", path, body)


@pytest.mark.parametrize(("flags", "status"), [(0, 200), (EPHEMERAL, 200), (SUPPRESS_EMBEDS, 400)])
async def test_a_deferral_may_be_private_and_nothing_else(
    discord: FakeDiscord, app: Application, guild: Guild, flags: int, status: int
) -> None:
    async with a_command(discord, app, guild) as (client, interaction):
        told, body = await answer(client, interaction, {"type": 5, "data": {"flags": flags}})
    assert told == status
    if status == 200:
        assert body["interaction"]["response_message_loading"]
        assert body["interaction"]["response_message_ephemeral"] == bool(flags)
        assert "message" not in body["resource"]


@pytest.mark.parametrize(("flags", "status"), [(SUPPRESS_EMBEDS, 200), (EPHEMERAL, 400)])
async def test_an_edit_cannot_make_an_answer_private(
    discord: FakeDiscord, app: Application, guild: Guild, flags: int, status: int
) -> None:
    async with a_command(discord, app, guild) as (client, interaction):
        _, body = await answer(client, interaction, {"type": 4, "data": {"content": "Empty", "flags": EPHEMERAL}})
        assert body["resource"]["message"]["type"] == 20
        assert body["resource"]["message"]["interaction_metadata"]["id"] == interaction["id"]
        path = f"/webhooks/{app.application_id}/{interaction['token']}/messages/@original"
        told, body = await client.call("PATCH", path, {"content": "Full", "flags": flags})
    assert told == status
    if status == 400:
        assert body["code"] == 50035


async def test_a_role_that_is_chosen_comes_with_what_it_is(
    discord: FakeDiscord, app: Application, guild: Guild
) -> None:
    async with rest(discord, app) as client, gateway(discord) as bot:
        await client.call("PUT", f"/applications/{app.application_id}/commands", [DJ, QUEUE])
        await bot.identify(app)
        alice = guild.add_member("alice")
        async with asked(bot, alice, "dj", role=guild.id) as chosen, asked(bot, alice, "queue") as nothing:
            pass
    assert chosen["data"]["resolved"]["roles"][str(guild.id)]["name"] == "@everyone"
    assert "resolved" not in nothing["data"]


async def test_some_routes_have_limits_of_their_own(timeless: FakeDiscord, clock: ManualClock) -> None:
    app = timeless.create_application("TimmyBot")
    guild = timeless.create_guild("A", app)
    async with rest(timeless, app) as client:
        assert [(await client.call("GET", "/gateway/bot"))[0] for _ in range(3)] == [200, 200, 429]
        path = f"/channels/{guild.text_channel.id}/messages"
        said = [(await client.call("POST", path, {"content": "x"}))[0] for _ in range(6)]
        assert said == [200, 200, 200, 200, 200, 429]
        clock.advance(5.1)
        assert (await client.call("GET", "/gateway/bot"))[0] == 200


async def test_a_stage_has_what_a_voice_channel_has(discord: FakeDiscord, app: Application, guild: Guild) -> None:
    stage = guild.create_stage_channel("Stage")
    async with rest(discord, app) as client:
        _, body = await client.call("GET", f"/channels/{stage.id}")
    assert {"bitrate", "user_limit", "rtc_region"} <= set(body)
