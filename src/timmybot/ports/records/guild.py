"""How a guild's state, its entries and its owed replies are written down, and read back with suspicion.

What a field may be and is not known here yet (a loop of a future kind, say) reads as its default where nothing is lost
by that; fields that are not known at all are passed over.
"""

from __future__ import annotations

import logging
from dataclasses import replace

from timmybot.domain.change import OwedReply
from timmybot.domain.crash_record import NO_CRASHES, CrashRecord
from timmybot.domain.guild_settings import NOTHING_CHOSEN, GuildSettings
from timmybot.domain.guild_state import RECENT_INTERACTIONS, Action, GuildState, Loop
from timmybot.domain.ids import ChannelId, EntryId, Epoch, InteractionId, OrderKey, PlayId, RoleId, UserId
from timmybot.domain.order_key import START, is_order_key
from timmybot.domain.sound import Effect
from timmybot.domain.tally import Tally
from timmybot.domain.track import TITLE_LIMIT, URL_LIMIT, Entry, Track
from timmybot.domain.undo import Undo
from timmybot.ports.records.fields import (
    ID_LIMIT,
    KEY_LIMIT,
    Fields,
    Record,
    Unreadable,
    integer_or_zero,
    with_schema,
)

log = logging.getLogger(__name__)

_GENERATIONS = 1_000_000
"""More than any guild makes; a number beyond was not written by us."""

_WARNING_LIMIT = 500
_TOKEN_LIMIT = 1_000
"""Characters of an interaction token; Discord's have some 200 and are documented as opaque."""


HISTORY_KEPT_SECONDS = 30 * 24 * 3600.0
"""How long a played entry stays in the history: longer than anything waits."""


def state_record(state: GuildState) -> dict[str, object]:
    """Fields that have their default and came later than the first release are left out: STATE has to stay small."""
    return with_schema(
        {
            "version": state.version,
            "epoch": state.epoch,
            "voice_channel": state.voice_channel_id,
            "text_channel": state.text_channel_id,
            "current": state.current,
            "play_id": state.play_id,
            "position_ms": state.position_ms,
            "crashes": None if state.crashes == NO_CRASHES else _crashes_record(state.crashes),
            "paused": state.paused,
            "away": state.away or None,
            "loop": None if state.loop is Loop.OFF else state.loop.value,
            "generation": state.generation,
            "generations": state.generations or None,
            "kept": state.kept_generation,
            "undo": state.undo and state.undo.value,
            "head": state.head,
            "tail": state.tail,
            "overtaken": state.overtaken,
            "waiting": state.waiting,
            "waiting_ms": state.waiting_ms or None,
            "unknown": state.waiting_unknown,
            "recent": list(state.recent),
            "settings": None if state.settings == NOTHING_CHOSEN else settings_record(state.settings),
        }
    )


def state_of(record: Record) -> GuildState:
    """Raises :class:`Unreadable`, also when the fields contradict one another."""
    fields = Fields(record)
    voice, text = fields.number_or_none("voice_channel"), fields.number_or_none("text_channel")
    current, play_id = fields.text_or_none("current", KEY_LIMIT), fields.text_or_none("play_id", ID_LIMIT)
    generation, waiting = fields.number("generation"), fields.number("waiting")
    unknown, overtaken = fields.number_or_none("unknown"), fields.text_or_none("overtaken", KEY_LIMIT)
    state = GuildState(
        voice_channel_id=None if voice is None else ChannelId(voice),
        text_channel_id=None if text is None else ChannelId(text),
        current=None if current is None else _key("current", current),
        play_id=None if play_id is None else PlayId(play_id),
        position_ms=fields.number("position_ms"),
        crashes=_crashes_in(record),
        paused=fields.flag("paused"),
        away=fields.flag("away"),
        loop=Loop(fields.one_of("loop", [loop.value for loop in Loop]) or Loop.OFF.value),
        generation=generation,
        generations=max(fields.number("generations"), generation),
        kept_generation=fields.number_or_none("kept"),
        undo=_action(fields),
        head=_key("head", fields.text("head", KEY_LIMIT)),
        tail=_key("tail", fields.text("tail", KEY_LIMIT)),
        overtaken=None if overtaken is None else _key("overtaken", overtaken),
        waiting=waiting,
        waiting_ms=fields.number("waiting_ms"),
        waiting_unknown=waiting if unknown is None else unknown,
        version=fields.number("version"),
        epoch=Epoch(fields.number("epoch")),
        recent=tuple(InteractionId(each) for each in fields.numbers("recent", RECENT_INTERACTIONS)),
        settings=_settings_in(record),
    )
    if (state.current is None) != (state.play_id is None):
        raise Unreadable("current and play_id do not belong together")
    if state.is_begun and state.voice_channel_id is None:
        raise Unreadable("voice_channel is missing although something plays")
    if state.head > state.tail:
        raise Unreadable("head is behind tail")
    return state


def silent_state(record: Record) -> GuildState:
    """A guild that wants nothing, under the version and epoch of a record that cannot be understood otherwise.

    Its queue is a new writing, in which nothing of the old one turns up by chance; the old one is kept.
    """
    version, epoch = integer_or_zero(record.get("version")), integer_or_zero(record.get("epoch"))
    kept, handed_out = (_generation(record.get(name)) for name in ("generation", "generations"))
    number = max(kept, handed_out) + 1
    return GuildState(
        version=version,
        epoch=Epoch(epoch),
        generation=number,
        generations=number,
        kept_generation=kept,
        settings=_settings_in(record),
    )


def undo_record(undo: Undo) -> dict[str, object]:
    """Of the state before, interactions, settings and crashes are left out: they are no part of what comes back."""
    removed = undo.removed and {"key": undo.removed.key, **entry_record(undo.removed)}
    before = state_record(replace(undo.before, recent=(), settings=NOTHING_CHOSEN, crashes=NO_CRASHES))
    return with_schema({"action": undo.action.value, "before": before, "removed": removed})


