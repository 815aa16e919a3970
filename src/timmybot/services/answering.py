"""Answers one slash command, the same way for the front door and for ``timmybot run``.

This is the edge where a guild's store is opened: everything behind it can name no other guild.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from timmybot.domain.change import OwedReply
from timmybot.domain.errors import CommandRefused
from timmybot.domain.ids import ChannelId, PlayId, shard_of
from timmybot.domain.track import Entry
from timmybot.domain.track_url import checked_url
from timmybot.ports.clock import Clock
from timmybot.ports.discord import DiscordError, MayNotConnect, Members, NotInvited
from timmybot.ports.guild_store import GuildStores, NewerRelease, StoreBroken, StoreUnavailable
from timmybot.ports.inbox import Inbox, Nudge
from timmybot.ports.lease_store import LeaseStore
from timmybot.services.guild_commands import GuildCommands
from timmybot.services.invocation import Invocation
from timmybot.services.new_id import NewId
from timmybot.services.options import chosen, loop, position, whole
from timmybot.services.queue_commands import QueueCommands
from timmybot.services.settings_commands import SettingsCommands
from timmybot.services.wake import Waking
from timmybot.settings import Settings

log = logging.getLogger(__name__)


Commands = tuple[GuildCommands, QueueCommands, SettingsCommands]

_NEED_NO_WORKER = ("stop", "volume", "speed", "filter", "settings")
"""If no worker is awake, nothing plays that these could change."""


class NotInVoice(CommandRefused):
    def __init__(self) -> None:
        super().__init__("Join a voice channel first, then use `/play` again: I play where you are.")


@dataclass(frozen=True)
class Answer:
    """What the member sees at once. An ephemeral answer is seen by nobody else."""

    content: str
    ephemeral: bool = False


class Answering:
    def __init__(
        self,
        *,
        guilds: GuildStores,
        leases: LeaseStore,
        inbox: Inbox,
        members: Members,
        waking: Waking,
        clock: Clock,
        new_id: NewId,
        settings: Settings,
    ) -> None:
        self._guilds = guilds
        self._leases = leases
        self._inbox = inbox
        self._members = members
        self._waking = waking
        self._clock = clock
        self._new_id = new_id
        self._settings = settings

    async def answer(self, invocation: Invocation) -> Answer:
        """Carry the command out. Never raises for what a member or an outage can cause: that is an answer, too."""
        store, number, standing = self._guilds.open(invocation.guild_id), invocation.interaction_id, invocation.standing
        limit, dj = self._settings.queue_limit, standing.check_dj
        commands = (
            GuildCommands(store, number, new_id=self._new_id, queue_limit=limit, permit=dj),
            QueueCommands(store, number, new_id=self._new_id, queue_limit=limit, permit=dj),
            SettingsCommands(store, number, standing),
        )
        try:
            return await self._dispatch(invocation, commands)
        except CommandRefused as refusal:
            return Answer(str(refusal), ephemeral=True)
        except NewerRelease:
            log.warning("command %s: a newer release has written the guild's queue", invocation.command)
            return Answer("I am being updated, and your queue is kept. Try again in a minute.", ephemeral=True)
        except StoreBroken as error:
            log.error("command %s: %s", invocation.command, error)  # noqa: TRY400  # the sentence is the news
            return Answer(
                "I couldn't reach the database, so nothing was changed. Whoever runs me finds the reason in my log.",
                ephemeral=True,
            )
        except StoreUnavailable:
            log.warning("command %s: the store is unavailable", invocation.command, exc_info=True)
            return Answer("I couldn't reach the database. Try again in a moment.", ephemeral=True)
        except MayNotConnect:
            return Answer(
                "I may not connect to the voice channel you are in: give me View Channel and Connect there.",
                ephemeral=True,
            )
        except NotInvited:
            return Answer("I am not a member of this server. Invite me as a bot first, then try again.", ephemeral=True)
        except DiscordError:
            log.warning("command %s: Discord did not answer", invocation.command, exc_info=True)
            return Answer("Discord did not tell me where you are. Try again in a moment.", ephemeral=True)

    async def _dispatch(self, invocation: Invocation, commands: Commands) -> Answer:
        player, queue, settings = commands
        heard: dict[str, Callable[[], Awaitable[str]]] = {
            "play": lambda: self._play(invocation, player),
            "skip": lambda: player.skip_to(position(invocation, "to")) if "to" in invocation.options else player.skip(),
            "previous": player.previous,
            "pause": player.pause,
            "resume": lambda: player.resume(lambda: self._where(invocation)),
            "stop": player.stop,
            "loop": lambda: player.loop(loop(invocation)),
            "undo": queue.undo,
            "volume": lambda: settings.volume(whole(invocation, "percent")),
            "speed": lambda: settings.speed(whole(invocation, "percent")),
            "filter": lambda: settings.effect(invocation.options.get("name", "")),
            "settings": lambda: settings.settings(chosen(invocation)),
        }
        unheard: dict[str, Callable[[], Awaitable[str]]] = {
            "queue": lambda: player.queue(position(invocation, "page", default=1)),
            "nowplaying": lambda: player.now_playing(lambda play_id: self._position_of(invocation, play_id)),
            "history": queue.history,
            "remove": lambda: queue.remove(position(invocation, "position")),
            "move": lambda: queue.move(position(invocation, "position"), position(invocation, "to")),
            "shuffle": queue.shuffle,
            "clear": queue.clear,
        }
        if invocation.command in heard:
            return Answer(await heard[invocation.command]() + await self._tell_workers(invocation))
        if invocation.command in unheard:
            return Answer(await unheard[invocation.command]())
        raise CommandRefused(f"I don't know `/{invocation.command[:32]}`. It may be new: try again in a minute.")

    async def _play(self, invocation: Invocation, commands: GuildCommands) -> str:
        url = checked_url(invocation.options.get("url", ""))
        voice = await self._where(invocation)
        if voice is None:
            raise NotInVoice
        warning = invocation.own_rights.warning
        expires_at = self._clock.now() + self._settings.reply_ttl_seconds

        def owed(entry: Entry) -> OwedReply:
            return OwedReply(
                invocation.interaction_id,
                invocation.application_id,
                invocation.token,
                entry.key,
                expires_at,
                warning,
            )

        said = await commands.play(
            url,
            user=invocation.user_id,
            voice=voice,
            text=invocation.channel_id,
            owed=owed,
            next_up=invocation.options.get("next") == "True",
        )
        return said + warning

    async def _where(self, invocation: Invocation) -> ChannelId | None:
        return await self._members.voice_channel_of(invocation.guild_id, invocation.user_id)

    async def _tell_workers(self, invocation: Invocation) -> str:
        """Nudge the worker and wake one if there is none. The command is written already: trouble here only delays."""
        try:
            await self._inbox.post(Nudge(self._new_id(), invocation.guild_id, self._clock.now()))
            if invocation.command not in _NEED_NO_WORKER and await self._waking.ensure_awake(invocation.guild_id):
                return "\nI was asleep and am waking up: this takes about a minute."
        except StoreUnavailable:
            log.warning("the nudge was not written; the next scan finds the guild", exc_info=True)
        return ""

    async def _position_of(self, invocation: Invocation, play_id: PlayId) -> int | None:
        shard = shard_of(invocation.guild_id, self._settings.shard_count)
        heartbeat = await self._leases.heartbeat_of_owner(shard)
        return heartbeat.positions.get(play_id) if heartbeat else None
