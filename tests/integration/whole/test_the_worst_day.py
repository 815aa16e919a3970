"""The worst day: one guild is given every bad file and dead link there is, and the children that decode for all are
killed, and stop; the other guilds miss not one frame of it, and the bot's process is the same in the evening.

``TIMMYBOT_TEST_ALL=1`` (``make test-all``) takes every file, else a few of each kind.
"""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

import pytest

from sandbox.demo.judgement import ENOUGH_MATCHED
from sandbox.discord import FakeDiscord, Guild, Member, Packet, Shown, Window
from sandbox.discord.rtp import FRAME_SAMPLES, SILENCE
from sandbox.listen.bot import Bot, trusted_by
from sandbox.listen.children import Children
from sandbox.listen.sound import heard
from sandbox.melody import Melody, compose, recognise
from sandbox.reaper import Reaper
from sandbox.recording import Format, record
from tests.integration.sources import bombs, hostile
from tests.integration.sources.media_server import Behaviour, MediaServer, breaking, content, media_server, status
from tests.integration.voice.scene import until
from tests.integration.whole import odd_files
from timmybot.adapters.sources.refusal import SENTENCES, Refusal

ALL = bool(os.environ.get("TIMMYBOT_TEST_ALL"))
TRIES = 5
"""On a busy machine a song may have been decoded to its end when it is heard: then no child works for it any more."""
STRUCK_BOT = Path(__file__).with_name("struck_bot.py")
PATIENCE_SECONDS = 40.0
SONG_SECONDS = 900.0 if ALL else 180.0
"""Of what the others hear: longer than the day."""
TITLE = "evening"
"""What the good files that bad ones are made of say they are."""
GOOD_HZ, GOOD_SECONDS = 500.0, 120.0
"""Of what the unlucky guild hears between its misfortunes."""
TELLING_WINDOWS = 4
"""So many windows of 100 ms of one tone tell that it is heard."""
NEAR = 0.02
STILL_SECONDS = 3.0
"""A frame that is so recent tells that more will come."""
REPEATED_SECONDS, TELLING_SECONDS = 0.3, 2.0
"""A place in a song is told as exactly as that, by a stretch of such a length."""
MORE_LATE = 0.01
"""How many of a guild's frames may be late while those of the guild that needs no child are not: the machine's part."""
UNTRUE = [
    SENTENCES[each] for each in (Refusal.OUR_FAULT, Refusal.CRASHED_LOOK, Refusal.SOURCE_FAILED, Refusal.STOPPING)
]
"""What nobody may read of a file, as there is nothing wrong with the bot."""
FEW_CASES = ("7.1 in AAC", "AIFF in Apple's order", "FLAC with five pictures", "Opus out of a WebM", "192 kHz, 24 bits")
FEW_HOSTILE = (
    "an MP4 that claims 4 billion samples",
    "an MP4 of 20,000 atoms in each other",
    "a WAV of 65,535 channels",
    "a zip",
    "an MP4 of 500 bytes and 80 million samples",
    "a Matroska of packed Opus",
    "a playlist of a file of ours",
)


@dataclass
class Neighbour:
    """A guild in which nothing happens but music."""

    guild: Guild
    member: Member
    melody: Melody
    url: str


