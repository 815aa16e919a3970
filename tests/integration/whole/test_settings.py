"""A guild's settings are heard, by that guild alone, whatever becomes of the process; and who is left alone leaves."""

from __future__ import annotations

from statistics import median

from sandbox.demo.scene import Scene
from sandbox.discord.permissions import Permission
from sandbox.melody import recognise
from tests.integration.voice.scene import until
from tests.integration.whole.conftest import House

PATIENCE_SECONDS = 10.0
LISTEN_SECONDS = 2.0
FAST = 20.0


async def level(scene: Scene) -> float:
    """How loud the guild's own song is heard from now on."""
    scene.ear.clear()
    windows = await scene.ear.wait_for_sound(PATIENCE_SECONDS, seconds=LISTEN_SECONDS)
    assert recognise(windows, scene.songs[0].melody).segments, "another song is heard"
    return median(window.level for window in windows[len(windows) // 2 :])


async def test_the_volume_is_heard_at_once_in_one_guild_alone_and_outlives_the_process(house: House) -> None:
    a, b = house.a, house.b
    async with house.bot():
        for scene in (a, b):  # how loud each song is by itself is none of this test's business
            scene.member.permissions |= Permission.MANAGE_GUILD
            await scene.says("settings", loudness="off")
        await a.play(a.songs[0])
        await b.play(b.songs[0])
        as_it_is, others = await level(a), await level(b)
        a.ear.clear()
        assert (await a.member.command("volume", percent=50)).content == "The volume is 50 % from now on."
        softer = await level(a)
        assert 0.2 < softer / as_it_is < 0.45
        assert 0.9 < await level(b) / others < 1.1
    async with house.bot():
        assert 0.9 < await level(a) / softer < 1.1
        assert 0.9 < await level(b) / others < 1.1


async def test_who_is_left_alone_leaves_and_comes_back_with_its_queue_when_asked(house: House) -> None:
    a = house.a
    a.member.permissions |= Permission.MANAGE_GUILD
    async with house.bot(pace=FAST):
        assert "after 1 minute " in (await a.member.command("settings", leave_after=1)).content
        await a.play(a.songs[0])
        await a.play(a.songs[1])
        await a.ear.wait_for_sound(PATIENCE_SECONDS, seconds=1.0)
        await a.member.leave()
        await until(lambda: house.app.bot_user_id not in a.guild.voice_states, "the bot to leave")
        await until(lambda: bool(a.guild.text_channel.messages), "its saying so")
        assert "Nobody has been listening" in a.guild.text_channel.messages[-1]["content"]
        await a.member.join(a.guild.voice_channel)
        a.ear.clear()
        assert (await a.says("resume")).content == "Coming back, and playing on."
        windows = await a.ear.wait_for_sound(PATIENCE_SECONDS, seconds=1.0)
        assert recognise(windows, a.songs[0].melody).segments
        assert "1." in (await a.says("queue")).content


async def test_negative_control_while_somebody_listens_it_stays(house: House) -> None:
    a = house.a
    a.member.permissions |= Permission.MANAGE_GUILD
    async with house.bot(pace=FAST):
        await a.member.command("settings", leave_after=1)
        await a.play(a.songs[0])
        await a.ear.wait_for_sound(PATIENCE_SECONDS, seconds=1.5 * 60 / FAST)
        assert house.app.bot_user_id in a.guild.voice_states
