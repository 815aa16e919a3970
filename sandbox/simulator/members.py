"""Members, whose commands the front door answers: one short-lived process for every delivery."""

from __future__ import annotations

from random import Random

from sandbox.simulator.catalogue import Catalogue
from sandbox.simulator.link import Link
from sandbox.simulator.lists import PLAY_ALL
from sandbox.simulator.plan import DJS, EVERYONE, Command, Rank
from sandbox.simulator.record import Operation
from sandbox.simulator.scheduler import Scheduler
from sandbox.simulator.stores import LinkedGuildStores, LinkedInbox, LinkedLeaseStore
from sandbox.simulator.virtual_time import Process, ProcessClock
from sandbox.simulator.worker_process import NoMetrics, Surroundings, numbered
from timmybot.domain.ids import ChannelId, GuildId, InteractionId, RoleId, UserId
from timmybot.domain.standing import MANAGE_GUILD, Standing
from timmybot.services.invocation import Invocation
from timmybot.services.wake import Waking


class Members:
    def __init__(self, around: Surroundings, guilds: list[GuildId], scheduler: Scheduler) -> None:
        self._around = around
        self._guilds = guilds
        self._scheduler = scheduler
        for number, guild in enumerate(guilds):
            around.rest.guild_of_text[text_channel(number)] = guild
            for channel in (0, 1):
                around.rest.whereabouts[guild, UserId(channel + 1)] = voice_channel(number, channel)

    def expect(self, command: Command) -> None:
        """Have the command given at its time, and once more if Discord is to deliver it twice."""
        loop = self._around.loop
        loop.after(command.at, lambda: self._deliver(command, "first"))
        if command.again_after is not None:
            loop.after(command.at + command.again_after, lambda: self._deliver(command, "again"))

    def _deliver(self, command: Command, which: str) -> None:
        around = self._around
        guild = self._guilds[command.guild]
        tag = Catalogue.tag(guild, command.number)
        operation = Operation(
            guild,
            command.name,
            around.loop.now,
            tag=tag,
            channel=voice_channel(command.guild, command.channel),
            command=command,
        )
        around.kept.record.operations.append(operation)
        around.kept.record.tally["duplicate interactions"] += which == "again"
        interaction = InteractionId(1_000 + command.number)
        around.rest.guild_of_interaction[interaction] = guild
        process = Process(f"{command.name} {command.number} {which}", wall_offset=around.random.uniform(-1, 1))
        invocation = Invocation(
            interaction_id=interaction,
            application_id=5,
            guild_id=guild,
            channel_id=text_channel(command.guild),
            user_id=UserId(command.channel + 1),
            command=command.name.split()[0] if command.name != PLAY_ALL else PLAY_ALL,
            options=_options(command, guild, tag),
            token="an-interaction-token",
            standing=_STANDINGS[command.rank],
        )
        process.notes["operation"] = operation
        around.loop.start(process, self._answer(process, invocation, operation))
        if command.cut_after is not None and which == "first":
            around.kept.record.tally["front door cut"] += 1
            around.kept.record.troubles.append((around.loop.now, around.loop.now + command.cut_after))
            around.loop.after(command.cut_after, lambda: around.loop.kill(process))

    async def _answer(self, process: Process, invocation: Invocation, operation: Operation) -> None:
        around = self._around
        link = Link(around.network, process)
        clock = ProcessClock(around.loop, process, Random(process.name))
        leases = LinkedLeaseStore(around.kept, link, process, around.rights)
        answering = around.parts.answering(
            guilds=LinkedGuildStores(around.kept, link, process, around.parts.command_store),
            leases=leases,
            inbox=LinkedInbox(around.kept, link),
            members=around.rest.of(process),
            waking=Waking(leases, self._scheduler, NoMetrics(), clock, around.settings),
            clock=clock,
            new_id=numbered(process.name.replace(" ", "-")),
            settings=around.settings,
        )
        answer = await answering.answer(invocation)
        operation.returned, operation.answer = around.loop.now, answer.content
        around.rest.check_words(invocation.guild_id, answer.content)


_STANDINGS = {
    Rank.MEMBER: Standing(),
    Rank.DJ: Standing(roles=frozenset([RoleId(int(DJS))])),
    Rank.MANAGER: Standing(permissions=MANAGE_GUILD),
}


def _options(command: Command, guild: GuildId, tag: str) -> dict[str, str]:
    match command.name:
        case "play":
            return {"url": Catalogue.link(tag)}
        case "play next":
            return {"url": Catalogue.link(tag), "next": "True"}
        case "play all":
            return {"urls": " ".join(Catalogue.link(f"{tag}x{number}") for number in range(command.position))}
        case "loop off" | "loop track" | "loop queue":
            return {"mode": command.name.removeprefix("loop ")}
        case "skip to":
            return {"to": str(command.position)}
        case "remove" | "move":
            return {"position": str(command.position), "to": str(command.to)}
        case _:
            # The role that everyone has is named by the guild's id.
            value = str(guild) if command.value == EVERYONE else command.value
            return {_OPTION.get(command.name, command.name.split()[-1]): value} if value else {}


_OPTION = {"volume": "percent", "speed": "percent", "filter": "name"}


def text_channel(guild: int) -> ChannelId:
    return ChannelId(1_000 + guild)


def voice_channel(guild: int, channel: int) -> ChannelId:
    return ChannelId(100 + 10 * guild + channel)
