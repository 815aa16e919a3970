"""A queued link that dies before its turn: the guild is told by its name, and what waits behind it is heard.

What follows is opened some seconds ahead, so the link is dead before the song before it has ended.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

from sandbox.demo.judgement import Song
from sandbox.demo.scene import Scene, starts
from sandbox.melody import compose, recognise
from sandbox.recording import Format, record
from tests.integration.voice.scene import until
from tests.integration.whole.conftest import House
from timmybot.services.source_patience import PERSIST_SECONDS

PATIENCE_SECONDS = 45.0
AWAY_SECONDS = PERSIST_SECONDS + PATIENCE_SECONDS
"""A server that does not answer may be away with the whole network: it is asked again for a while."""
FIRST_SECONDS = 13.0
"""Longer than what follows is opened ahead, by the seconds in which the link dies."""

Change = Callable[[House, Path], None]


def goes(house: House, file: Path) -> None:
    """Its server answers 404 from now on."""
    file.unlink()


def is_emptied(house: House, file: Path) -> None:
    file.write_bytes(b"")


def hangs(house: House, file: Path) -> None:
    """Its server takes requests, and never answers."""
    house.radio.withheld.add(file.name)


def composed(house: House, scene: Scene, name: str, seconds: float, form: Format) -> tuple[Song, Path]:
    """In tones that no other song of the three has: the third one is the scene's own first."""
    voice = {"first": 1, "second": 2}[name] ^ (scene is house.b)
    melody = compose(f"{scene.name.lower()}-{name}", voice=voice, seconds=seconds)
    file = record(melody, house.directory / "music", form)
    return Song(melody, house.radio.url(file.name)), file


def asked_for(house: House, file: Path) -> int:
    return sum(request.path.endswith(file.name) for request in house.radio.requests)


async def queue_and_change(house: House, scene: Scene, change: Change) -> tuple[Song, str, Path, int]:
    """The first song plays; the second is queued, looked at, and changed; the third is queued. The second,
    its name, its file, and how often that had been asked for before."""
    first, _ = composed(house, scene, "first", FIRST_SECONDS, Format.WEBM_OPUS)
    second, file = composed(house, scene, "second", 20.0, Format.OGG_OPUS)
    await scene.says("play", url=first.url)
    shown = await scene.says("play", url=second.url)
    name = (await shown.wait_for(starts("Queued **"), PATIENCE_SECONDS)).split("**")[1]
    change(house, file)
    before = asked_for(house, file)
    await scene.play(scene.songs[0])
    return second, name, file, before


async def is_told_and_hears_the_third(
    scene: Scene, name: str, reason: str, *, patience_seconds: float = PATIENCE_SECONDS
) -> None:
    messages = scene.guild.text_channel.messages
    said = f"I can't play **{name}**"
    await until(
        lambda: any(said in each["content"] for each in messages), "its failure", patience_seconds=PATIENCE_SECONDS
    )
    (told,) = [each["content"] for each in messages if name in each["content"]]
    assert reason in told
    scene.ear.clear()
    windows = await scene.ear.wait_for_sound(patience_seconds, seconds=1.5)
    assert recognise(windows, scene.songs[0].melody).segments, "another song is heard"
    assert (await scene.says("nowplaying")).content.startswith("Playing at 0:0")


async def test_a_link_that_answers_404_or_hangs_before_its_turn_is_told_of_and_the_third_song_plays(
    house: House,
) -> None:
    async def story(scene: Scene, change: Change, reason: str, patience_seconds: float = PATIENCE_SECONDS) -> None:
        _, name, _, _ = await queue_and_change(house, scene, change)
        async with asyncio.timeout(PATIENCE_SECONDS + patience_seconds):
            await is_told_and_hears_the_third(scene, name, reason, patience_seconds=patience_seconds)

    async with house.bot():
        await asyncio.gather(story(house.a, goes, "404"), story(house.b, hangs, "I keep trying.", AWAY_SECONDS))


async def test_a_link_that_is_emptied_is_told_of_and_one_that_comes_back_at_its_turn_is_heard(house: House) -> None:
    async def emptied() -> None:
        _, name, _, _ = await queue_and_change(house, house.a, is_emptied)
        await is_told_and_hears_the_third(house.a, name, "")

    async def comes_back() -> None:
        scene = house.b
        sound = b""

        def goes_for_a_while(house: House, file: Path) -> None:
            nonlocal sound
            sound = file.read_bytes()
            file.unlink()

        song, _, file, before = await queue_and_change(house, scene, goes_for_a_while)
        await until(lambda: asked_for(house, file) > before, "its being opened", patience_seconds=PATIENCE_SECONDS)
        await asyncio.sleep(1.0)  # the answer is on its way: nothing that is seen from here tells when it has come
        file.write_bytes(sound)
        await scene.ear.wait_until(lambda: bool(recognise(scene.ear.heard, song.melody).segments), PATIENCE_SECONDS)
        assert not scene.guild.text_channel.messages

    async with house.bot():
        await asyncio.gather(emptied(), comes_back())