@dataclass
class Day:
    discord: FakeDiscord
    bot: Bot
    server: MediaServer
    unlucky: Guild
    member: Member
    neighbours: tuple[Neighbour, ...]
    strikes: Path
    mp3: bytes
    good_url: str
    children: Children = field(default_factory=Children)
    told: list[str] = field(default_factory=list)
    """Every answer to a link, and every message of a failure."""
    wrong: list[str] = field(default_factory=list)
    """What went otherwise than it should. The day goes on."""

    # What the unlucky guild does, and hears

    async def play(self, url: str) -> str:
        """The answer that stays: the track is queued or plays, or why not."""
        shown = await self.member.command("play", url=url)
        await _settled(shown)
        self.told.append(shown.content)
        return shown.content

    async def skip(self) -> None:
        shown = await self.member.command("skip")
        await shown.wait_for(bool, PATIENCE_SECONDS)

    async def hears(self, hz: float | None, what: str, *, told: int | None = None) -> bool:
        """A tone, or anything, for some tenths of a second from now on. If the guild was ``told`` so much before, no
        longer than until it reads more."""
        self.member.ear.clear()

        def heard() -> bool:
            return sum(_sounds(each, hz) for each in self.member.ear.heard) >= TELLING_WINDOWS

        try:
            await until(
                lambda: heard() or (told is not None and len(self.messages) > told),
                what,
                patience_seconds=PATIENCE_SECONDS,
            )
        except (TimeoutError, AssertionError):
            self.wrong.append(f"{what} is not heard, and nobody is told why")
            return False
        if not heard():
            self.wrong.append(f"{what} is not heard: {self.messages[-1]}")
        return heard()

    @property
    def messages(self) -> list[str]:
        return [str(each["content"]) for each in self.unlucky.text_channel.messages]

    async def strike(self, how: signal.Signals, url: str, *, at_work: bool = False) -> int:
        reader, writer = await asyncio.open_unix_connection(str(self.strikes))
        writer.write(f"{how.name}\n{url}\n{'at work' if at_work else ''}".encode())
        answer = await reader.read()
        writer.close()
        return int(answer or 0)


@dataclass(frozen=True)
class Songs:
    """``neighbours``: each neighbour's melody and file; the last one needs no media child. ``short``: by format."""

    neighbours: tuple[tuple[Melody, bytes], ...]
    short: Mapping[Format, bytes]
    good: bytes


@asynccontextmanager
async def day(directory: Path, songs: Songs, **more: str) -> AsyncIterator[Day]:
    """Four guilds, in which nothing plays yet, and a real ``timmybot run``."""
    with media_server() as server, Reaper() as reaper:
        async with FakeDiscord(directory / "discord") as discord:
            app = discord.create_application("TimmyBot")
            unlucky = discord.create_guild("A", app)
            strikes = directory / "strikes"
            environment = os.environ | {
                "TIMMYBOT_BOT_TOKEN": app.bot_token,
                "TIMMYBOT_APPLICATION_ID": str(app.application_id),
                "TIMMYBOT_DISCORD_API_URL": discord.api_url,
                "TIMMYBOT_SOURCE_ALLOW_HOSTS": server.allowed[0],
                "SSL_CERT_FILE": str(trusted_by(discord.ca_file, directory / "trusted.pem")),
                "STRIKES": str(strikes),
                **more,
            }
            bot = Bot(directory, environment, reaper, (str(STRUCK_BOT),))
            neighbours = tuple(
                _neighbour(discord.create_guild("BCD"[number], app), server, number, *song)
                for number, song in enumerate(songs.neighbours)
            )
            made = Day(
                *(discord, bot, server, unlucky, unlucky.add_member("unlucky"), neighbours, strikes),
                odd_files.tone("mp3", "libmp3lame", seconds=8.0),
                server.serve("/good.mp3", content(songs.good, "audio/mpeg")),
            )
            try:
                await bot.start()
                yield made
            finally:
                await bot.end()
                made.children.kill_all()


def _neighbour(guild: Guild, server: MediaServer, number: int, melody: Melody, data: bytes) -> Neighbour:
    url = server.serve(f"/neighbour-{number}", content(data))
    return Neighbour(guild, guild.add_member(f"listener {number}"), melody, url)


