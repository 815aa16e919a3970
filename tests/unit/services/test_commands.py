"""What members ask for, and what they are told."""

from __future__ import annotations

import asyncio
import inspect

import pytest

from tests.fakes.guild import ALICE, BOB, GUILD, OTHER_GUILD, SECOND_SONG, SONG, VOICE, FrontOfHouse
from timmybot.domain.change import Change
from timmybot.domain.ids import ChannelId, GuildId, PlayId, WorkerId, shard_of
from timmybot.domain.lease import Heartbeat, ShardLease
from timmybot.ports.discord import DiscordError, MayNotConnect, NotInvited
from timmybot.ports.guild_store import GuildStore, VersionConflict
from timmybot.services.guild_commands import GuildCommands
from timmybot.settings import Settings


async def queued(house: FrontOfHouse, guild: GuildId = GUILD) -> list[str]:
    store = house.guilds.open(guild)
    state = await store.state()
    waiting = await store.entries(after=state.head, limit=100)
    current = await store.entry(state.current) if state.current else None
    return [entry.track.url for entry in ([current] if current else []) + waiting]


async def test_the_first_song_starts_and_the_next_one_waits() -> None:
    house = FrontOfHouse()
    assert (await house.says("play", url=SONG)).content.startswith(f"Starting <{SONG}>")
    assert (await house.says("play", url=SECOND_SONG)).content.startswith("Queued as number 1")
    assert await queued(house) == [SONG, SECOND_SONG]


async def test_each_guild_has_a_queue_of_its_own() -> None:
    house = FrontOfHouse()
    await house.says("play", url=SONG, guild=GUILD)
    await house.says("play", url=SECOND_SONG, guild=OTHER_GUILD)
    await house.says("skip", guild=GUILD)
    assert await queued(house, GUILD) == []
    assert await queued(house, OTHER_GUILD) == [SECOND_SONG]


def test_no_method_of_a_guilds_store_or_commands_can_name_a_guild() -> None:
    for kind in (GuildStore, GuildCommands):
        for name, method in inspect.getmembers(kind, inspect.isfunction):
            assert not [p for p in inspect.signature(method).parameters if "guild" in p], f"{kind.__name__}.{name}"


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("never gonna give you up", "I play links, and do not search for words"),
        ("http://radio.example/my song.mp3", "spaces"),
        ("song.mp3", "http://"),
        ("ftp://radio.example/song.mp3", "http://"),
        ("file:///etc/passwd", "http://"),
        ("http://", "http://"),
        ("http://user:word@radio.example/song.mp3", "user name or a password"),
        ("http://[broken/song.mp3", "makes no sense"),
        ("http://radio.example/" + "x" * 1_000, "1,000 characters"),
        ("", "http://"),
    ],
)
async def test_what_is_no_link_is_refused_with_the_reason_and_changes_nothing(url: str, reason: str) -> None:
    house = FrontOfHouse()
    answer = await house.says("play", url=url)
    assert reason in answer.content
    assert answer.ephemeral
    assert await queued(house) == []


async def test_who_is_in_no_voice_channel_is_told_to_join_one() -> None:
    house = FrontOfHouse()
    house.rest.whereabouts.clear()
    answer = await house.says("play", url=SONG)
    assert "Join a voice channel" in answer.content
    assert answer.ephemeral


async def test_who_is_in_another_voice_channel_is_told_where_the_music_is() -> None:
    house = FrontOfHouse()
    await house.says("play", url=SONG)
    house.rest.whereabouts[GUILD, BOB] = ChannelId(99)
    assert f"<#{VOICE}>" in (await house.says("play", url=SECOND_SONG, user=BOB)).content
    assert await queued(house) == [SONG]


@pytest.mark.parametrize("command", ["skip", "pause", "resume", "stop", "queue", "nowplaying"])
async def test_with_nothing_playing_every_command_says_how_to_start(command: str) -> None:
    assert "`/play`" in (await FrontOfHouse().says(command)).content


async def test_a_full_queue_refuses_and_keeps_what_it_has() -> None:
    house = FrontOfHouse(Settings(queue_limit=1))
    for url in (SONG, SECOND_SONG, SECOND_SONG):
        answer = await house.says("play", url=url)
    assert "full" in answer.content
    assert await queued(house) == [SONG, SECOND_SONG]


async def test_an_interaction_that_discord_delivers_twice_is_carried_out_once() -> None:
    house = FrontOfHouse()
    invocation = house.invocation("play", url=SONG)
    await house.answering.answer(invocation)
    await house.answering.answer(invocation)
    assert await queued(house) == [SONG]


async def test_stop_clears_the_queue() -> None:
    house = FrontOfHouse()
    for url in (SONG, SECOND_SONG):
        await house.says("play", url=url)
    await house.says("stop")
    assert await queued(house) == []
    assert not (await house.guilds.open(GUILD).state()).wants_player


