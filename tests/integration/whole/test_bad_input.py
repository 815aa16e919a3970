"""Whatever a member gives the bot, the answer says what is wrong, and the queue goes on."""

from __future__ import annotations

import pytest

from sandbox.demo.scene import starts
from tests.integration.whole.conftest import House

PATIENCE_SECONDS = 30.0


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("missing_url", "404"),
        ("html_url", "web page"),
    ],
)
async def test_what_is_no_audio_is_answered_and_the_next_song_plays(house: House, name: str, reason: str) -> None:
    a = house.a
    async with house.bot():
        shown = await a.says("play", url=getattr(house.radio, name))
        await a.play(a.songs[0])
        text = await shown.wait_for(starts("I can't play"), PATIENCE_SECONDS)
        assert reason in text
        await a.ear.wait_for_sound(PATIENCE_SECONDS, seconds=1.0)


async def test_an_address_in_the_private_network_is_refused(house: House) -> None:
    async with house.bot():
        shown = await house.a.says("play", url="http://127.0.0.1:9/song.mp3")
        text = await shown.wait_for(starts("I can't play"), PATIENCE_SECONDS)
        assert "public" in text


async def test_a_text_that_is_no_link_is_refused_at_once(house: House) -> None:
    async with house.bot():
        shown = await house.a.says("play", url="my favourite song")
        assert "Give a direct link" in shown.content
        assert shown.ephemeral


async def test_who_is_in_no_voice_channel_is_told_so(house: House) -> None:
    a = house.a
    await a.member.leave()
    async with house.bot():
        assert "Join a voice channel" in (await a.says("play", url=a.songs[0].url)).content
