"""Gives every command of a round in several guilds at once, and counts what never reached the member."""

from __future__ import annotations

import asyncio
import os
from collections import Counter
from collections.abc import AsyncIterator, Iterable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from sandbox.answers.bots import endpoint_bot, gateway_bot
from sandbox.answers.losses import Losses
from sandbox.answers.wishes import Wish, Wishes
from sandbox.discord import FakeDiscord, Guild, Member, Shown
from sandbox.discord.line import no_trouble
from sandbox.melody import compose
from sandbox.radio import Radio
from sandbox.recording import Format, record

LATENCIES_SECONDS = (0.0, 0.05, 0.15, 0.3, 0.6)
GUILDS = 5
PATIENCE_SECONDS = 45.0
"""An edit that was lost is given again at the next look, after a time-out."""
LOOK_SECONDS = 0.05
GATEWAY, ENDPOINT = "gateway", "endpoint"


@dataclass
class Count:
    """By transport. ``lost`` are the sentences about what was."""

    given: Counter[str] = field(default_factory=Counter)
    lost: dict[str, list[str]] = field(default_factory=lambda: {GATEWAY: [], ENDPOINT: []})
    told_in_the_channel: int = 0
    troubles: int = 0
    """How many requests or answers the line lost."""

    @property
    def total(self) -> int:
        return self.given.total()

    @property
    def total_lost(self) -> int:
        return sum(map(len, self.lost.values()))


@dataclass(frozen=True)
class Judging:
    in_channel: bool
    patience_seconds: float

    async def reached(self, member: Member, wish: Wish, shown: Shown) -> str | None:
        """How the answer arrived, if it did."""
        for _ in range(int(self.patience_seconds / LOOK_SECONDS)):
            if any(map(wish.satisfies, shown.texts)):
                return "answer"
            messages = member.guild.text_channel.messages
            if (
                self.in_channel
                and wish.url
                and any(f"I can't play <{wish.url}>" in each["content"] for each in messages)
            ):
                return "channel"
            if shown.failed:
                return None
            await asyncio.sleep(LOOK_SECONDS)
        return None


@dataclass(frozen=True)
class Town:
    """Guilds with a listener each, by how their bot hears of commands."""

    discord: FakeDiscord
    members: dict[str, list[Member]]
    song: str
    nothing: str

    async def give_round(
        self,
        count: Count,
        *,
        latency_seconds: float,
        lossy: bool,
        in_channel: bool = True,
        patience_seconds: float = PATIENCE_SECONDS,
    ) -> None:
        """Once in each guild. ``in_channel``: whether what the text channel is told counts as an answer."""
        losses = Losses()
        line = self.discord.line
        line.latency_seconds, line.trouble = latency_seconds, losses if lossy else no_trouble
        wishes = Wishes(self.song, self.nothing)
        judging = Judging(in_channel, patience_seconds)
        where = f"{latency_seconds * 1000:.0f} ms{', with losses' if lossy else ''}"
        try:
            await asyncio.gather(
                *(
                    _give(member, wishes.round(), transport, count=count, where=where, judging=judging)
                    for transport, members in self.members.items()
                    for member in members
                )
            )
        finally:
            line.latency_seconds, line.trouble = 0.0, no_trouble
        count.troubles += losses.count


@asynccontextmanager
async def town(directory: Path, guilds: int = GUILDS) -> AsyncIterator[Town]:
    """Both bots, awake, with so many guilds each."""
    music = directory / "music"
    music.mkdir(parents=True)
    async with AsyncExitStack() as up:
        radio = await up.enter_async_context(Radio(music))
        discord = await up.enter_async_context(FakeDiscord(directory / "discord"))
        os.environ["SSL_CERT_FILE"] = str(discord.ca_file)  # the voice gateway is spoken to over TLS
        song = record(compose("song", voice=0, seconds=60.0), music, Format.OGG_OPUS)
        members: dict[str, list[Member]] = {}
        for transport, bot in ((GATEWAY, gateway_bot), (ENDPOINT, endpoint_bot)):
            app = discord.create_application(f"TimmyBot, {transport}")
            members[transport] = [await _member(discord.create_guild(f"{transport} {n}", app)) for n in range(guilds)]
            await up.enter_async_context(bot(discord, app, radio.host, directory))
        async with asyncio.timeout(PATIENCE_SECONDS):
            # The endpoint's worker needs no gateway before there is something to play.
            while not discord.gateway.sessions:  # noqa: ASYNC110  # it is looked at from outside
                await asyncio.sleep(0.01)
        yield Town(discord, members, radio.url(song.name), radio.missing_url)


async def _member(guild: Guild) -> Member:
    member = guild.add_member("listener")
    await member.join(guild.voice_channel)
    return member


async def _give(
    member: Member, wishes: Iterable[Wish], transport: str, *, count: Count, where: str, judging: Judging
) -> None:
    for wish in wishes:
        shown = await member.command(wish.command, **wish.options)
        count.given[transport] += 1
        how = await judging.reached(member, wish, shown)
        if how is None:
            saw = shown.failed or shown.content or "nothing"
            count.lost[transport].append(f"{where}: /{wish.command} {wish.options}: the member saw {saw!r}")
        elif how == "channel":
            count.told_in_the_channel += 1
