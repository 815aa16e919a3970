"""No slot stays empty when the volume changes or a song follows another, and a pause fades: through the whole bot."""

from __future__ import annotations

from itertools import takewhile
from statistics import median

import pytest

from sandbox.demo.judgement import Song
from sandbox.demo.scene import Scene
from sandbox.discord.permissions import Permission
from sandbox.melody import compose, recognise
from sandbox.recording import Format, record
from tests.integration.whole.conftest import House
from tests.integration.whole.unbroken import FADED, breaks, share_at_the_end

PATIENCE_SECONDS = 20.0
SILENCE_FRAMES = 5
"""With which a sender ends a stretch of sound, as Discord asks."""
SOFTER = 0.6
"""Half the volume is less than this share of the level, and the whole is more."""


async def begin(house: House, *songs: Song) -> tuple[Scene, Scene]:
    """Both guilds hear a song, as loud as it is by itself, and remember what they hear from now on: A the first of
    ``songs``, with the others queued."""
    a, b = house.a, house.b
    for scene, played in ((b, b.songs[:1]), (a, songs or a.songs[:1])):
        scene.member.permissions |= Permission.MANAGE_GUILD
        await scene.says("settings", loudness="off")
        for song in played:
            await scene.play(song)
    for scene in (b, a):
        await scene.ear.wait_for_sound(PATIENCE_SECONDS, seconds=1.0)
    b.ear.clear()
    await b.ear.wait_for_packets(1, PATIENCE_SECONDS)
    a.ear.clear()  # last, and read first: no slot is missing in A alone because B was not listened to
    return a, b


def level(scene: Scene) -> float:
    """How loud the last half second was."""
    return median([window.level for window in scene.ear.heard][-5:] or [0.0])


async def assert_unbroken(scene: Scene, beside: Scene) -> None:
    """Nothing is missing in what was heard but slots that the machine kept from the guild ``beside``, too."""
    heard = scene.ear.packets
    await beside.ear.wait_until(lambda: beside.ear.packets[-1].at > heard[-1].at, PATIENCE_SECONDS)
    found, machine = breaks(heard), breaks(beside.ear.packets)
    assert (machine.silent, machine.strange) == (0, 0), machine
    assert (found.silent, found.strange) == (0, 0), found
    assert found.empty_slots <= machine.empty_slots


async def test_the_volume_changes_in_mid_song_and_back_and_no_slot_stays_empty(house: House) -> None:
    async with house.bot():
        a, b = await begin(house)
        await a.ear.wait_for_sound(PATIENCE_SECONDS, seconds=1.0)
        as_it_is = level(a)
        await a.member.command("volume", percent=50)
        await a.ear.wait_until(lambda: level(a) < SOFTER * as_it_is, PATIENCE_SECONDS)
        await a.member.command("volume", percent=100)
        await a.ear.wait_until(lambda: level(a) > SOFTER * as_it_is, PATIENCE_SECONDS)
        await assert_unbroken(a, b)


async def test_the_next_song_begins_in_the_slot_after_the_last_ones_end(house: House) -> None:
    melody = compose("short", voice=0, seconds=8.0)
    short = Song(melody, house.radio.url(record(melody, house.directory / "music", Format.WEBM_OPUS).name))
    async with house.bot():
        following = house.a.songs[1]
        a, b = await begin(house, short, following)
        await a.ear.wait_until(lambda: bool(recognise(a.ear.heard, following.melody).segments), PATIENCE_SECONDS)
        await assert_unbroken(a, b)
        assert recognise(a.ear.heard, melody).segments, "the seam is in what was heard"


async def test_a_pause_fades_and_negative_control_is_heard_as_a_gap(house: House) -> None:
    async with house.bot():
        a, b = await begin(house)
        await a.ear.wait_for_sound(PATIENCE_SECONDS, seconds=1.0)
        await a.says("pause")
        await a.ear.wait_until(lambda: breaks(a.ear.packets).silent == SILENCE_FRAMES, PATIENCE_SECONDS)
        sound = list(takewhile(lambda packet: not packet.is_silence, a.ear.packets))
        await a.says("resume")
        await a.ear.wait_until(lambda: not a.ear.packets[-1].is_silence, PATIENCE_SECONDS)
        with pytest.raises(AssertionError, match=f"silent={SILENCE_FRAMES}"):
            await assert_unbroken(a, b)
    assert share_at_the_end(sound) < FADED
    cut_off = [share_at_the_end(sound[:-frames]) for frames in (10, 15, 20)]
    assert max(cut_off) > FADED, "the negative control: without the frames of the fade it is a cut"
