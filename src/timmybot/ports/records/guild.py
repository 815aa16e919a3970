"""How a guild's state, its entries and its owed replies are written down, and read back with suspicion."""

from __future__ import annotations

from timmybot.domain.change import OwedReply
from timmybot.domain.guild_state import RECENT_INTERACTIONS, GuildState
from timmybot.domain.ids import ChannelId, EntryId, Epoch, InteractionId, OrderKey, PlayId, UserId
from timmybot.domain.track import TITLE_LIMIT, URL_LIMIT, Entry, Track
from timmybot.ports.records.fields import (
    ID_LIMIT,
    KEY_LIMIT,
    Fields,
    Record,
    Unreadable,
    integer_or_zero,
    with_schema,
)

_TOKEN_LIMIT = 1_000
"""Characters of an interaction token; Discord's have some 200 and are documented as opaque."""


def state_record(state: GuildState) -> dict[str, object]:
    return with_schema(
        {
            "version": state.version,
            "epoch": state.epoch,
            "voice_channel": state.voice_channel_id,
            "text_channel": state.text_channel_id,
            "current": state.current,
            "play_id": state.play_id,
            "position_ms": state.position_ms,
            "paused": state.paused,
            "generation": state.generation,
            "head": state.head,
            "tail": state.tail,
            "waiting": state.waiting,
            "recent": list(state.recent),
        }
    )


def state_of(record: Record) -> GuildState:
    """Raises :class:`Unreadable`, also when the fields contradict one another."""
    fields = Fields(record)
    voice, text = fields.number_or_none("voice_channel"), fields.number_or_none("text_channel")
    current, play_id = fields.text_or_none("current", KEY_LIMIT), fields.text_or_none("play_id", ID_LIMIT)
    state = GuildState(
        voice_channel_id=None if voice is None else ChannelId(voice),
        text_channel_id=None if text is None else ChannelId(text),
        current=None if current is None else OrderKey(current),
        play_id=None if play_id is None else PlayId(play_id),
        position_ms=fields.number("position_ms"),
        paused=fields.flag("paused"),
        generation=fields.number("generation"),
        head=OrderKey(fields.text("head", KEY_LIMIT)),
        tail=OrderKey(fields.text("tail", KEY_LIMIT)),
        waiting=fields.number("waiting"),
        version=fields.number("version"),
        epoch=Epoch(fields.number("epoch")),
        recent=tuple(InteractionId(each) for each in fields.numbers("recent", RECENT_INTERACTIONS)),
    )
    if (state.current is None) != (state.play_id is None):
        raise Unreadable("current and play_id do not belong together")
    if state.wants_player and state.voice_channel_id is None:
        raise Unreadable("voice_channel is missing although something plays")
    if state.head > state.tail:
        raise Unreadable("head is behind tail")
    return state


def silent_state(record: Record) -> GuildState:
    """A guild that wants nothing, under the version and epoch of a record that cannot be understood otherwise."""
    version, epoch = integer_or_zero(record.get("version")), integer_or_zero(record.get("epoch"))
    return GuildState(version=version, epoch=Epoch(epoch))


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
    """Raises :class:`Unreadable`."""
    fields = Fields(record)
    track = Track(
        url=fields.present_text("url", URL_LIMIT),
        title=fields.text_or_none("title", TITLE_LIMIT),
        duration_ms=fields.number_or_none("duration_ms"),
    )
    entry_id, requested_by = fields.present_text("entry_id", ID_LIMIT), fields.present_number("requested_by")
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
    )
