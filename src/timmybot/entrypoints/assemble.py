"""Joins the parts of a worker. The one place that knows which adapter stands behind which port."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Protocol

from timmybot.adapters.discord_gateway import Gateway
from timmybot.adapters.discord_rest import DiscordRest
from timmybot.adapters.discord_voice import VoicePlayers
from timmybot.adapters.sources.http import HttpTrackSource
from timmybot.domain.ids import PlayId, WorkerId
from timmybot.entrypoints.new_id import new_id
from timmybot.ports.clock import Clock
from timmybot.ports.guild_store import GuildStores
from timmybot.ports.identify_budget import IdentifyBudget
from timmybot.ports.inbox import Inbox
from timmybot.ports.lease_store import LeaseStore
from timmybot.ports.metrics import Metrics
from timmybot.ports.secrets import Credentials
from timmybot.ports.service_scaler import ScaleInProtection
from timmybot.ports.shard_sessions import InteractionHandler
from timmybot.ports.track_cache import TrackCache
from timmybot.services.held_guilds import HeldGuilds
from timmybot.services.leases import Leases
from timmybot.services.loudness import KnownLoudness
from timmybot.services.progress import Progress
from timmybot.services.worker import Worker
from timmybot.settings import Settings


class Stores(Protocol):
    """What ``dynamodb.connect`` and ``sqlite.connect`` return."""

    @property
    def guilds(self) -> GuildStores: ...
    @property
    def leases(self) -> LeaseStore: ...
    @property
    def inbox(self) -> Inbox: ...
    @property
    def identify_budget(self) -> IdentifyBudget: ...
    @property
    def tracks(self) -> TrackCache: ...


@asynccontextmanager
async def assembled_worker(
    settings: Settings,
    *,
    stores: Stores,
    credentials: Credentials,
    rest: DiscordRest,
    clock: Clock,
    metrics: Metrics,
    protection: ScaleInProtection,
    progress: Progress,
    revision: int = 0,
    on_interaction: InteractionHandler | None = None,
) -> AsyncIterator[Worker]:
    """A worker with its connections, which are closed when the context ends."""
    source = HttpTrackSource(settings.source_allow_hosts)
    source.media.warm()
    gateway = Gateway(
        credentials.bot_token,
        gateway_url=rest.gateway_url,
        session_starts=rest.session_starts,
        metrics=metrics,
        look_up=rest.guild,
        change_voice=rest.change_voice,
        identify_budget=stores.identify_budget,
        shard_count=settings.shard_count,
        clock=clock,
        on_interaction=on_interaction,
        # Made below: the lease's positions come from the players, and those from this gateway.
        may_act=lambda shard_id: shard_id in leases.held and leases.may_act,
    )
    players = VoicePlayers(gateway, source, clock, long_stall_seconds=settings.lease_margin_seconds)
    progress.follow(players.stalled_seconds)
    leases = Leases(
        stores.leases,
        clock,
        settings,
        me=WorkerId(new_id()),
        revision=revision,
        positions=_positions(players),
        gets_on=progress.is_made,
    )
    loudness = KnownLoudness(
        stores.tracks,
        source,
        transcoded=lambda: sum(status.is_transcoded for status in players.statuses().values()),
        most_transcoded=settings.loudness_players,
    )
    held_guilds = HeldGuilds(
        guilds=stores.guilds,
        leases=leases,
        players=players,
        sessions=gateway,
        source=source,
        replies=rest,
        loudness=loudness,
        clock=clock,
        new_id=new_id,
        shard_count=settings.shard_count,
    )
    try:
        yield Worker(
            guilds=stores.guilds,
            leases=leases,
            inbox=stores.inbox,
            held_guilds=held_guilds,
            sessions=gateway,
            players=players,
            metrics=metrics,
            protection=protection,
            clock=clock,
            settings=settings,
            always_connected=on_interaction is not None,
        )
    finally:
        await loudness.close()
        await players.close()
        await gateway.close_all()
        source.close()


def _positions(players: VoicePlayers) -> Callable[[], dict[PlayId, int]]:
    def positions() -> dict[PlayId, int]:
        statuses = players.statuses().values()
        return {status.play_id: status.position_ms for status in statuses if status.play_id}

    return positions