async def begin(one: Day) -> None:
    """Music in all four guilds, and every neighbour's ear clean."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not (one.unlucky.applications[0].commands.get(None) and one.discord.gateway.sessions):  # noqa: ASYNC110
            await asyncio.sleep(0.02)
    await one.member.join(one.unlucky.voice_channel)
    await one.play(one.good_url)
    for each in one.neighbours:
        await each.member.join(each.guild.voice_channel)
        await _settled(await each.member.command("play", url=each.url))
    for each in one.neighbours:
        await each.member.ear.wait_for_sound(PATIENCE_SECONDS, seconds=0.5)
    await one.hears(GOOD_HZ, "the first song")
    await asyncio.sleep(1.0)  # for full buffers: nothing that is seen from here tells
    for each in reversed(one.neighbours):  # the one by which the machine is judged is listened to for longest
        each.member.ear.clear()


@dataclass(frozen=True)
class Sent:
    """What a row of packets says of its sender, also where a packet was lost on its way to this busy process."""

    silent: int
    skipped: int
    """Slots in which nothing was sent: the timestamps went on, the numbers did not."""
    strange: int


def sent(packets: Sequence[Packet]) -> Sent:
    skipped = strange = 0
    for before, after in pairwise(packets):
        slots, samples = divmod((after.timestamp - before.timestamp) & 0xFFFFFFFF, FRAME_SAMPLES)
        numbers = (after.sequence - before.sequence) & 0xFFFF
        if after.ssrc != before.ssrc or samples or not 0 < numbers <= slots:
            strange += 1
        else:
            skipped += slots - numbers
    return Sent(sum(packet.is_silence for packet in packets), skipped, strange)


def assert_no_frame_is_missed(one: Day, *, until_at: float) -> None:
    """Nothing is missing in what they heard but slots that the machine kept from the guild that needs no child, too."""
    packets = [each.member.ear.packets for each in one.neighbours]
    machine = sent(packets[-1])
    for each, ours in zip(one.neighbours, packets, strict=True):
        last_at = ours[-1].at if ours else 0.0
        assert last_at > until_at - STILL_SECONDS, f"{each.guild.name} hears nothing any more"
        found = sent(ours)
        assert (found.silent, found.strange) == (0, 0), f"{each.guild.name}: {found}"
        assert found.skipped <= machine.skipped, f"{each.guild.name}: {found}, the machine: {machine}"
        late, of_machine = (sum(second.late_frames for second in heard(row).seconds) for row in (ours, packets[-1]))
        assert late <= of_machine + MORE_LATE * len(ours), f"{each.guild.name}: {late} late, the machine: {of_machine}"
        assert len(ours) / 50 < SONG_SECONDS - 1.0, "the day was longer than the neighbours' songs"
        found_again = recognise(each.member.ear.heard, each.melody)
        assert found_again.matched_share > ENOUGH_MATCHED, f"{each.guild.name}: {found_again.matched_share}"
        sure = [each for each in found_again.segments if each.ended_at - each.began_at >= TELLING_SECONDS]
        for before, after in pairwise(sure):  # the machine's gaps lie between
            assert after.from_position - before.to_position > -REPEATED_SECONDS, f"{each.guild.name}: {before}, {after}"


# What the day brings


async def odd(one: Day, name: str, data: bytes) -> None:
    """A file that a member might well have: it is to be heard."""
    told = len(one.messages)
    answer = await one.play(one.server.serve(_path(name), content(data)))
    if "**" not in answer:
        if name not in odd_files.MAY_BE_REFUSED or any(sentence in answer for sentence in UNTRUE):
            one.wrong.append(f"{name}: {answer}")
        return
    await one.play(one.good_url)
    await one.skip()
    if await one.hears(odd_files.HZ, name, told=told):
        await one.skip()
    await one.hears(GOOD_HZ, f"what comes after {name}")


async def hostile_file(one: Day, name: str, behaviour: Behaviour) -> None:
    """It is refused by a true sentence, or played."""
    answer = await one.play(one.server.serve(_path(name), behaviour))
    if "**" not in answer:
        if any(sentence in answer for sentence in UNTRUE):
            one.wrong.append(f"{name}: {answer}")
        return
    told = len(one.messages)
    await one.play(one.good_url)
    await one.skip()
    one.member.ear.clear()
    await until(
        lambda: len(one.messages) > told or any(_sounds(each, None) for each in one.member.ear.heard),
        f"{name}: a sound or a word",
        patience_seconds=PATIENCE_SECONDS,
    )
    if len(one.messages) == told:
        await one.skip()
    else:
        _note(one, one.messages[-1], _path(name)[1:], TITLE)
    await one.hears(GOOD_HZ, f"what comes after {name}")


@dataclass(frozen=True)
class Lie:
    """What becomes of a good link once it has been looked at, and a word of what is told of it."""

    behaviour: Callable[[bytes], Behaviour]
    word: str


LIES = {
    "gone": Lie(lambda _: status(404), "404"),
    "no sound any more": Lie(lambda _: content(b"PK\x03\x04" + bytes(60_000)), "no audio"),
    "a web page now": Lie(lambda _: content(b"<!doctype html><p>Gone", "text/html"), "web page"),
    "broken off": Lie(lambda data: breaking(data, after=12_000, ranges=False), ""),
    "empty now": Lie(lambda _: content(b""), ""),
}


async def lie(one: Day, name: str, told_of: Lie, *, before_its_turn: bool) -> None:
    """A server that gives a good file to the look, and another thing later. ``before_its_turn``: while the song before
    plays its last seconds, in which what follows is opened."""
    path = _path(name)
    if before_its_turn:
        short = odd_files.tone("mp3", "libmp3lame", hz=GOOD_HZ, seconds=5.0)
        await one.play(one.server.serve("/short.mp3", content(short, "audio/mpeg")))
    answer = await one.play(one.server.serve(path, content(one.mp3, "audio/mpeg")))
    assert "**" in answer, f"{name}: {answer}"
    one.server.serve(path, told_of.behaviour(one.mp3))
    await one.play(one.good_url)
    told = len(one.messages)
    await one.skip()
    await until(lambda: len(one.messages) > told, f"a word of {name}", patience_seconds=PATIENCE_SECONDS)
    _note(one, one.messages[told], path[1:])
    if told_of.word not in one.messages[told]:
        one.wrong.append(f"{name}: {one.messages[told]}")
    await one.hears(GOOD_HZ, f"what comes after {name}")


async def children_die(one: Day) -> None:
    """The child that decodes for all is killed, then crashes over the unlucky guild's track, then stops."""
    assert await one.strike(signal.SIGKILL, "/good")
    await one.hears(GOOD_HZ, "a song whose child was killed")
    suspect = one.server.serve("/suspect", content(odd_files.tone("mp3", "libmp3lame", seconds=20.0), "audio/mpeg"))
    await one.play(suspect)
    await one.play(one.good_url)
    await one.skip()
    await one.hears(odd_files.HZ, "the suspect")
    told = len(one.messages)
    for _ in range(3):
        assert await one.strike(signal.SIGSEGV, "/suspect", at_work=True), "it works for it"
        one.member.ear.clear()
        await until(
            lambda: len(one.messages) > told or any(_sounds(each, odd_files.HZ) for each in one.member.ear.heard[60:]),
            "the suspect again, or a word of it",
            patience_seconds=PATIENCE_SECONDS,
        )
        if len(one.messages) > told:
            break
    _note(one, one.messages[told], "suspect")
    await one.hears(GOOD_HZ, "what comes after the suspect")
    assert await one.strike(signal.SIGSTOP, "/good")
    await one.hears(GOOD_HZ, "a song whose child stopped")


