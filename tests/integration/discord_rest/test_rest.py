"""The REST client against the fake Discord."""

from __future__ import annotations

import asyncio
import logging
import traceback
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from sandbox.discord import EVERYONE, Application, FakeDiscord, Guild, ManualClock, Permission
from sandbox.discord.interactions import Interaction
from sandbox.discord.line import Lost, Trouble
from sandbox.discord.shown import Shown
from timmybot.adapters.discord_rest import DiscordRest
from timmybot.adapters.discord_rest.transport import CONNECTIONS
from timmybot.domain.change import OwedReply
from timmybot.domain.ids import ChannelId, GuildId, InteractionId, OrderKey, UserId
from timmybot.ports.discord import (
    AlreadyAnswered,
    DiscordError,
    MayNotConnect,
    NotInvited,
    ReplyExpired,
    ReplyNotYet,
)
from timmybot.ports.secrets import Credentials, SecretMissing

DEFERRED = {"type": 5}
INTERACTION_TOKEN = "interaction" + "-token"  # put together, so that a traceback's source lines do not hold it
COMMAND = {"name": "play", "description": "Play a track", "type": 1}


class Tandem:
    """The bot's clock, in step with Discord's: time passes only while the bot waits."""

    def __init__(self, clock: ManualClock) -> None:
        self._clock = clock
        self.waited: list[float] = []

    def now(self) -> float:
        return self._clock.time()

    def monotonic(self) -> float:
        return self._clock.monotonic()

    async def sleep(self, seconds: float) -> None:
        self.waited.append(seconds)
        self._clock.advance(seconds)


class Known:
    """Secrets that are what they are."""

    def __init__(self, app: Application) -> None:
        self.token: str | None = app.bot_token
        self._application_id = app.application_id

    async def credentials(self) -> Credentials:
        if self.token is None:
            raise SecretMissing("The bot's token is not set.")
        return Credentials(self.token, self._application_id, "")


@pytest.fixture
def time() -> ManualClock:
    return ManualClock()


@pytest.fixture
async def discord(tmp_path: Path, time: ManualClock) -> AsyncIterator[FakeDiscord]:
    async with FakeDiscord(tmp_path, clock=time) as one:
        yield one


@pytest.fixture
def app(discord: FakeDiscord) -> Application:
    return discord.create_application("TimmyBot")


@pytest.fixture
def guild(discord: FakeDiscord, app: Application) -> Guild:
    return discord.create_guild("A", app)


@pytest.fixture
def secrets(app: Application) -> Known:
    return Known(app)


@pytest.fixture
def clock(time: ManualClock) -> Tandem:
    return Tandem(time)


@pytest.fixture
async def rest(discord: FakeDiscord, secrets: Known, clock: Tandem) -> AsyncIterator[DiscordRest]:
    one = DiscordRest(discord.api_url, secrets, clock)
    yield one
    one.close()


def text_channel(guild: Guild) -> ChannelId:
    return ChannelId(guild.text_channel.id)


async def test_what_discord_knows_of_the_bot(rest: DiscordRest, app: Application, discord: FakeDiscord) -> None:
    assert (await rest.bot_user())["id"] == str(app.bot_user_id)
    assert (await rest.application())["id"] == str(app.application_id)
    assert await rest.gateway_url() == discord.gateway.url


async def test_commands_are_replaced_as_a_whole(rest: DiscordRest, app: Application) -> None:
    await rest.set_commands(app.application_id, [COMMAND, COMMAND | {"name": "old"}])
    await rest.set_commands(app.application_id, [COMMAND])

    assert [command["name"] for command in app.commands[None]] == ["play"]


async def test_an_endpoint_that_does_not_answer_is_refused_with_discords_reason(rest: DiscordRest) -> None:
    assert await rest.interactions_endpoint() is None

    with pytest.raises(DiscordError, match=r"PATCH /applications/@me: Discord answered 400"):
        await rest.set_interactions_endpoint("http://127.0.0.1:9/")

    await rest.set_interactions_endpoint(None)


