"""Whatever is written down is read back the same, and whatever is stored is read or refused, never believed."""

from __future__ import annotations

import json
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from timmybot.adapters.dynamodb.attributes import from_item, to_item
from timmybot.domain.change import OwedReply
from timmybot.domain.crash_record import NO_CRASHES, CrashRecord
from timmybot.domain.guild_settings import GuildSettings
from timmybot.domain.guild_state import Action, GuildState, Loop
from timmybot.domain.ids import (
    ChannelId,
    EntryId,
    Epoch,
    InteractionId,
    OrderKey,
    PlayId,
    RoleId,
    ShardId,
    UserId,
    WorkerId,
)
from timmybot.domain.lease import GatewaySession, Heartbeat, ShardLease
from timmybot.domain.sound import Effect
from timmybot.domain.track import TITLE_LIMIT, Entry, Track
from timmybot.domain.undo import Undo
from timmybot.ports.records.coordination import (
    heartbeat_of,
    heartbeat_record,
    lease_of,
    lease_record,
    nudge_of,
)
from timmybot.ports.records.fields import Unreadable
from timmybot.ports.records.guild import (
    entry_of,
    entry_record,
    reply_of,
    reply_record,
    settings_of,
    settings_record,
    silent_state,
    state_of,
    state_record,
    undo_of,
    undo_record,
)

numbers = st.integers(0, 2**63 - 1)
ids = st.text("0123456789abcdef", min_size=1, max_size=64)
titles = st.text(st.characters(codec="utf-8"), max_size=TITLE_LIMIT)

entries = st.builds(
    Entry,
    key=st.just(OrderKey("000000000001-x")),
    entry_id=ids.map(EntryId),
    track=st.builds(
        Track,
        url=st.just("https://music.example/x"),
        title=st.none() | titles,
        duration_ms=st.none() | numbers,
    ),
    requested_by=st.integers(1, 2**63 - 1).map(UserId),
)
playing = st.builds(
    GuildState,
    voice_channel_id=numbers.map(ChannelId),
    text_channel_id=st.none() | numbers.map(ChannelId),
    current=st.just(OrderKey("000000000001-x")),
    play_id=ids.map(PlayId),
    position_ms=numbers,
    crashes=st.builds(CrashRecord, numbers, numbers, numbers, st.booleans()),
    paused=st.booleans(),
    loop=st.sampled_from(Loop),
    generation=st.integers(0, 999),
    generations=st.integers(999, 999_999),
    kept_generation=st.none() | st.integers(0, 999_999),
    undo=st.none() | st.sampled_from(Action),
    head=st.just(OrderKey("000000000001-x")),
    tail=st.just(OrderKey("000000000002-y")),
    waiting=numbers,
    waiting_ms=numbers,
    waiting_unknown=numbers,
    version=numbers,
    epoch=numbers.map(Epoch),
    recent=st.lists(numbers.map(InteractionId), max_size=16).map(tuple),
)
heartbeats = st.builds(
    Heartbeat,
    worker_id=st.just(WorkerId("anna")),
    counter=numbers,
    renewed_at=st.floats(0, 1e11),
    revision=numbers,
    draining=st.booleans(),
    positions=st.dictionaries(ids.map(PlayId), numbers, max_size=4),
)
sessions = st.builds(GatewaySession, session_id=ids, resume_url=ids, sequence=numbers)
leases = st.builds(
    ShardLease,
    shard_id=st.just(ShardId(1)),
    owner=st.none() | ids.map(WorkerId),
    epoch=numbers.map(Epoch),
    next_owner=st.none() | ids.map(WorkerId),
    session=st.none() | sessions,
)

fields = st.sampled_from(
    [
        *("schema", "version", "epoch", "voice_channel", "current", "play_id", "paused", "generation", "head", "tail"),
        *("waiting", "recent", "entry_id", "url", "title", "duration_ms", "requested_by", "token", "application_id"),
        *("key", "expires_at", "counter", "renewed_at", "positions", "owner", "session_id", "resume_url", "sequence"),
        *("nudge_id", "guild", "written_at", "loop", "generations", "kept", "undo", "waiting_ms", "unknown"),
        *("action", "before", "removed", "volume_percent", "dj_role"),
    ]
)
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=300),
    lambda inner: st.lists(inner, max_size=20) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)
