"""The REST API answers as Discord's: shapes, codes, limits, also to nonsense."""

from __future__ import annotations

import pytest

from sandbox.discord import Application, FakeDiscord, Guild, ManualClock, Permission
from tests.integration.sandbox_discord.rest_client import PLAY, QUEUE, register, rest


async def test_a_wrong_token_is_unauthorized(discord: FakeDiscord) -> None:
    async with rest(discord, None) as client:
        assert await client.call("GET", "/users/@me") == (401, {"message": "401: Unauthorized", "code": 0})


async def test_a_bot_learns_who_it_is_and_where_the_gateway_is(discord: FakeDiscord, app: Application) -> None:
    async with rest(discord, app) as client:
        _, me = await client.call("GET", "/users/@me")
        _, gateway = await client.call("GET", "/gateway/bot")
        _, application = await client.call("GET", "/applications/@me")
    assert me["id"] == str(app.bot_user_id)
    assert me["bot"]
    assert gateway["url"] == discord.gateway.url
    assert gateway["session_start_limit"] == {
        "total": 1000,
        "remaining": 1000,
        "reset_after": 86_400_000,
        "max_concurrency": 1,
    }
    assert application["verify_key"] == app.public_key


async def test_commands_are_registered_and_keep_their_ids(discord: FakeDiscord, app: Application) -> None:
    path = f"/applications/{app.application_id}/commands"
    async with rest(discord, app) as client:
        _, first = await client.call("PUT", path, [PLAY, QUEUE])
        _, second = await client.call("PUT", path, [QUEUE, PLAY])
        _, listed = await client.call("GET", path)
    assert {c["name"]: c["id"] for c in first} == {c["name"]: c["id"] for c in second}
    assert listed == second


@pytest.mark.parametrize(
    ("command", "where"),
    [
        ({"name": "Play", "description": "x"}, "name"),
        ({"name": "two words", "description": "x"}, "name"),
        ({"name": "play", "description": ""}, "description"),
        ({"name": "play"}, "description"),
        ({"name": "play", "description": "x", "options": [{"type": 99, "name": "a", "description": "b"}]}, "options"),
        ({"name": "play", "description": "x", "options": 7}, "options"),
    ],
)
async def test_a_bad_command_is_an_invalid_form_body_that_says_where(
    discord: FakeDiscord, app: Application, command: dict[str, object], where: str
) -> None:
    async with rest(discord, app) as client:
        status, body = await client.call("PUT", f"/applications/{app.application_id}/commands", [command])
    assert (status, body["code"]) == (400, 50035)
    assert where in body["errors"]["0"]


async def test_the_commands_of_another_application_are_out_of_reach(discord: FakeDiscord, app: Application) -> None:
    other = discord.create_application("Other")
    async with rest(discord, app) as client:
        status, body = await client.call("PUT", f"/applications/{other.application_id}/commands", [])
    assert (status, body["code"]) == (403, 50001)


async def test_where_a_member_is_in_voice_can_be_asked(discord: FakeDiscord, app: Application, guild: Guild) -> None:
    alice = guild.add_member("alice")
    path = f"/guilds/{guild.id}/voice-states/{alice.user_id}"
    async with rest(discord, app) as client:
        status, body = await client.call("GET", path)
        assert (status, body["code"]) == (404, 10065)
        await alice.join(guild.voice_channel)
        status, body = await client.call("GET", path)
    assert (status, body["channel_id"]) == (200, str(guild.voice_channel.id))


async def test_guild_channels_roles_and_members_can_be_read(
    discord: FakeDiscord, app: Application, guild: Guild
) -> None:
    alice = guild.add_member("alice")
    async with rest(discord, app) as client:
        for path in (
            f"/guilds/{guild.id}",
            f"/guilds/{guild.id}/channels",
            f"/guilds/{guild.id}/roles",
            f"/guilds/{guild.id}/members/{alice.user_id}",
            f"/guilds/{guild.id}/members/{app.bot_user_id}",
            f"/channels/{guild.text_channel.id}",
        ):
            assert (await client.call("GET", path))[0] == 200
        for path, code in (
            ("/guilds/1", 10004),
            ("/channels/1", 10003),
            (f"/guilds/{guild.id}/members/1", 10007),
            ("/nothing/here", 0),
            ("/guilds/drop-table", 50035),
        ):
            assert (await client.call("GET", path))[1]["code"] == code


async def test_a_guild_the_bot_is_not_in_does_not_exist_for_it(discord: FakeDiscord, app: Application) -> None:
    strange = discord.create_guild("Strange", discord.create_application("Other"))
    async with rest(discord, app) as client:
        assert (await client.call("GET", f"/guilds/{strange.id}"))[1]["code"] == 10004
        assert (await client.call("GET", f"/channels/{strange.text_channel.id}"))[1]["code"] == 10003