async def test_where_a_member_is(rest: DiscordRest, guild: Guild) -> None:
    alice = guild.add_member("alice")
    asked = GuildId(guild.id), UserId(alice.user_id)
    assert await rest.voice_channel_of(*asked) is None

    await alice.join(guild.voice_channel)

    assert await rest.voice_channel_of(*asked) == guild.voice_channel.id
    with pytest.raises(NotInvited):
        await rest.voice_channel_of(GuildId(1), UserId(alice.user_id))


@pytest.mark.parametrize("missing", [Permission.CONNECT, Permission.VIEW_CHANNEL])
async def test_where_a_member_is_that_the_bot_may_not_follow_is_not_told(
    rest: DiscordRest, guild: Guild, missing: Permission
) -> None:
    alice, closed = guild.add_member("alice"), guild.create_voice_channel("Closed", bot_permissions=EVERYONE & ~missing)
    await alice.join(closed)
    with pytest.raises(MayNotConnect):
        await rest.voice_channel_of(GuildId(guild.id), UserId(alice.user_id))


async def test_a_message_mentions_nobody_and_has_an_end(rest: DiscordRest, guild: Guild, discord: FakeDiscord) -> None:
    await rest.tell(text_channel(guild), "Now playing: @everyone <@1> " + "x" * 3_000)

    sent = guild.text_channel.messages[-1]
    assert len(sent["content"]) == 2_000
    assert sent["content"].endswith("…")
    assert discord.log.rest_calls[-1].body["allowed_mentions"] == {"parse": []}


async def test_answers_that_cannot_be_given_any_more_are_told_apart(rest: DiscordRest, app: Application) -> None:
    gone = OwedReply(InteractionId(1), app.application_id, "no-such-token", OrderKey("1"), 0.0)

    with pytest.raises(ReplyExpired):
        await rest.edit(gone, "Now playing")
    with pytest.raises(ReplyExpired):
        await rest.respond(InteractionId(1), "no-such-token", DEFERRED)


async def test_a_spent_bucket_is_waited_for_and_not_run_into(
    rest: DiscordRest, guild: Guild, discord: FakeDiscord, clock: Tandem
) -> None:
    discord.rest.limits.limit("POST", "/channels/{channel_id}/messages", 2, 5.0)

    for number in range(5):
        await rest.tell(text_channel(guild), f"message {number}")

    assert [call.status for call in discord.log.rest_calls] == [200] * 5
    assert clock.waited == [pytest.approx(5.0, abs=0.01)] * 2


async def test_a_refusal_is_waited_out_as_long_as_it_says(
    rest: DiscordRest, guild: Guild, discord: FakeDiscord, clock: Tandem, secrets: Known
) -> None:
    discord.rest.limits.limit("POST", "/channels/{channel_id}/messages", 1, 5.0)
    another = DiscordRest(discord.api_url, secrets, clock)  # the same bot, in another process
    await another.tell(text_channel(guild), "from there")
    another.close()

    await rest.tell(text_channel(guild), "from here")

    assert [call.status for call in discord.log.rest_calls] == [200, 429, 200]
    assert sum(clock.waited) == pytest.approx(5.0, abs=0.01)


async def test_a_wait_too_long_for_anyone_is_reported(rest: DiscordRest, guild: Guild, discord: FakeDiscord) -> None:
    discord.rest.limits.limit("POST", "/channels/{channel_id}/messages", 1, 600.0)
    await rest.tell(text_channel(guild), "one")

    with pytest.raises(DiscordError, match="asks to wait 600 seconds"):
        await rest.tell(text_channel(guild), "two")
    assert len(discord.log.rest_calls) == 1


async def test_the_global_limit_is_kept(rest: DiscordRest, discord: FakeDiscord, clock: Tandem) -> None:
    discord.rest.limits.default = (1_000, 1.0)

    for _ in range(120):
        await rest.bot_user()

    assert {call.status for call in discord.log.rest_calls} == {200}
    assert sum(clock.waited) == pytest.approx(2.0, abs=0.01)


