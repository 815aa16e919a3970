"""In the channel, and yet heard by nobody: which of Discord's events say so, and what is told then."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from timmybot.adapters.discord_gateway.connection import ShardConnection
from timmybot.adapters.discord_gateway.permissions import Permission
from timmybot.adapters.discord_gateway.session import Frame
from timmybot.adapters.discord_gateway.signalling import Signalling
from timmybot.domain.ids import ChannelId, GuildId, UserId
from timmybot.ports.voice_signalling import Kicked, MayNotSpeak, Muted, ServerChanged, SignallingError, VoiceEvent

GUILD, ME, MUSIC, QUIET, HIDDEN = GuildId(1), UserId(20), ChannelId(5), ChannelId(6), ChannelId(7)
EVERYTHING = Permission.VIEW_CHANNEL | Permission.CONNECT | Permission.SPEAK

Event = tuple[str, Mapping[str, Any]]


def channel(channel_id: ChannelId, denied: int = 0) -> dict[str, Any]:
    overwrite = {"id": str(GUILD), "allow": "0", "deny": str(int(denied))}
    return {"id": str(channel_id), "guild_id": str(GUILD), "type": 2, "permission_overwrites": [overwrite]}


def state(channel_id: ChannelId | None, *, mute: bool = False, session_id: str = "mine") -> Event:
    where = None if channel_id is None else str(channel_id)
    told = {"guild_id": str(GUILD), "user_id": str(ME), "channel_id": where, "session_id": session_id, "mute": mute}
    return "VOICE_STATE_UPDATE", told


SERVER: Event = ("VOICE_SERVER_UPDATE", {"guild_id": str(GUILD), "endpoint": "eu.invalid", "token": "t"})


class Answering(ShardConnection):
    """A gateway connection that answers every request for a channel with the events ``on_asking`` gives."""

    def __init__(self, heard: Callable[[str, Mapping[str, Any]], None]) -> None:
        self.up = asyncio.Event()
        self.up.set()
        self.on_asking: Callable[[ChannelId], list[Event]] = lambda channel_id: [state(channel_id), SERVER]
        self.carries = True
        self._pass_on = heard

    async def send(self, frame: Frame) -> None:
        if not self.carries:
            return
        asked = frame["d"]["channel_id"]
        for name, data in [state(None)] if asked is None else self.on_asking(ChannelId(int(asked))):
            self._pass_on(name, data)

    async def has_answered(self, within_seconds: float) -> bool:
        return self.carries


class Desk:
    """A bot's signalling in a guild that has one channel for music, one without Speak, and one it cannot see."""

    def __init__(self) -> None:
        self.signalling = Signalling(
            lambda _: self.connection, shard_count=1, user_id=ME, may_act=lambda _: True, join_seconds=0.01
        )
        self.connection = Answering(self.signalling.hear)
        self.told: list[VoiceEvent] = []
        self.signalling.subscribe(GUILD, self.told.append)
        channels = [channel(MUSIC), channel(QUIET, Permission.SPEAK), channel(HIDDEN, Permission.VIEW_CHANNEL)]
        everyone = {"id": str(GUILD), "permissions": str(int(EVERYTHING))}
        guild = {"id": str(GUILD), "owner_id": "10", "roles": [everyone], "channels": channels}
        self.signalling.hear("GUILD_CREATE", guild | {"members": [{"user": {"id": str(ME)}, "roles": []}]})

    def hear(self, event: Event) -> None:
        self.signalling.hear(*event)


@pytest.fixture
def desk() -> Desk:
    return Desk()


@pytest.mark.parametrize(("where", "needed"), [(QUIET, "Speak"), (HIDDEN, "View Channel")])
async def test_moved_where_it_may_not_speak_it_says_what_it_needs(desk: Desk, where: ChannelId, needed: str) -> None:
    await desk.signalling.join(GUILD, MUSIC)
    desk.hear(state(where))
    (told,) = desk.told
    assert isinstance(told, MayNotSpeak)
    assert f"<#{where}>" in told.sentence
    assert needed in told.sentence


async def test_moved_there_before_the_new_server_is_named_it_says_so_too(desk: Desk) -> None:
    await desk.signalling.join(GUILD, MUSIC)
    desk.hear(("VOICE_SERVER_UPDATE", {"guild_id": str(GUILD), "endpoint": None, "token": ""}))
    desk.told.clear()
    desk.hear(state(QUIET))
    assert [type(told) for told in desk.told] == [MayNotSpeak]


async def test_moved_where_it_may_speak_it_is_just_moved(desk: Desk) -> None:
    await desk.signalling.join(GUILD, MUSIC)
    desk.hear(("CHANNEL_UPDATE", channel(QUIET)))
    desk.hear(state(QUIET))
    assert [type(told) for told in desk.told] == [ServerChanged]