hostile_records = st.dictionaries(fields, values, max_size=15).flatmap(
    lambda record: st.sampled_from([record, record | {"schema": 1}])
)


def both_ways(record: dict[str, object]) -> list[dict[str, object]]:
    """The record as each store gives it back."""
    return [from_item(to_item(record)), json.loads(json.dumps(record))]


@given(entries)
def test_an_entry_is_read_back_as_it_was_written(entry: Entry) -> None:
    assert [entry_of(entry.key, record) for record in both_ways(entry_record(entry))] == [entry, entry]


@given(playing)
def test_a_state_is_read_back_as_it_was_written(state: GuildState) -> None:
    assert [state_of(record) for record in both_ways(state_record(state))] == [state, state]


@given(st.sampled_from(Action), playing, st.none() | entries)
def test_what_undoes_an_action_is_read_back_as_it_was_written(
    action: Action, before: GuildState, removed: Entry | None
) -> None:
    undo = Undo(action, replace(before, recent=(), crashes=NO_CRASHES), removed)
    assert [undo_of(record) for record in both_ways(undo_record(undo))] == [undo, undo]


chosen = st.builds(
    GuildSettings,
    volume_percent=st.integers(0, 200),
    speed_percent=st.integers(50, 200),
    effect=st.sampled_from(Effect),
    target_lufs=st.none() | st.integers(-30, -8),
    alone_minutes=st.integers(0, 1440),
    dj_role_id=st.none() | st.builds(RoleId, st.integers(1, 2**63 - 1)),
)


@given(playing, chosen)
def test_settings_are_read_back_as_they_were_written_also_from_a_state_that_is_lost(
    state: GuildState, settings: GuildSettings
) -> None:
    assert [settings_of(record) for record in both_ways(settings_record(settings))] == [settings, settings]
    for record in both_ways(state_record(replace(state, settings=settings))):
        assert state_of(record).settings == settings
        assert silent_state({**record, "head": 5}).settings == settings


@given(playing, st.dictionaries(st.sampled_from(["volume", "autoplay", "filters"]), st.integers() | st.text()))
def test_fields_that_a_later_release_writes_are_passed_over(state: GuildState, later: dict[str, object]) -> None:
    assert state_of(state_record(state) | later) == state
    assert state_of(state_record(state) | {"loop": "backwards"}) == replace(state, loop=Loop.OFF)


def test_what_an_earlier_release_wrote_is_read_with_its_length_unknown() -> None:
    old = {"schema": 1, "version": 7, "generation": 0, "head": "000000000001-x", "tail": "000000000003-z", "waiting": 2}
    state = state_of(old)
    assert (state.waiting, state.waiting_ms, state.waiting_unknown, state.loop) == (2, 0, 2, Loop.OFF)


@given(heartbeats)
def test_a_heartbeat_is_read_back_as_it_was_written(heartbeat: Heartbeat) -> None:
    records = both_ways(heartbeat_record(heartbeat, 0.0))
    assert [heartbeat_of(heartbeat.worker_id, record) for record in records] == [heartbeat, heartbeat]


@given(leases)
def test_a_lease_is_read_back_as_it_was_written(lease: ShardLease) -> None:
    assert [lease_of(lease.shard_id, record) for record in both_ways(lease_record(lease))] == [lease, lease]


def test_an_owed_reply_is_read_back_and_its_token_is_in_no_repr() -> None:
    reply = OwedReply(InteractionId(5), 7, "hush", OrderKey("k"), 1234.0, "\nMind.")
    assert [reply_of(reply.interaction_id, record) for record in both_ways(reply_record(reply))] == [reply, reply]
    assert "hush" not in repr(reply)


@given(hostile_records)
def test_a_hostile_record_is_read_or_refused_and_breaks_nothing(record: dict[str, object]) -> None:
    readings = (
        state_of,
        lambda each: entry_of(OrderKey("000000000001-x"), each),
        undo_of,
        settings_of,
        lambda each: reply_of(InteractionId(1), each),
        lambda each: heartbeat_of(WorkerId("w"), each),
        lambda each: lease_of(ShardId(1), each),
        nudge_of,
    )
    for read in readings:
        try:
            read(record)
        except Unreadable:
            continue
    assert not silent_state(record).wants_player
