"""Commands reach the bot, by HTTP or by gateway, and members see what it answers, or that it did not."""

from __future__ import annotations

import asyncio

import pytest
from aiohttp import web

from sandbox.discord import Application, FakeDiscord, Guild, ManualClock, NotOffered, Shown
from tests.integration.sandbox_discord.front_door import Json, defers, front_door, says
from tests.integration.sandbox_discord.rest_client import RestClient, register, rest
from tests.integration.sandbox_discord.small_bot import gateway

DID_NOT_RESPOND = "The application did not respond"


async def set_endpoint(client: RestClient, url: str) -> tuple[int, Json]:
    return await client.call("PATCH", "/applications/@me", {"interactions_endpoint_url": url})


async def test_a_command_reaches_the_endpoint_and_the_member_sees_its_answer(
    discord: FakeDiscord, app: Application, guild: Guild
) -> None:
    alice = guild.add_member("alice")
    async with rest(discord, app) as client, front_door(app, says("Queued", flags=64)) as door:
        await register(client, app)
        assert (await set_endpoint(client, door.url))[0] == 200
        assert door.refused == 2
        shown = await alice.command("play", url="http://a/b.webm", volume=50)
    assert (shown.content, shown.ephemeral, shown.failed) == ("Queued", True, None)
    assert shown.answered_after_seconds is not None
    interaction = door.received[0]
    assert interaction["guild_id"] == str(guild.id)
    assert interaction["member"]["user"]["id"] == str(alice.user_id)
    assert [(o["name"], o["value"]) for o in interaction["data"]["options"]] == [
        ("url", "http://a/b.webm"),
        ("volume", 50),
    ]


async def test_an_endpoint_that_accepts_bad_signatures_is_refused(discord: FakeDiscord, app: Application) -> None:
    async with rest(discord, app) as client, front_door(app, says("x"), trusting=True) as door:
        status, body = await set_endpoint(client, door.url)
    assert (status, body["code"]) == (400, 50035)
    assert "INVALID_SIGNATURE" in str(body)
    assert app.interactions_endpoint_url is None


async def test_an_endpoint_that_does_not_pong_is_refused(discord: FakeDiscord, app: Application) -> None:
    async with rest(discord, app) as client:
        async with front_door(app, says("x"), pongs=False) as door:
            assert (await set_endpoint(client, door.url))[0] == 400
        assert (await set_endpoint(client, door.url))[0] == 400, "nobody listens there any more"
        assert (await set_endpoint(client, "no url"))[0] == 400
    assert app.interactions_endpoint_url is None


async def test_without_an_endpoint_the_gateway_gets_it_and_the_callback_answers(
    discord: FakeDiscord, app: Application, guild: Guild
) -> None:
    alice = guild.add_member("alice")
    async with rest(discord, app) as client, gateway(discord) as bot:
        await register(client, app)
        await bot.identify(app)
        asking = asyncio.create_task(alice.command("queue"))
        interaction = await bot.event("INTERACTION_CREATE")
        callback = f"/interactions/{interaction['id']}/{interaction['token']}/callback"
        assert (await client.call("POST", callback, {"type": 4, "data": {"content": "Empty"}}))[0] == 204
        assert (await client.call("POST", callback, {"type": 5}))[1]["code"] == 40060
        shown = await asking
    assert shown.content == "Empty"


async def test_with_an_endpoint_the_gateway_gets_nothing(discord: FakeDiscord, app: Application, guild: Guild) -> None:
    alice = guild.add_member("alice")
    async with (
        rest(discord, app) as client,
        front_door(app, says("Here")) as door,
        gateway(discord) as bot,
    ):
        await register(client, app)
        await set_endpoint(client, door.url)
        await bot.identify(app)
        await alice.command("queue")
        await bot.send(1, None)
        await bot.opcode(11)
    assert "INTERACTION_CREATE" not in [message.get("t") for message in bot.received]


async def test_a_deferred_answer_is_filled_in_edited_and_followed_up(
    discord: FakeDiscord, app: Application, guild: Guild
) -> None:
    alice = guild.add_member("alice")
    async with rest(discord, app) as client, front_door(app, defers) as door:
        await register(client, app)
        await set_endpoint(client, door.url)
        shown = await alice.command("queue")
        assert shown.thinking
        token = door.received[0]["token"]
        original = f"/webhooks/{app.application_id}/{token}/messages/@original"
        assert (await client.call("PATCH", original, {"content": "Waking up"}))[0] == 200
        waiting = asyncio.create_task(shown.wait_for(lambda text: "Now playing" in text, timeout=5))
        assert (await client.call("PATCH", original, {"content": "Now playing"}))[0] == 200
        assert await waiting == "Now playing"
        webhook = f"/webhooks/{app.application_id}/{token}"
        _, more = await client.call("POST", webhook, {"content": "By the way", "flags": 64})
        assert (await client.call("GET", original))[1]["content"] == "Now playing"
        assert (await client.call("DELETE", f"{webhook}/messages/{more['id']}"))[0] == 204
        assert (await client.call("GET", f"{webhook}/messages/{more['id']}"))[1]["code"] == 10008
    assert not shown.thinking
    assert shown.texts == ["Waking up", "Now playing", "By the way"]
    assert shown.follow_ups[0].ephemeral


