"""A life's record, and what several rules want to know of it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass

from sandbox.simulator.life import Life
from sandbox.simulator.record import Record, Segment
from timmybot.domain.ids import GuildId, PlayId, ShardId, WorkerId, shard_of

RECOVERY_SECONDS = 24.0
"""How soon after the last fault every wish is granted: lease, beats, scan, a join."""
BEFORE_SECONDS = 15.0
"""How long a fault's after-effects may last for things to count as undisturbed."""
TAKEOVER_SECONDS = 2.5
"""How long two workers may send for one guild; only one of them is heard."""


@dataclass(frozen=True)
class Wish:
    """What a guild wanted to hear from ``start`` to ``end``; ``None``: silence."""

    play_id: PlayId | None
    start: float
    end: float


class Case:
    """One life to judge."""

    def __init__(self, life: Life) -> None:
        self.life = life
        self.record: Record = life.record
        self.end = life.plan.ends_at
        self.segments: dict[GuildId, list[Segment]] = defaultdict(list)
        for segment in self.record.segments:
            if segment.end > segment.start:
                self.segments[segment.guild].append(segment)
        self.troubles = sorted(self.record.troubles)

    def wishes(self, guild: GuildId) -> Iterator[Wish]:
        wanted, key, since = None, None, 0.0
        for commit in self.record.commits:
            if commit.guild != guild:
                continue
            now_wanted = None if commit.after.paused or commit.after.away else commit.after.play_id
            # What an undo copies while it is looked at has to be looked at once more: the wish begins anew.
            if now_wanted != wanted or (wanted and key != commit.after.current):
                yield Wish(wanted, since, commit.at)
                wanted, since = now_wanted, commit.at
            key = commit.after.current
        yield Wish(wanted, since, self.end)

    def undisturbed(self, start: float, end: float) -> bool:
        return all(until < start or at > end for at, until in self.troubles)

    def deadline(self, start: float, quick: float) -> float:
        """By when what is wished for at ``start`` must be so."""
        if self.undisturbed(start - BEFORE_SECONDS, start + quick):
            return start + quick
        deadline = start + RECOVERY_SECONDS
        for at, until in self.troubles:
            if at <= deadline:
                deadline = max(deadline, until + RECOVERY_SECONDS)
        return deadline

    def identified_after(self, guild: GuildId, start: float) -> float:
        """``start``, or when the shard got its session if that came soon after: one identify every five seconds."""
        shard = self.shard(guild)
        times = [each.at for each in self.record.identifies if each.shard == shard]
        if times and times[0] > start:
            return times[0]  # However late: the worker that waited for it may have died before.
        return max([start, *(at for at in times if start < at < start + 20.0)])

    def owner(self, shard: ShardId, at: float) -> WorkerId | None:
        owner = None
        for ownership in self.record.ownerships:
            if ownership.shard == shard and ownership.at <= at:
                owner = ownership.owner
        return owner

    def shard(self, guild: GuildId) -> ShardId:
        return shard_of(guild, self.life.around.settings.shard_count)

    def violated(self, rule: str, at: float, what: str) -> None:
        self.record.violated(rule, at, what)
