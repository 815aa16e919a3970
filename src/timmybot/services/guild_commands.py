"""What members can ask of one guild's player.

Each command reads the guild's state, decides, and commits one conditional write; when someone else wrote first it reads
and decides again. Nothing here waits for music: a worker makes the wish come true.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace

from timmybot.domain.change import Change, OwedReply
from timmybot.domain.errors import NothingPlaying
from timmybot.domain.guild_state import GuildState
from timmybot.domain.ids import ChannelId, EntryId, InteractionId, PlayId, UserId
from timmybot.domain.order_key import after
from timmybot.domain.track import Entry, Track
from timmybot.domain.wording import clock_time, named
from timmybot.ports.guild_store import GuildStore, StoreUnavailable, VersionConflict

PAGE = 10
"""How many waiting entries ``/queue`` shows."""

_ATTEMPTS = 10
"""How often a lost race is run again. Racing commands of one guild come from people's fingers: two or three at once."""

Decide = Callable[[GuildState], Awaitable[tuple[Change, str]]]
NewId = Callable[[], str]
PositionOf = Callable[[PlayId], Awaitable[int | None]]
"""Where a playing is now, in milliseconds, if a worker has told."""


class GuildCommands:
    """The commands of the guild that ``store`` was opened for, on behalf of one interaction."""

    def __init__(self, store: GuildStore, interaction_id: InteractionId, *, new_id: NewId, queue_limit: int) -> None:
        self._store = store
        self._interaction_id = interaction_id
        self._new_id = new_id
        self._queue_limit = queue_limit

    async def play(
        self, url: str, *, user: UserId, voice: ChannelId, text: ChannelId, owed: Callable[[Entry], OwedReply]
    ) -> str:
        """Queue what is at ``url``; the worker that resolves it gives the final answer, which ``owed`` describes."""

        async def decide(state: GuildState) -> tuple[Change, str]:
            entry_id = EntryId(self._new_id())
            entry = Entry(after(state.tail, entry_id), entry_id, Track(url), user)
            queued = state.enqueue(
                entry, voice=voice, text=text, play_id=PlayId(self._new_id()), limit=self._queue_limit
            )
            where = "Starting" if queued.current == entry.key else f"Queued as number {queued.waiting}:"
            return Change(queued, add=(entry,), owe=(owed(entry),)), f"{where} {named(entry.track)}"

        return await self._carry_out(decide)

    async def skip(self) -> str:
        meant: list[PlayId | None] = []

        async def decide(state: GuildState) -> tuple[Change, str]:
            # The playing that the member meant is the one read first: had it been read anew on each attempt, two
            # members skipping at one moment would skip two tracks.
            meant.append(state.play_id)
            if meant[0] is None:
                raise NothingPlaying
            following = await self._store.entries(after=state.head, limit=1)
            to = following[0] if following else None
            skipped = state.advance(meant[0], to, PlayId(self._new_id()))
            return Change(skipped), f"Skipped. Next: {named(to.track)}" if to else "Skipped. The queue is empty."

        return await self._carry_out(decide)

    async def pause(self) -> str:
        return await self._carry_out(_always(GuildState.pause, "Paused. `/resume` goes on from here."))

    async def resume(self) -> str:
        return await self._carry_out(_always(GuildState.resume, "Playing on."))

    async def stop(self) -> str:
        return await self._carry_out(_always(GuildState.stop, "Stopped, and the queue is cleared."))

    async def queue(self) -> str:
        state = await self._store.state()
        if state.current is None:
            raise NothingPlaying
        current = await self._store.entry(state.current)
        waiting = await self._store.entries(after=state.head, limit=PAGE)
        lines = [f"Now: {named(current.track)}" if current else "Now: a track that was removed"]
        lines += [f"{number}. {named(entry.track)}" for number, entry in enumerate(waiting, start=1)]
        if state.waiting > len(waiting):
            lines.append(f"… and {state.waiting - len(waiting):,} more")
        return "\n".join(lines)

    async def now_playing(self, position_of: PositionOf) -> str:
        state = await self._store.state()
        current = await self._store.entry(state.current) if state.current else None
        if current is None or state.play_id is None:
            raise NothingPlaying
        told = await position_of(state.play_id)
        position_ms = state.position_ms if told is None else told
        manner = "Paused" if state.paused else "Playing"
        return f"{manner} at {clock_time(position_ms)}: {named(current.track)}, asked for by <@{current.requested_by}>"

    async def _carry_out(self, decide: Decide) -> str:
        for _ in range(_ATTEMPTS):
            state = await self._store.state()
            if state.has_seen(self._interaction_id):
                return "Done already."
            change, answer = await decide(state)
            remembering = replace(change, state=change.state.remember(self._interaction_id))
            try:
                await self._store.commit(remembering)
            except VersionConflict:
                continue
            return answer
        raise StoreUnavailable("every attempt lost its race")


def _always(transition: Callable[[GuildState], GuildState], answer: str) -> Decide:
    async def decide(state: GuildState) -> tuple[Change, str]:
        return Change(transition(state)), answer

    return decide
