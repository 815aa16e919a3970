"""What members can ask of one guild's player.

Each command reads the guild's state, decides, and commits one conditional write; when someone else wrote first it reads
and decides again. Nothing here waits for music: a worker makes the wish come true. What changes the queue itself is in
``queue_commands``.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from timmybot.domain.change import Change, OwedReply
from timmybot.domain.errors import NoLongerWaiting, NoSuchPage, NoSuchPosition, NothingPlaying
from timmybot.domain.guild_state import GuildState, Loop
from timmybot.domain.ids import ChannelId, EntryId, InteractionId, OrderKey, PlayId, UserId
from timmybot.domain.queue_edits import Wish, append, put_next
from timmybot.domain.rewriting import extend
from timmybot.domain.track import Entry, Track
from timmybot.domain.wording import clock_time, named, page_of_queue
from timmybot.ports.guild_store import CHANGE_LIMIT, GuildStore
from timmybot.services.carrying_out import CarryingOut, Decide, Permit, anybody
from timmybot.services.moving_on import Over, move_on, retire, stop
from timmybot.services.new_id import NewId
from timmybot.services.writing_anew import WritingAnew

PAGE = 10
"""How many waiting entries ``/queue`` shows."""

PositionOf = Callable[[PlayId], Awaitable[int | None]]
"""Where a playing is now, in milliseconds, if a worker has told."""

Where = Callable[[], Awaitable[ChannelId | None]]
"""The voice channel that the member is in, if any."""

_LOOPS = {
    Loop.OFF: "Nothing is repeated any more.",
    Loop.TRACK: "This track is repeated until you skip it or use `/loop off`.",
    Loop.QUEUE: "The queue is repeated: each track waits again at its end.",
}


class GuildCommands:
    """The commands of the guild that ``store`` was opened for, on behalf of one interaction."""

    def __init__(
        self,
        store: GuildStore,
        interaction_id: InteractionId,
        *,
        new_id: NewId,
        queue_limit: int,
        permit: Permit = anybody,
    ) -> None:
        self._store = store
        self._carry_out = CarryingOut(store, interaction_id, permit)
        self._new_id = new_id
        self._queue_limit = queue_limit

    async def play(
        self,
        url: str,
        *,
        user: UserId,
        voice: ChannelId,
        text: ChannelId,
        owed: Callable[[Entry], OwedReply],
        next_up: bool = False,
    ) -> str:
        """Queue what is at ``url``; the worker that resolves it gives the final answer, which ``owed`` describes.

        With ``next_up`` it comes before everything that waits.
        """

        async def decide(state: GuildState) -> tuple[Change, str]:
            wish = self._wish([Track(url)], user, voice, text)
            first = (await self._store.step(state)).to if next_up and state.is_begun else None
            change = put_next(state, wish, first) if next_up else append(state, wish)
            (entry,) = change.add
            where = f"Queued as number {1 if first else change.state.waiting}:"
            if change.state.current == entry.key:
                where = "Starting"
            return Change(change.state, add=change.add, owe=(owed(entry),)), f"{where} {named(entry.track)}"

        return await self._carry_out(decide)

    async def play_all(self, tracks: list[Track], *, user: UserId, voice: ChannelId, text: ChannelId) -> str:
        """Queue all of ``tracks``, in their order and with nothing between them, or none of them."""
        writing = WritingAnew(self._store)
        wish = self._wish(tracks, user, voice, text)

        async def decide(state: GuildState) -> tuple[Change, str]:
            answer = f"Queued {len(tracks):,} tracks."
            if len(tracks) <= CHANGE_LIMIT:
                return append(state, wish), answer
            return await writing.change(state, lambda state, held: extend(state, held, wish)), answer

        return await self._carry_out(decide) if tracks else "There is nothing in it to play."

    async def skip(self) -> str:
        meant: list[GuildState] = []

        async def decide(state: GuildState) -> tuple[Change, str]:
            # The playing that the member meant is the one read first: had it been read anew on each attempt, two
            # members skipping at one moment would skip two tracks.
            meant.append(state)
            if (over := meant[0].play_id) is None:
                raise NothingPlaying
            change, to = await move_on(self._store, state, over, Over.SKIPPED, self._new_id)
            return change, f"Skipped. Next: {named(to.track)}" if to else "Skipped. The queue is empty."

        return await self._and_retire(meant, await self._carry_out(decide))

    async def skip_to(self, position: int) -> str:
        """Go on to the entry that waits at ``position``, counted from 1; those before it are history then."""
        meant: list[GuildState] = []
        target: list[Entry] = []

        async def decide(state: GuildState) -> tuple[Change, str]:
            meant.append(state)
            if state.play_id is None:
                raise NothingPlaying
            step = await self._store.step(state, position)
            if target and step.to != target[0]:
                step = await self._store.step(state, await self._position_of(state, target[0].key, position))
            if step.to is None:
                raise NoSuchPosition(position, state.waiting)
            target.append(step.to)
            change = Change(state.advance(state.play_id, step.to, PlayId(self._new_id()), step.passed))
            return change, f"Skipped to {named(step.to.track)}"

        return await self._and_retire(meant, await self._carry_out(decide))

    async def previous(self) -> str:
        meant: list[PlayId | None] = []

        async def decide(state: GuildState) -> tuple[Change, str]:
            meant.append(state.play_id)
            if meant[0] is None or state.current is None:
                raise NothingPlaying
            back, current = await asyncio.gather(
                self._store.step(state, -1), self._store.entry(state.current, of=state)
            )
            returned = state.go_back(meant[0], back, current, PlayId(self._new_id()))
            assert back.to is not None
            # Written again without the time at which it was to be forgotten.
            return Change(returned, replace=(back.to,)), f"Back to {named(back.to.track)}"

        return await self._carry_out(decide)

    async def pause(self) -> str:
        return await self._carry_out(_always(GuildState.pause, "Paused. `/resume` goes on from here."))

    async def resume(self, where: Where) -> str:
        """Play on; a player that is away comes to ``where`` the member is."""

        async def decide(state: GuildState) -> tuple[Change, str]:
            if not state.away:
                return Change(state.resume()), "Playing on."
            return Change(state.resume(await where())), "Coming back, and playing on."

        return await self._carry_out(decide)

    async def loop(self, mode: Loop) -> str:
        return await self._carry_out(_always(lambda state: state.set_loop(mode), _LOOPS[mode]))

    async def stop(self) -> str:
        async def decide(state: GuildState) -> tuple[Change, str]:
            return await stop(self._store, state), "Stopped, and the queue is cleared. `/undo` brings it back."

        return await self._carry_out(decide)

    async def queue(self, page: int = 1) -> str:
        state = await self._store.state()
        if state.current is None:
            raise NothingPlaying
        current, waiting = await asyncio.gather(
            self._store.entry(state.current, of=state),
            self._store.entries(after=state.head, limit=page * PAGE, of=state),
        )
        before = (page - 1) * PAGE
        if before and len(waiting) <= before:
            raise NoSuchPage(page, max(-(-state.waiting // PAGE), 1))
        return page_of_queue(current, waiting[before:], before, state.tally)

    async def now_playing(self, position_of: PositionOf) -> str:
        state, current, play_id = await self._what_plays()
        told = await position_of(play_id)
        position_ms = max(state.position_ms, told or 0)  # a playing's place only grows: the later word is the larger
        manner = "Away" if state.away else "Paused" if state.paused else "Playing"
        return f"{manner} at {clock_time(position_ms)}: {named(current.track)}, asked for by <@{current.requested_by}>"

    async def _what_plays(self) -> tuple[GuildState, Entry, PlayId]:
        """Raises :class:`NothingPlaying`."""
        state = await self._store.state()
        while state.current is not None and state.play_id is not None:
            current = await self._store.entry(state.current, of=state)
            if current is not None:
                return state, current, state.play_id
            # It may have gone between the two readings, and something else play.
            before, state = state, await self._store.state()
            if state.version == before.version:
                break
        raise NothingPlaying

    def _wish(self, tracks: list[Track], user: UserId, voice: ChannelId, text: ChannelId) -> Wish:
        named_tracks = tuple((EntryId(self._new_id()), track) for track in tracks)
        return Wish(named_tracks, user, voice, text, PlayId(self._new_id()), self._queue_limit)

    async def _position_of(self, state: GuildState, key: OrderKey, at_most: int) -> int:
        """Where the entry waits now that was picked by its position: it can only have come nearer."""
        waiting = await self._store.entries(after=state.head, limit=at_most, of=state)
        for position, entry in enumerate(waiting, start=1):
            if entry.key == key:
                return position
        raise NoLongerWaiting

    async def _and_retire(self, meant: list[GuildState], answer: str) -> str:
        over = meant[-1] if meant else None
        if over is not None and over.current is not None:
            await retire(self._store, over.current, over)
        return answer


def _always(transition: Callable[[GuildState], GuildState], answer: str) -> Decide:
    async def decide(state: GuildState) -> tuple[Change, str]:
        return Change(transition(state)), answer

    return decide
