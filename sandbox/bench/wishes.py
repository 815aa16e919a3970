"""From a wish to its sound at the voice server: of the voice alone, and of the whole bot."""

from __future__ import annotations

import asyncio
from statistics import median

from sandbox.bench.extent import Extent
from sandbox.bench.figures import Figures
from sandbox.bench.room import Room
from sandbox.bench.stand import Stand
from timmybot.settings import Settings

AGREED_SECONDS = 0.3
"""After joining, the keys of the call are agreed on by then."""
LOOK_SECONDS = Settings().inbox_poll_seconds
"""How often a worker looks for nudges. Wishes are spread over that time, or all would come at one moment of it."""


async def first_packet(room: Room, figures: Figures, extent: Extent) -> None:
    """Of the voice: from when the worker is told to play a URL, before anything was asked about it.

    Warm is with the bot in the channel and the keys agreed on: a process looks at the URL (a request), the sound is
    opened (another), the buffer filled, the next slot awaited; the end is the kernel's time of arrival. Joining is on
    top of that: gateway, voice gateway, discovery, DAVE. The command, the store and the nudge are in neither.
    """
    warm: list[float] = []
    joining: list[float] = []
    async with room.in_calls(2 * extent.first_packets) as (ours, calls, guilds):
        for number, (guild, channel) in enumerate(guilds):
            is_warm = number % 2
            joined = await ours.ask("join", guild=guild, channel=channel)
            if is_warm:
                await asyncio.sleep(AGREED_SECONDS)
            wished = await ours.ask("play", guild=guild)
            took = (await calls.ask("heard", guild_id=guild))["at"] - wished["at"]
            await ours.ask("leave", guild=guild)
            (warm if is_warm else joining).append((took if is_warm else took + joined["seconds"]) * 1000)
    figures.add("first_packet_ms", median(warm), "ms")
    figures.add("first_packet_worst_ms", max(warm), "ms")
    figures.add("join_and_first_packet_ms", median(joining), "ms")


async def command(room: Room, figures: Figures, extent: Extent) -> None:
    """Of the whole bot: from when a member gives a command to the first sound that reaches this member.

    Discord's event, the service, the store, the nudge, the worker's next look for it and reconciling are in it. For
    ``/play`` so is all that :func:`first_packet` spans, and joining: a bot that has nothing to play is in no channel.
    For ``/resume`` it is in the channel and has the sound, and what is left is the command's own way.
    """
    tries = max(1, extent.first_packets // 2)
    async with room.calls() as calls, room.ours_whole() as bot:
        opened = await calls.ask("open", guilds=1, shards=1)
        ((guild, _),) = opened.pop("guilds")
        await bot.ask("start", **opened)
        await calls.ask("wait_for_bot")
        wishes = _Wishes(calls, guild)
        await wishes.give("settings", loudness="off")  # passed through, as elsewhere
        await wishes.heard_after("play", url=room.song_url)  # what is loaded once is loaded
        plays, resumes = [], []
        for number in range(tries):
            await wishes.give("stop")
            await calls.ask("alone", guild_id=guild)
            await asyncio.sleep(number / tries * LOOK_SECONDS)
            plays.append(await wishes.heard_after("play", url=room.song_url))
        for number in range(tries):
            await wishes.give("pause")
            await calls.ask("hushed", guild_id=guild)
            await asyncio.sleep(number / tries * LOOK_SECONDS)
            resumes.append(await wishes.heard_after("resume"))
    figures.add("command_to_first_packet_ms", median(plays), "ms")
    figures.add("command_to_first_packet_worst_ms", max(plays), "ms")
    figures.add("resume_to_first_packet_ms", median(resumes), "ms")
    figures.add("resume_to_first_packet_worst_ms", max(resumes), "ms")


class _Wishes:
    """Of the listener in one guild."""

    def __init__(self, calls: Stand, guild_id: int) -> None:
        self._calls = calls
        self._guild_id = guild_id

    async def give(self, command: str, **options: str) -> float:
        """Give a command and see it answered; when it was given."""
        answer = await self._calls.ask("command", guild_id=self._guild_id, name=command, **options)
        return float(answer["at"])

    async def heard_after(self, command: str, **options: str) -> float:
        """How long after this command sound was there, in milliseconds."""
        given = await self.give(command, **options)
        heard = await self._calls.ask("heard", guild_id=self._guild_id)
        return (float(heard["at"]) - given) * 1000
