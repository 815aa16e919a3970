"""How heartbeats, leases and nudges are written down, and read back with suspicion.

Workers of two releases live side by side during a deploy, and must see that the others live and what they own. So these
are read whatever their schema is: a later one may have more fields, and none that means something else.
"""

from __future__ import annotations

from timmybot.domain.ids import Epoch, GuildId, PlayId, ShardId, WorkerId
from timmybot.domain.lease import GatewaySession, Heartbeat, ShardLease
from timmybot.ports.inbox import Nudge
from timmybot.ports.records.fields import ID_LIMIT, Fields, Record, integer_or_zero, with_schema

HEARTBEAT_KEPT_SECONDS = 15 * 60.0
"""How long a heartbeat stays readable after the last beat: long enough to resume where its players were."""

NUDGE_KEPT_SECONDS = 5 * 60.0
"""Many times the overlap with which the inbox is read."""

RESERVATION_BELIEVED_SECONDS = 10.0
"""A bucket of the identify budget that is used up for longer was written under a wrong clock, or is read under one: a
real reservation lasts 5 seconds. Without this bound, a worker with a clock a minute behind would wait for a minute."""

SESSION_FIELDS = ("session_id", "resume_url", "sequence")

_SESSION_LIMIT = 1_000
"""Characters of a gateway session's id or URL; Discord's are shorter than 100."""


def heartbeat_record(heartbeat: Heartbeat, now: float) -> dict[str, object]:
    """Everything but the worker's id, which is where the record lies. ``now`` is Unix time in seconds."""
    return with_schema(
        {
            "counter": heartbeat.counter,
            "renewed_at": heartbeat.renewed_at,
            "revision": heartbeat.revision,
            "draining": heartbeat.draining,
            "positions": dict(heartbeat.positions),
            "expires_at": int(now + HEARTBEAT_KEPT_SECONDS),
        }
    )


def is_forgotten(record: Record, now: float) -> bool:
    """Whether its time has passed: DynamoDB may leave an expired item readable for days."""
    return Fields(record, newer_too=True).time("expires_at") <= now


def heartbeat_of(worker_id: WorkerId, record: Record) -> Heartbeat:
    """Raises :class:`~timmybot.ports.records.fields.Unreadable`."""
    fields = Fields(record, newer_too=True)
    return Heartbeat(
        worker_id=worker_id,
        counter=fields.number("counter"),
        renewed_at=fields.time("renewed_at"),
        revision=fields.number("revision"),
        draining=fields.flag("draining"),
        positions={PlayId(play): position for play, position in fields.numbers_by_name("positions").items()},
    )


def session_record(session: GatewaySession | None) -> dict[str, object]:
    """The fields of a lease that hold its session; empty without one."""
    if session is None:
        return {}
    return dict(zip(SESSION_FIELDS, (session.session_id, session.resume_url, session.sequence), strict=True))


def lease_record(lease: ShardLease) -> dict[str, object]:
    """Everything but the shard's id, which is where the record lies."""
    fields = {"owner": lease.owner, "epoch": lease.epoch, "next_owner": lease.next_owner}
    return with_schema(fields | session_record(lease.session))


def lease_of(shard_id: ShardId, record: Record) -> ShardLease:
    """Raises :class:`~timmybot.ports.records.fields.Unreadable`."""
    fields = Fields(record, newer_too=True)
    owner, next_owner = fields.text_or_none("owner", ID_LIMIT), fields.text_or_none("next_owner", ID_LIMIT)
    session_id = fields.text_or_none("session_id", _SESSION_LIMIT)
    return ShardLease(
        shard_id=shard_id,
        owner=None if owner is None else WorkerId(owner),
        epoch=Epoch(fields.number("epoch")),
        next_owner=None if next_owner is None else WorkerId(next_owner),
        session=None
        if session_id is None
        else GatewaySession(session_id, fields.present_text("resume_url", _SESSION_LIMIT), fields.number("sequence")),
    )


def remaining_lease(shard_id: ShardId, record: Record) -> ShardLease:
    """What must be known of a lease that cannot be understood otherwise, so that it can be taken: owner and epoch.

    An epoch that started again would have the guilds fence every owner to come.
    """
    owner, epoch = record.get("owner"), Epoch(integer_or_zero(record.get("epoch")))
    return ShardLease(shard_id, owner=WorkerId(owner) if isinstance(owner, str) else None, epoch=epoch)


def nudge_record(nudge: Nudge) -> dict[str, object]:
    """The whole nudge, and when it may be forgotten."""
    return with_schema(
        {
            "nudge_id": nudge.nudge_id,
            "guild": nudge.guild_id,
            "written_at": nudge.written_at,
            "expires_at": int(nudge.written_at + NUDGE_KEPT_SECONDS),
        }
    )


def nudge_of(record: Record) -> Nudge:
    """Raises :class:`~timmybot.ports.records.fields.Unreadable`."""
    fields = Fields(record, newer_too=True)
    return Nudge(
        nudge_id=fields.present_text("nudge_id", ID_LIMIT),
        guild_id=GuildId(fields.present_number("guild")),
        written_at=fields.time("written_at"),
    )