class TestTwoMembersSkipAtOneMoment:
    async def test_one_track_is_skipped_and_the_other_member_is_told(self) -> None:
        house = FrontOfHouse()
        for url in (SONG, SECOND_SONG, SONG):
            await house.says("play", url=url)
        answers = await asyncio.gather(house.says("skip", user=ALICE), house.says("skip", user=BOB))
        assert sorted("already" in answer.content for answer in answers) == [False, True]
        assert len(await queued(house)) == 2

    async def test_negative_control_had_each_attempt_read_the_playing_anew_both_would_skip(self) -> None:
        house = FrontOfHouse()
        for url in (SONG, SECOND_SONG, SONG):
            await house.says("play", url=url)

        async def skip_naively() -> None:
            store = house.guilds.open(GUILD)
            while True:
                state = await store.state()
                following = await store.entries(after=state.head, limit=1)
                assert state.play_id
                try:
                    await store.commit(Change(state.advance(state.play_id, following[0], PlayId(house.new_id()))))
                except VersionConflict:
                    continue
                return

        await asyncio.gather(skip_naively(), skip_naively())
        assert len(await queued(house)) == 1


async def test_eight_members_queue_at_once_and_every_song_is_there() -> None:
    house = FrontOfHouse()
    urls = [f"https://radio.example/{number}.ogg" for number in range(8)]
    await asyncio.gather(*(house.says("play", url=url) for url in urls))
    assert sorted(await queued(house)) == sorted(urls)


class TestWaking:
    async def test_a_play_wakes_the_service_when_no_worker_is_up(self) -> None:
        house = FrontOfHouse()
        assert "waking up" in (await house.says("play", url=SONG)).content
        assert house.scaler.woken == 1
        assert house.metrics.last("Active") == 1

    async def test_a_play_wakes_nobody_when_the_shards_worker_beats(self) -> None:
        house = FrontOfHouse()
        await self.own_shard(house)
        assert "waking up" not in (await house.says("play", url=SONG)).content
        assert house.scaler.woken == 0

    async def test_a_worker_that_is_draining_or_silent_does_not_count(self) -> None:
        house = FrontOfHouse()
        await self.own_shard(house, draining=True)
        await house.says("play", url=SONG)
        await self.own_shard(house)
        house.clock.freeze(house.settings.lease_seconds)
        await house.says("pause")
        assert house.scaler.woken == 2

    async def test_the_command_holds_even_if_waking_or_nudging_fails(self) -> None:
        house = FrontOfHouse()
        house.scaler.refuses = True
        house.inbox.faults.outage = True
        await house.says("play", url=SONG)
        assert await queued(house) == [SONG]

    async def own_shard(self, house: FrontOfHouse, *, draining: bool = False) -> None:
        me = WorkerId("worker")
        shard = shard_of(GUILD, house.settings.shard_count)
        if not await house.leases.leases():
            await house.leases.take(ShardLease(shard), me)
        await house.leases.beat(Heartbeat(me, 1, house.clock.now(), draining=draining, positions={}))


async def test_when_the_store_is_away_the_member_is_told_to_try_again() -> None:
    house = FrontOfHouse()
    house.guilds.faults.outage = True
    answer = await house.says("play", url=SONG)
    assert "Try again" in answer.content
    assert answer.ephemeral


async def test_when_discord_does_not_say_where_the_member_is_nothing_is_queued() -> None:
    house = FrontOfHouse()
    house.rest.down = True
    assert "Try again" in (await house.says("play", url=SONG)).content
    assert await queued(house) == []


@pytest.mark.parametrize(
    ("refusal", "advice"),
    [(MayNotConnect("403"), "give me View Channel and Connect there"), (NotInvited("404"), "Invite me as a bot first")],
)
async def test_a_channel_that_discord_does_not_tell_is_no_trouble_of_discords(
    refusal: DiscordError, advice: str
) -> None:
    house = FrontOfHouse()
    house.rest.refusal = refusal
    answer = await house.says("play", url=SONG)
    assert advice in answer.content
    assert answer.ephemeral
    assert await queued(house) == []


async def test_nowplaying_says_where_the_worker_last_was() -> None:
    house = FrontOfHouse()
    await house.says("play", url=SONG)
    play_id = (await house.guilds.open(GUILD).state()).play_id
    assert play_id
    me = WorkerId("worker")
    await house.leases.take(ShardLease(shard_of(GUILD, 16)), me)
    await house.leases.beat(Heartbeat(me, 1, house.clock.now(), positions={play_id: 83_000}))
    assert "1:23" in (await house.says("nowplaying")).content


async def test_a_queue_is_shown_a_page_at_a_time_with_the_rest_counted() -> None:
    house = FrontOfHouse()
    for number in range(13):
        await house.says("play", url=f"https://radio.example/{number}.ogg")
    shown = (await house.says("queue")).content
    assert "10. <https://radio.example/10.ogg>" in shown
    assert "… and 2 more" in shown