def _note(one: Day, message: str, *names: str) -> None:
    """What the guild reads of a failure names the track, and is true."""
    one.told.append(message)
    if not any(f"**{name}**" in message for name in names) or any(sentence in message for sentence in UNTRUE):
        one.wrong.append(f"{names[0]}: {message}")


def _path(name: str) -> str:
    """A name that nothing in a message has to be escaped for."""
    return "/" + "".join(each for each in name.title() if each.isalnum())


async def _settled(shown: Shown) -> None:
    await shown.wait_for(
        lambda text: bool(text) and not text.startswith(("Starting", "Queued as", "Looking")), PATIENCE_SECONDS
    )


def _sounds(window: Window, hz: float | None) -> bool:
    return not window.is_silent and (hz is None or abs(window.hz - hz) < NEAR * hz)


async def the_whole_day(one: Day, songs: Songs) -> None:
    await children_die(one)
    for name, make in odd_files.files().items():
        if ALL or name in FEW_CASES:
            await odd(one, name, await asyncio.to_thread(make))
    for name, told_of in LIES.items():
        if ALL or name in ("gone", "no sound any more"):
            await lie(one, name, told_of, before_its_turn=False)
    await lie(one, "gone", LIES["gone"], before_its_turn=True)
    files = hostile.files(songs.short[Format.MP3], songs.short[Format.OGG_OPUS])
    files |= bombs.files(songs.short.__getitem__, one.server.url(bombs.ELSEWHERE))
    for name, behaviour in (files | bombs.for_the_process_apart()).items():
        if ALL or name in FEW_HOSTILE:
            await hostile_file(one, name, behaviour)
    for _ in range(TRIES):
        await one.play(one.good_url)
        await one.skip()
        await one.hears(GOOD_HZ, "a song that has just begun")
        if await one.strike(signal.SIGKILL, "/good"):
            break
    else:
        raise AssertionError("no media child worked for a song that had just begun")
    await one.hears(GOOD_HZ, "a song in the evening")