async def test_a_rotated_token_is_used_from_the_next_request_on(
    rest: DiscordRest, secrets: Known, app: Application
) -> None:
    good, secrets.token = secrets.token, "revoked"
    with pytest.raises(DiscordError, match="401"):
        await rest.bot_user()

    secrets.token = good
    assert (await rest.bot_user())["id"] == str(app.bot_user_id)
    secrets.token = None
    with pytest.raises(DiscordError, match="token is not set"):
        await rest.bot_user()


@pytest.mark.parametrize("api", ["http://127.0.0.1:9", None], ids=["unreachable", "answering"])
async def test_no_token_gets_into_an_error_or_a_log(
    *,
    discord: FakeDiscord,
    secrets: Known,
    clock: Tandem,
    app: Application,
    caplog: pytest.LogCaptureFixture,
    api: str | None,
) -> None:
    caplog.set_level(logging.DEBUG)
    rest = DiscordRest(api or discord.api_url, secrets, clock)
    owed = OwedReply(InteractionId(1), app.application_id, INTERACTION_TOKEN, OrderKey("1"), 0.0)

    with pytest.raises(DiscordError) as edited:
        await rest.edit(owed, "x")
    with pytest.raises(DiscordError) as responded:
        await rest.respond(InteractionId(1), INTERACTION_TOKEN, DEFERRED)
    rest.close()

    logged = [f"{record.name} {record.getMessage()}" for record in caplog.records if record.name.startswith("urllib3")]
    told = "".join("".join(traceback.format_exception(error.value)) for error in (edited, responded))
    assert logged, "urllib3 does log requests"
    assert INTERACTION_TOKEN not in "".join(logged) + told
    assert edited.value.__context__ is None