async def test_a_right_that_is_withdrawn_while_the_entry_is_arranged_keeps_it_out(desk: Desk) -> None:
    withdrawn = ("CHANNEL_UPDATE", channel(MUSIC, Permission.SPEAK))
    desk.connection.on_asking = lambda channel_id: [state(channel_id), withdrawn, SERVER]
    with pytest.raises(SignallingError, match="Speak") as refused:
        await desk.signalling.join(GUILD, MUSIC)
    assert refused.value.lasting


def of_guild(afk_channel_id: ChannelId | None) -> Event:
    afk = None if afk_channel_id is None else str(afk_channel_id)
    return "GUILD_UPDATE", {"id": str(GUILD), "owner_id": "10", "afk_channel_id": afk}


class TestTheAfkChannel:
    async def test_it_is_not_entered(self, desk: Desk) -> None:
        desk.hear(of_guild(MUSIC))
        with pytest.raises(SignallingError, match="Nobody can be heard in the AFK channel <#5>") as refused:
            await desk.signalling.join(GUILD, MUSIC)
        assert refused.value.lasting
        desk.hear(of_guild(None))
        await desk.signalling.join(GUILD, MUSIC)

    async def test_moved_there_it_says_so(self, desk: Desk) -> None:
        desk.hear(of_guild(QUIET))
        await desk.signalling.join(GUILD, MUSIC)
        desk.hear(state(QUIET))
        (told,) = desk.told
        assert isinstance(told, MayNotSpeak)
        assert "Nobody can be heard in the AFK channel <#6>" in told.sentence

    async def test_a_channel_that_becomes_it_while_the_bot_is_there_is_told(self, desk: Desk) -> None:
        await desk.signalling.join(GUILD, MUSIC)
        desk.hear(of_guild(QUIET))
        assert desk.told == []
        desk.hear(of_guild(MUSIC))
        assert [type(told) for told in desk.told] == [MayNotSpeak]


class TestServerMute:
    async def test_it_is_told_once_with_what_to_do(self, desk: Desk) -> None:
        await desk.signalling.join(GUILD, MUSIC)
        for _ in range(2):
            desk.hear(state(MUSIC, mute=True))
        (told,) = desk.told
        assert isinstance(told, Muted)
        assert "take the server mute off me" in told.sentence

    async def test_the_next_one_is_told_again(self, desk: Desk) -> None:
        await desk.signalling.join(GUILD, MUSIC)
        for mute in (True, False, True):
            desk.hear(state(MUSIC, mute=mute))
        assert [type(told) for told in desk.told] == [Muted, Muted]

    async def test_who_comes_in_muted_is_told_so_each_time(self, desk: Desk) -> None:
        desk.connection.on_asking = lambda channel_id: [state(channel_id, mute=True), SERVER]
        for times in (1, 2):
            await desk.signalling.join(GUILD, MUSIC)
            assert [type(told) for told in desk.told] == [Muted] * times
            await desk.signalling.leave(GUILD)

    async def test_it_is_told_beside_a_move_and_a_move_does_not_tell_it_again(self, desk: Desk) -> None:
        await desk.signalling.join(GUILD, MUSIC)
        desk.hear(("CHANNEL_UPDATE", channel(QUIET)))
        desk.hear(state(QUIET, mute=True))
        assert [type(told) for told in desk.told] == [Muted, ServerChanged]
        desk.hear(state(MUSIC, mute=True))
        assert [type(told) for told in desk.told[2:]] == [ServerChanged]

    async def test_what_another_session_of_the_bot_is_shown_is_none_of_its_business(self, desk: Desk) -> None:
        await desk.signalling.join(GUILD, MUSIC)
        desk.hear(state(MUSIC, mute=True, session_id="the successor's"))
        assert not [told for told in desk.told if isinstance(told, Muted)]

    async def test_thrown_out_while_muted_it_is_just_thrown_out(self, desk: Desk) -> None:
        await desk.signalling.join(GUILD, MUSIC)
        desk.hear(state(None, mute=True))
        assert desk.told == [Kicked()]


async def test_a_discord_that_cannot_be_reached_refuses_nothing(desk: Desk) -> None:
    desk.connection.carries = False
    with pytest.raises(SignallingError, match="lost my connection") as refused:
        await desk.signalling.join(GUILD, MUSIC)
    assert refused.value.away


async def test_a_discord_that_answers_and_lets_nobody_in_does_refuse(desk: Desk) -> None:
    desk.connection.on_asking = lambda channel_id: []
    with pytest.raises(SignallingError, match="did not let me into") as refused:
        await desk.signalling.join(GUILD, MUSIC)
    assert not refused.value.away