def undo_of(record: Record) -> Undo:
    """Raises :class:`Unreadable`."""
    fields = Fields(record)
    action = _action(fields, "action")
    if action is None:
        raise Unreadable("action is missing or unknown")
    removed = fields.record_or_none("removed")
    return Undo(
        action=action,
        before=state_of(fields.record_or_none("before") or {}),
        removed=None if removed is None else entry_of(OrderKey(str(removed.get("key"))), removed),
    )


def settings_record(settings: GuildSettings) -> dict[str, object]:
    """A part of the state's record. The target is written as dB below full scale, 0 for none."""
    dj_role: dict[str, object] = {} if settings.dj_role_id is None else {"dj": settings.dj_role_id}
    return dj_role | {
        "volume": settings.volume_percent,
        "speed": settings.speed_percent,
        "effect": settings.effect.value,
        "target": -(settings.target_lufs or 0),
        "alone": settings.alone_minutes,
    }


def settings_of(record: Record) -> GuildSettings:
    """Raises :class:`Unreadable`."""
    fields = Fields(with_schema(record))
    dj_role_id = fields.number_or_none("dj")
    try:
        return GuildSettings(
            volume_percent=fields.number("volume"),
            speed_percent=fields.number("speed"),
            effect=Effect(fields.one_of("effect", [effect.value for effect in Effect]) or Effect.NONE.value),
            target_lufs=-fields.number("target") or None,
            alone_minutes=fields.number("alone"),
            dj_role_id=None if dj_role_id is None else RoleId(dj_role_id),
        )
    except ValueError as why:
        raise Unreadable("settings are out of their ranges") from why


def _settings_in(record: Record) -> GuildSettings:
    """What cannot be understood of the settings is chosen anew: no queue is lost for it."""
    stored = record.get("settings")
    if not isinstance(stored, dict):
        return NOTHING_CHOSEN
    try:
        return settings_of(stored)
    except Unreadable as why:
        log.warning("stored settings are set aside: %s", why)
        return NOTHING_CHOSEN


def _crashes_record(crashes: CrashRecord) -> dict[str, object]:
    marked: dict[str, object] = {"marked": True} if crashes.marked else {}
    return marked | {"decoder": crashes.decoder, "worker": crashes.worker, "at_ms": crashes.position_ms}


def _crashes_in(record: Record) -> CrashRecord:
    """What cannot be understood of it is taken for nothing: it only protects, and no queue is lost for it."""
    stored = record.get("crashes")
    if not isinstance(stored, dict):
        return NO_CRASHES
    fields = Fields(with_schema(stored))
    try:
        return CrashRecord(
            decoder=fields.number("decoder"),
            worker=fields.number("worker"),
            position_ms=fields.number("at_ms"),
            marked=fields.flag("marked"),
        )
    except Unreadable as why:
        log.warning("a stored record of crashes is set aside: %s", why)
        return NO_CRASHES


def tally_of_unreadable(record: Record) -> Tally:
    """What an entry that cannot be understood was counted as, as far as can be told."""
    length = integer_or_zero(record.get("duration_ms"))
    return Tally(1, length, 0) if length > 0 else Tally(1, 0, 1)


def entry_record(entry: Entry) -> dict[str, object]:
    """Everything but the key, which is where the record lies."""
    return with_schema(
        {
            "entry_id": entry.entry_id,
            "url": entry.track.url,
            "title": entry.track.title,
            "duration_ms": entry.track.duration_ms,
            "requested_by": entry.requested_by,
        }
    )


def entry_of(key: OrderKey, record: Record) -> Entry:
    """Raises :class:`Unreadable`, also for a key that is none of ours."""
    fields = Fields(record)
    track = Track(
        url=fields.present_text("url", URL_LIMIT),
        title=fields.text_or_none("title", TITLE_LIMIT),
        duration_ms=fields.number_or_none("duration_ms"),
    )
    entry_id, requested_by = fields.present_text("entry_id", ID_LIMIT), fields.present_number("requested_by")
    if not is_order_key(key):
        raise Unreadable("its place is none in a queue")
    return Entry(key=key, entry_id=EntryId(entry_id), track=track, requested_by=UserId(requested_by))


def reply_record(reply: OwedReply) -> dict[str, object]:
    """Everything but the interaction id, which is where the record lies.

    ``expires_at`` is cut to whole seconds: DynamoDB's time to live takes nothing finer.
    """
    return with_schema(
        {
            "application_id": reply.application_id,
            "token": reply.token,
            "key": reply.key,
            "expires_at": int(reply.expires_at),
            **({"warning": reply.warning} if reply.warning else {}),
        }
    )


def reply_of(interaction_id: InteractionId, record: Record) -> OwedReply:
    """Raises :class:`Unreadable`."""
    fields = Fields(record)
    return OwedReply(
        interaction_id=interaction_id,
        application_id=fields.present_number("application_id"),
        token=fields.present_text("token", _TOKEN_LIMIT),
        key=OrderKey(fields.present_text("key", KEY_LIMIT)),
        expires_at=fields.time("expires_at"),
        warning=fields.text("warning", _WARNING_LIMIT),
    )


def _generation(value: object) -> int:
    number = integer_or_zero(value)
    return number if 0 <= number < _GENERATIONS else 0


def _key(name: str, text: str) -> OrderKey:
    if text != START and not is_order_key(text):
        raise Unreadable(f"{name} is no order key")
    return OrderKey(text)


def _action(fields: Fields, name: str = "undo") -> Action | None:
    value = fields.one_of(name, [action.value for action in Action])
    return None if value is None else Action(value)