async def test_without_the_filter_urllib3_would_log_it(
    rest: DiscordRest, app: Application, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    urllib3 = logging.getLogger("urllib3.connectionpool")
    filters, urllib3.filters = urllib3.filters, []
    try:
        with pytest.raises(ReplyExpired):
            await rest.respond(InteractionId(1), INTERACTION_TOKEN, DEFERRED)
    finally:
        urllib3.filters = filters

    assert INTERACTION_TOKEN in caplog.text


async def test_a_token_with_a_line_break_is_not_repeated(rest: DiscordRest, secrets: Known) -> None:
    secrets.token = "half-a-\ntoken"

    with pytest.raises(DiscordError) as caught:
        await rest.bot_user()
    assert "half-a" not in "".join(traceback.format_exception(caught.value))


def at_first(*faults: Lost | int | None) -> Trouble:
    """Trouble for the first requests, one each."""
    left = list(faults)
    return lambda _method, _path: left.pop(0) if left else None


def asked(discord: FakeDiscord, app: Application, guild: Guild) -> Interaction:
    """A command that nobody has answered yet."""
    member = guild.add_member("alice")
    now = discord.clock.monotonic()
    one = Interaction(discord.world.snowflakes.next(), INTERACTION_TOKEN, app, member, Shown(now), now)
    discord.interactions._by_id[one.id] = discord.interactions._by_token[one.token] = one
    return one


@pytest.mark.parametrize("fault", [500, 502, 503, 504, Lost.REQUEST, Lost.ANSWER])
async def test_a_first_answer_is_given_again_until_discord_has_it(
    rest: DiscordRest, discord: FakeDiscord, app: Application, guild: Guild, fault: Lost | int
) -> None:
    interaction = asked(discord, app, guild)
    discord.line.trouble = at_first(fault)
    await rest.respond(InteractionId(interaction.id), interaction.token, DEFERRED)
    assert interaction.acknowledged


async def test_a_first_answer_does_not_wait_for_edits_that_hang(
    rest: DiscordRest, discord: FakeDiscord, app: Application, guild: Guild
) -> None:
    interaction = asked(discord, app, guild)
    hanging = []

    def edits_hang(method: str, path: str) -> Lost | None:
        if method != "PATCH":
            return None
        hanging.append(path)
        return Lost.REQUEST

    discord.line.trouble, discord.line.silence_seconds = edits_hang, 1.0
    owed = OwedReply(InteractionId(interaction.id), app.application_id, INTERACTION_TOKEN, OrderKey("one"), 1e12)
    edits = [asyncio.create_task(rest.edit(owed, "lost")) for _ in range(2 * CONNECTIONS)]
    while len(hanging) < CONNECTIONS:  # noqa: ASYNC110  # the fake Discord is looked at from outside
        await asyncio.sleep(0)
    await rest.respond(InteractionId(interaction.id), interaction.token, DEFERRED)
    assert interaction.acknowledged
    assert len(hanging) == CONNECTIONS, "no edit had given its thread back"
    for edit in edits:
        edit.cancel()
    await asyncio.gather(*edits, return_exceptions=True)


async def test_a_second_first_answer_is_told_from_one_that_was_lost(
    rest: DiscordRest, discord: FakeDiscord, app: Application, guild: Guild
) -> None:
    interaction = asked(discord, app, guild)
    await rest.respond(InteractionId(interaction.id), interaction.token, DEFERRED)
    with pytest.raises(AlreadyAnswered, match="40060"):
        await rest.respond(InteractionId(interaction.id), interaction.token, DEFERRED)


async def test_an_edit_before_the_first_answer_comes_too_early_and_one_of_an_old_command_too_late(
    rest: DiscordRest, discord: FakeDiscord, app: Application, guild: Guild, time: ManualClock
) -> None:
    interaction = asked(discord, app, guild)
    with pytest.raises(ReplyNotYet):
        await rest.edit_response(InteractionId(interaction.id), app.application_id, interaction.token, {"content": "a"})
    time.advance(6)
    with pytest.raises(ReplyExpired):
        await rest.edit_response(InteractionId(interaction.id), app.application_id, interaction.token, {"content": "a"})


async def test_what_may_be_asked_twice_is_asked_again_after_a_5xx(rest: DiscordRest, discord: FakeDiscord) -> None:
    discord.line.trouble = at_first(502, 503)
    assert (await rest.bot_user())["username"] == "TimmyBot"


async def test_a_message_is_never_sent_twice(rest: DiscordRest, discord: FakeDiscord, guild: Guild) -> None:
    discord.line.trouble = at_first(502)
    with pytest.raises(DiscordError, match="502"):
        await rest.tell(text_channel(guild), "Hello")
    assert guild.text_channel.messages == []


async def test_a_discord_that_stays_broken_is_given_up(rest: DiscordRest, discord: FakeDiscord, clock: Tandem) -> None:
    discord.line.trouble = lambda _method, _path: 503
    with pytest.raises(DiscordError, match="503"):
        await rest.bot_user()
    assert sum(clock.waited) < 1.0


async def test_a_ban_by_the_edge_is_waited_out_in_silence_on_every_route(
    rest: DiscordRest, discord: FakeDiscord, app: Application, guild: Guild, time: ManualClock
) -> None:
    """Cloudflare's 429 is no JSON, and what is sent into it makes it longer."""
    discord.rest.ban(600.0)
    with pytest.raises(DiscordError):
        await rest.bot_user()
    for number in range(3):
        interaction = InteractionId(number + 1)
        with pytest.raises(DiscordError, match="asks to wait"):
            await rest.respond(interaction, INTERACTION_TOKEN, DEFERRED)
        with pytest.raises(DiscordError, match="asks to wait"):
            await rest.tell(text_channel(guild), "Hello")
    assert [call.status for call in discord.log.rest_calls] == [429]
    time.advance(600)
    await rest.tell(text_channel(guild), "Hello")


async def test_a_limit_that_others_spent_is_waited_for_and_counted_to_nobody(
    rest: DiscordRest, guild: Guild, discord: FakeDiscord, clock: Tandem, secrets: Known
) -> None:
    discord.rest.limits.limit("POST", "/channels/{channel_id}/messages", 1, 5.0)
    discord.rest.limits.share("POST", "/channels/{channel_id}/messages")
    another = DiscordRest(discord.api_url, secrets, clock)
    await another.tell(text_channel(guild), "from there")
    another.close()
    await rest.tell(text_channel(guild), "from here")
    assert [call.status for call in discord.log.rest_calls] == [200, 429, 200]
    assert discord.rest._invalid_at == []