async def test_messages_are_checked_and_kept(discord: FakeDiscord, app: Application, guild: Guild) -> None:
    path = f"/channels/{guild.text_channel.id}/messages"
    quiet = guild.create_text_channel("quiet", bot_permissions=~Permission.SEND_MESSAGES)
    async with rest(discord, app) as client:
        assert (await client.call("POST", path, {"content": "Hello"}))[0] == 200
        assert (await client.call("POST", path, {"content": ""}))[1]["code"] == 50006
        assert (await client.call("POST", path, {"content": "x" * 2001}))[1]["code"] == 50035
        assert (await client.call("POST", path, ["Hello"]))[1]["code"] == 50035
        assert (await client.call("POST", path, raw=b"{"))[1]["code"] == 50109
        assert (await client.call("POST", f"/channels/{quiet.id}/messages", {"content": "x"}))[1]["code"] == 50013
    assert [message["content"] for message in guild.text_channel.messages] == ["Hello"]


async def test_a_full_bucket_is_a_429_until_it_resets(timeless: FakeDiscord, clock: ManualClock) -> None:
    app = timeless.create_application("TimmyBot")
    guild = timeless.create_guild("A", app)
    path = f"/channels/{guild.text_channel.id}/messages"
    timeless.rest.limits.limit("POST", "/channels/{channel_id}/messages", 2, 5.0)
    async with rest(timeless, app) as client:
        assert (await client.call("POST", path, {"content": "1"}))[0] == 200
        assert client.headers["X-RateLimit-Remaining"] == "1"
        assert (await client.call("POST", path, {"content": "2"}))[0] == 200
        assert client.headers["X-RateLimit-Remaining"] == "0"
        status, body = await client.call("POST", path, {"content": "3"})
        assert (status, body["retry_after"], body["global"]) == (429, 5.0, False)
        other = guild.create_text_channel("other")
        assert (await client.call("POST", f"/channels/{other.id}/messages", {"content": "1"}))[0] == 200
        clock.advance(5.0)
        assert (await client.call("POST", path, {"content": "4"}))[0] == 200


async def test_fifty_requests_a_second_are_the_global_limit(timeless: FakeDiscord) -> None:
    app = timeless.create_application("TimmyBot")
    timeless.rest.limits.default = (1000, 1.0)
    async with rest(timeless, app) as client:
        statuses = [(await client.call("GET", "/users/@me"))[0] for _ in range(51)]
        assert statuses == [200] * 50 + [429]
        assert client.headers["X-RateLimit-Global"] == "true"
        # Interactions do not count to it.
        assert (await client.call("POST", "/interactions/1/x/callback", {"type": 5}))[0] == 404


async def test_every_call_is_in_the_log(discord: FakeDiscord, app: Application) -> None:
    async with rest(discord, app) as client:
        await register(client, app)
    calls = discord.log.rest_calls
    assert [(c.method, c.path, c.status) for c in calls] == [
        ("PUT", f"/applications/{app.application_id}/commands", 200)
    ]


@pytest.mark.parametrize(
    "body",
    [
        7,
        "text",
        [None],
        {"content": 7},
        {"content": "x", "flags": "many"},
        {"content": "x", "embeds": 7},
        {"content": "x", "components": {"type": 1}},
        {"embeds": [{}] * 11},
    ],
)
async def test_a_hostile_message_is_an_invalid_form_body(
    discord: FakeDiscord, app: Application, guild: Guild, body: object
) -> None:
    async with rest(discord, app) as client:
        status, answer = await client.call("POST", f"/channels/{guild.text_channel.id}/messages", body)
    assert (status, answer["code"]) == (400, 50035)


@pytest.mark.parametrize("raw", [b"{", b"\xff\xfe", b"[" * 100_000, b'{"a":' * 50_000, b"NaN,"])
async def test_what_is_not_json_is_told_so(discord: FakeDiscord, app: Application, raw: bytes) -> None:
    async with rest(discord, app) as client:
        status, answer = await client.call("PUT", f"/applications/{app.application_id}/commands", raw=raw)
    assert (status, answer["code"]) == (400, 50109)


@pytest.mark.parametrize(
    "commands", [{}, 7, [7], [{"name": ["x"]}], [PLAY, PLAY], [PLAY | {"options": [{"type": [], "name": "x"}]}]]
)
async def test_hostile_commands_are_an_invalid_form_body(
    discord: FakeDiscord, app: Application, commands: object
) -> None:
    async with rest(discord, app) as client:
        status, answer = await client.call("PUT", f"/applications/{app.application_id}/commands", commands)
    assert (status, answer["code"]) == (400, 50035)


async def test_too_many_invalid_requests_ban_the_address_for_ten_minutes(
    timeless: FakeDiscord, clock: ManualClock
) -> None:
    app = timeless.create_application("TimmyBot")
    timeless.rest.invalid_requests_limit = 3
    async with rest(timeless, None) as stranger, rest(timeless, app) as client:
        for _ in range(3):
            assert (await stranger.call("GET", "/users/@me"))[0] == 401
        async with stranger.request("GET", "/users/@me") as answer:
            assert (answer.status, answer.content_type) == (429, "text/html")
            assert (await answer.text()).endswith("error code: 1015")
            assert answer.headers["Retry-After"] == "600"
            assert "Via" not in answer.headers, "it is Cloudflare that answers, and not Discord"
        clock.advance(601)
        assert (await client.call("GET", "/users/@me"))[0] == 200