async def test_an_answer_after_three_seconds_is_too_late(timeless: FakeDiscord, clock: ManualClock) -> None:
    app = timeless.create_application("TimmyBot")
    guild = timeless.create_guild("A", app)
    alice = guild.add_member("alice")
    async with rest(timeless, app) as client, gateway(timeless) as bot:
        await register(client, app)
        await bot.identify(app, shard=(0, 1))
        asking = asyncio.create_task(alice.command("queue"))
        interaction = await bot.event("INTERACTION_CREATE")
        clock.advance(3.0)
        shown = await asking
        assert shown.failed == DID_NOT_RESPOND
        callback = f"/interactions/{interaction['id']}/{interaction['token']}/callback"
        status, body = await client.call("POST", callback, {"type": 4, "data": {"content": "Late"}})
        assert (status, body["code"]) == (404, 10062)
        webhook = f"/webhooks/{app.application_id}/{interaction['token']}"
        assert (await client.call("POST", webhook, {"content": "Late"}))[1]["code"] == 10015


async def test_a_token_lives_fifteen_minutes(timeless: FakeDiscord, clock: ManualClock) -> None:
    app = timeless.create_application("TimmyBot")
    guild = timeless.create_guild("A", app)
    alice = guild.add_member("alice")
    async with rest(timeless, app) as client, front_door(app, says("First")) as door:
        await register(client, app)
        await set_endpoint(client, door.url)
        shown = await alice.command("queue")
        original = f"/webhooks/{app.application_id}/{door.received[0]['token']}/messages/@original"
        clock.advance(15 * 60 - 1)
        assert (await client.call("PATCH", original, {"content": "In time"}))[0] == 200
        clock.advance(1)
        assert (await client.call("PATCH", original, {"content": "Late"}))[1]["code"] == 50027
    assert shown.content == "In time"
    assert shown.edits[0].at - shown.asked_at == 15 * 60 - 1


@pytest.mark.parametrize(
    "answer",
    [
        web.Response(status=401),
        web.Response(status=500),
        web.Response(text="not JSON"),
        web.json_response([]),
        web.json_response({"type": 99}),
        web.json_response({"type": 4, "data": {}}),
        web.json_response({"type": 4, "data": [7]}),
        web.json_response({"type": [4]}),
        web.json_response({"type": 4, "data": {"content": "x", "flags": "y"}}),
        web.json_response({"type": 8, "data": {"choices": []}}),
    ],
    ids=lambda answer: f"{answer.status} {answer.text}",
)
async def test_any_other_answer_is_a_failure(
    discord: FakeDiscord, app: Application, guild: Guild, answer: web.Response
) -> None:
    async def answers(_interaction: Json) -> web.Response:
        return web.Response(status=answer.status, body=answer.body, content_type=answer.content_type)

    alice = guild.add_member("alice")
    async with rest(discord, app) as client, front_door(app, answers) as door:
        await register(client, app)
        await set_endpoint(client, door.url)
        assert (await alice.command("queue")).failed == DID_NOT_RESPOND


async def test_what_the_client_does_not_offer_cannot_be_sent(
    discord: FakeDiscord, app: Application, guild: Guild
) -> None:
    alice = guild.add_member("alice")
    async with rest(discord, app) as client:
        await register(client, app)
    for name, options in (
        ("stop", {}),
        ("play", {}),
        ("play", {"url": 7}),
        ("play", {"url": "x" * 201}),
        ("play", {"url": "x", "volume": 201}),
        ("play", {"url": "x", "volume": True}),
        ("queue", {"page": 1}),
    ):
        with pytest.raises(NotOffered):
            await alice.command(name, **options)


async def test_waiting_for_a_text_that_never_comes_says_what_came() -> None:
    shown = Shown(asked_at=0.0)
    with pytest.raises(TimeoutError, match=r"shown were \[\]"):
        await shown.wait_for(bool, timeout=0.01)
