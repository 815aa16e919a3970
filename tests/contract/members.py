"""What members and workers do to a guild's queue, in the way the services do it: read, decide, commit, and again."""

from __future__ import annotations

from dataclasses import replace

from timmybot.domain.change import Change, OwedReply
from timmybot.domain.guild_state import GuildState
from timmybot.domain.ids import ChannelId, EntryId, Epoch, GuildId, InteractionId, OrderKey, PlayId, UserId
from timmybot.domain.order_key import after
from timmybot.domain.track import Entry, Track
from timmybot.ports.guild_store import GuildStore, VersionConflict

GUILD = GuildId(613425648685547541)
OTHER_GUILD = GuildId(81384788765712384)
VOICE = ChannelId(155101607195836416)
TEXT = ChannelId(155101607195836417)
MEMBER = UserId(53908232506183680)


def an_entry(key: OrderKey, name: str, title: str | None = None) -> Entry:
    url = f"https://music.example/{name}.ogg"
    return Entry(key=key, entry_id=EntryId(name), track=Track(url=url, title=title), requested_by=MEMBER)


def queued(state: GuildState, name: str) -> Change:
    """``/play``: the change that appends an entry called ``name``."""
    entry = an_entry(after(state.tail, EntryId(name)), name)
    play_id = PlayId(f"playing-{name}")
    return Change(state.enqueue(entry, voice=VOICE, text=TEXT, play_id=play_id, limit=1000), add=(entry,))


async def play(store: GuildStore, name: str, *, epoch: Epoch | None = None) -> GuildState:
    """``/play``, once: raises what the store raises."""
    return await store.commit(queued(await store.state(), name), epoch=epoch)


async def play_until_acknowledged(store: GuildStore, name: str) -> GuildState:
    while True:
        try:
            return await play(store, name)
        except VersionConflict:
            continue


async def skip(store: GuildStore) -> GuildState:
    state = await store.state()
    assert state.play_id
    step = await store.step(state)
    play_id = PlayId(f"after-{state.play_id}"[:60])
    return await store.commit(Change(state.advance(state.play_id, step.to, play_id, step.passed)))


async def everything_queued(store: GuildStore) -> list[str]:
    return [entry.entry_id for entry in await store.entries(after=OrderKey(""), limit=1000)]


def an_owed_reply(number: int, expires_at: float) -> OwedReply:
    return OwedReply(
        interaction_id=InteractionId(number),
        application_id=7,
        token=f"token-{number}",
        key=OrderKey("000000000001-a"),
        expires_at=expires_at,
    )


def with_epoch(state: GuildState, epoch: int) -> GuildState:
    return replace(state, epoch=Epoch(epoch))
