"""A guild whose bot nobody can hear is told so in its text channel, and its queue is not lost over it."""

from __future__ import annotations

import pytest

from sandbox.demo.scene import Scene
from sandbox.discord.permissions import EVERYONE, Permission
from sandbox.melody import recognise
from tests.integration.voice.scene import until
from tests.integration.whole.conftest import House

PATIENCE_SECONDS = 10.0


async def is_told(scene: Scene, part: str) -> str:
    """The message with ``part`` in it, once it is in the guild's text channel."""
    messages = scene.guild.text_channel.messages
    await until(lambda: any(part in message["content"] for message in messages), f"a message with {part!r}")
    return str(messages[-1]["content"])


async def hears(scene: Scene, song: int) -> None:
    scene.ear.clear()
    windows = await scene.ear.wait_for_sound(PATIENCE_SECONDS, seconds=1.5)
    assert recognise(windows, scene.songs[song].melody).segments, "another song is heard"


async def test_a_server_mute_is_told_the_queue_goes_on_and_is_heard_after_the_unmute(house: House) -> None:
    a = house.a
    async with house.bot():
        for song in a.songs:
            await a.play(song)
        await hears(a, 0)
        await a.guild.mute_bot()
        assert "take the server mute off me" in await is_told(a, "A moderator has muted me")
        await a.says("skip")
        await a.guild.unmute_bot()
        await hears(a, 1)
        assert len(a.guild.text_channel.messages) == 1


async def test_asked_to_the_afk_channel_it_says_that_nobody_is_heard_there_and_keeps_the_queue(house: House) -> None:
    a = house.a
    music, afk = a.guild.voice_channel, a.guild.create_voice_channel("Away")
    a.guild.make_afk_channel(afk)
    async with house.bot():
        await a.member.join(afk)
        shown = await a.play(a.songs[0])
        sentence = f"Nobody can be heard in the AFK channel <#{afk.id}>. Join another voice channel."
        said = await shown.wait_for(lambda text: sentence in text)
        assert "The queue is kept: `/resume` brings me back." in said
        assert a.guild.bot_voice_state is None
        await a.member.join(music)
        await a.says("resume")
        await hears(a, 0)
        await a.play(a.songs[1])
        await a.guild.move_bot(afk)
        await until(lambda: a.guild.bot_voice_state is None, "its leaving")
        assert sentence in await is_told(a, "The queue is kept")
        await a.says("resume")
        await hears(a, 0)
        await a.says("skip")
        await hears(a, 1)


async def test_moved_where_it_may_not_speak_it_says_so_and_comes_back_with_its_queue(house: House) -> None:
    a = house.a
    quiet = a.guild.create_voice_channel("Quiet", bot_permissions=EVERYONE & ~Permission.SPEAK)
    async with house.bot():
        for song in a.songs:
            await a.play(song)
        await hears(a, 0)
        await a.guild.move_bot(quiet)
        said = await is_told(a, "Give me the permission Speak")
        assert f"<#{quiet.id}>" in said
        assert "The queue is kept: `/resume` brings me back." in said
        await until(lambda: a.guild.bot_voice_state is None, "its leaving")
        await a.says("resume")
        await hears(a, 0)
        await a.says("skip")
        await hears(a, 1)


@pytest.mark.parametrize("missing", [Permission.CONNECT, Permission.VIEW_CHANNEL])
async def test_asked_to_a_channel_that_it_may_not_enter_it_names_the_permissions(
    house: House, missing: Permission
) -> None:
    a = house.a
    music, closed = a.guild.voice_channel, a.guild.create_voice_channel("Closed", bot_permissions=EVERYONE & ~missing)
    async with house.bot():
        await a.member.join(closed)
        refused = await a.says("play", url=a.songs[0].url)
        assert "give me View Channel and Connect there" in refused.content
        assert refused.ephemeral
        await a.member.join(music)
        await a.play(a.songs[0])
        await hears(a, 0)


async def goes_away(house: House) -> None:
    """A plays its song and is sent to the AFK channel, so that it leaves and keeps its queue for ``/resume``."""
    a = house.a
    await a.play(a.songs[0])
    await hears(a, 0)
    afk = a.guild.create_voice_channel("Away")
    a.guild.make_afk_channel(afk)
    await a.guild.move_bot(afk)
    await is_told(a, "The queue is kept")
    await until(lambda: a.guild.bot_voice_state is None, "its leaving")
    a.guild.text_channel.messages.clear()


async def test_resumed_from_the_afk_channel_it_says_that_nobody_is_heard_there_and_keeps_the_queue(
    house: House,
) -> None:
    a = house.a
    music, afk = a.guild.voice_channel, a.guild.create_voice_channel("Also away")
    async with house.bot():
        await goes_away(house)
        a.guild.make_afk_channel(afk)
        await a.member.join(afk)
        await a.says("resume")
        said = await is_told(a, "Nobody can be heard in the AFK channel")
        assert f"<#{afk.id}>" in said
        assert "The queue is kept: `/resume` brings me back." in said
        assert a.guild.bot_voice_state is None
        await a.member.join(music)
        await a.says("resume")
        await hears(a, 0)
        assert len(a.guild.text_channel.messages) == 1


async def test_resumed_where_it_may_not_speak_it_names_the_permission_and_keeps_the_queue(house: House) -> None:
    a = house.a
    music = a.guild.voice_channel
    quiet = a.guild.create_voice_channel("Quiet", bot_permissions=EVERYONE & ~Permission.SPEAK)
    async with house.bot():
        await goes_away(house)
        await a.member.join(quiet)
        await a.says("resume")
        said = await is_told(a, "Give me this permission there: Speak")
        assert f"<#{quiet.id}>" in said
        assert "The queue is kept: `/resume` brings me back." in said
        await a.member.join(music)
        await a.says("resume")
        await hears(a, 0)


@pytest.mark.parametrize("missing", [Permission.CONNECT, Permission.VIEW_CHANNEL])
async def test_resumed_from_a_channel_that_it_may_not_enter_it_names_the_permissions_and_stays_away(
    house: House, missing: Permission
) -> None:
    a = house.a
    music, closed = a.guild.voice_channel, a.guild.create_voice_channel("Closed", bot_permissions=EVERYONE & ~missing)
    async with house.bot():
        await goes_away(house)
        await a.member.join(closed)
        refused = await a.says("resume")
        assert "give me View Channel and Connect there" in refused.content
        assert refused.ephemeral
        await a.member.join(music)
        await a.says("resume")
        await hears(a, 0)


async def test_resumed_by_a_member_in_no_channel_it_says_why_it_does_not_come_back_to_the_one_it_was_in(
    house: House,
) -> None:
    a = house.a
    music = a.guild.voice_channel
    async with house.bot():
        await goes_away(house)
        await a.member.leave()
        a.guild.make_afk_channel(music)
        await a.says("resume")
        said = await is_told(a, "Nobody can be heard in the AFK channel")
        assert f"<#{music.id}>" in said
        assert "The queue is kept: `/resume` brings me back." in said
        assert a.guild.bot_voice_state is None