@pytest.fixture(scope="module")
def songs(tmp_path_factory: pytest.TempPathFactory) -> Songs:
    directory = tmp_path_factory.mktemp("songs")
    long = [compose(f"neighbour {voice}", voice=voice, seconds=SONG_SECONDS) for voice in range(3)]
    forms = (Format.MP3, Format.M4A, Format.WEBM_OPUS)
    evening = compose(TITLE, voice=3, seconds=8.0)
    return Songs(
        tuple((one, record(one, directory, form).read_bytes()) for one, form in zip(long, forms, strict=True)),
        {form: record(evening, directory, form).read_bytes() for form in Format},
        odd_files.tone("mp3", "libmp3lame", hz=GOOD_HZ, seconds=GOOD_SECONDS),
    )


async def test_one_guilds_worst_day_costs_the_others_no_frame(tmp_path: Path, songs: Songs) -> None:
    async with day(tmp_path, songs) as one:
        await begin(one)
        pid = one.bot.pid
        await the_whole_day(one, songs)
        assert one.bot.pid == pid is not None
        assert one.bot.ended is None
        assert_no_frame_is_missed(one, until_at=time.monotonic())
        assert not one.wrong
        assert bombs.ELSEWHERE not in [path for path, _ in one.server.requests]


async def test_negative_control_with_decoding_in_the_worker_the_first_crash_silences_everybody(
    tmp_path: Path, songs: Songs
) -> None:
    async with day(tmp_path, songs, DECODING_IN_WORKER="1") as one:
        await begin(one)
        with suppress(ConnectionError, FileNotFoundError):
            await one.strike(signal.SIGSEGV, "/good", at_work=True)
        await until(lambda: one.bot.ended is not None, "its end", patience_seconds=PATIENCE_SECONDS)
        assert one.bot.ended == "killed by SIGSEGV"
        with pytest.raises(AssertionError, match="hears nothing any more"):
            assert_no_frame_is_missed(one, until_at=time.monotonic() + 2 * STILL_SECONDS)


def test_negative_control_a_slot_that_was_left_out_is_told_from_a_packet_that_was_lost() -> None:
    def row(*numbers_and_slots: tuple[int, int]) -> list[Packet]:
        return [Packet(0.0, 1, number, slot * FRAME_SAMPLES, b"sound") for number, slot in numbers_and_slots]

    assert sent(row((1, 1), (2, 2), (3, 3))) == Sent(0, 0, 0)
    assert sent(row((1, 1), (3, 3))) == Sent(0, 0, 0), "lost"
    assert sent(row((1, 1), (2, 3))) == Sent(0, 1, 0), "left out"
    assert sent(row((1, 1), (3, 2))) == Sent(0, 0, 1), "two in one slot"
    assert sent([*row((1, 1)), Packet(0.0, 1, 2, 2 * FRAME_SAMPLES, SILENCE)]) == Sent(1, 0, 0)
