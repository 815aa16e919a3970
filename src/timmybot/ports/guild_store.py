"""The stored queue of one guild.

A store is opened for one guild at the edge of the program, and from there on nothing that is handed it can name
another: no method takes a guild id. This is the isolation the whole design rests on.

    StoreError
    ├── StoreUnavailable     the store could not be reached or is throttling; whether a write took effect is unknown
    │   ├── StoreBroken      whoever runs the store has to mend it first: it is full, read-only or damaged
    │   └── NewerRelease     the guild's state is in a shape that only a later release of the bot can read
    ├── VersionConflict      someone wrote first; read again and decide again
    └── Fenced               a later epoch has claimed the guild: this worker must not act on it any more
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from timmybot.domain.change import Change, OwedReply
from timmybot.domain.guild_state import GuildState
from timmybot.domain.ids import Epoch, GuildId, InteractionId, OrderKey, ShardId
from timmybot.domain.step import Step
from timmybot.domain.track import Entry
from timmybot.domain.undo import Undo

CHANGE_LIMIT = 98
"""Items that one change may write beside the state and what undoes it: DynamoDB takes 100 in a transaction."""


Taking = Callable[[GuildState], GuildState]
"""What a claim makes of the state as it was left, under the epoch of whoever had claimed it last."""


class StoreError(Exception):
    """Something between us and the stored queue."""


class StoreUnavailable(StoreError):
    """The store did not answer in time, or refused for load. A write may or may not have taken effect."""


class StoreBroken(StoreUnavailable):
    """The store stays as it is until whoever runs it does something. ``str()`` says what. Nothing was written."""


class NewerRelease(StoreUnavailable):
    """A later release has written the state, in a shape that this one cannot read. Nothing was written, and it is left
    as it is: whoever runs this release is being replaced, or was rolled back too far."""


class VersionConflict(StoreError):
    """The state was changed since it was read. Nothing was written."""


class Fenced(StoreError):
    """The guild is claimed under another epoch. Nothing was written, and nothing will be under this one."""


class GuildStore(Protocol):
    """The queue of the one guild it was opened for. Every read sees every write acknowledged before it.

    Reads skip stored items that cannot be understood, with one log line each; a ``STATE`` that cannot be
    understood reads as a guild that wants nothing, under the version and epoch it carries. One that a later release
    wrote is no such thing: every method that needs it raises :class:`NewerRelease`.
    """

    @property
    def guild_id(self) -> GuildId: ...

    async def state(self) -> GuildState:
        """The state as last written; the default state if there is none."""
        ...

    async def entry(self, key: OrderKey, *, of: GuildState | None = None) -> Entry | None:
        """The entry at ``key``.

        Here and below, ``of`` is a state that the caller has read: the entries are those of its generation, and
        nothing is read to find it out. Without it the stored state is read first.
        """
        ...

    async def entries(self, *, after: OrderKey, limit: int, of: GuildState | None = None) -> list[Entry]:
        """At most ``limit`` entries behind ``after``, in the order they will be played."""
        ...

    async def history(self, of: GuildState, *, limit: int) -> list[Entry]:
        """At most ``limit`` entries before the current one (or up to the head, if nothing plays), the latest first.

        Those whose time has passed are left out.
        """
        ...

    async def step(self, of: GuildState, by: int = 1) -> Step:
        """Where ``by`` readable entries on from the head leads, or back for less than 0, and what lies between."""
        ...

    async def commit(self, change: Change, *, epoch: Epoch | None = None) -> GuildState:
        """Write ``change`` whole or not at all, and return the state with its new version.

        Commands leave ``epoch`` out. A worker passes the epoch it claimed the guild under. Beside the state, a change
        writes at most :data:`CHANGE_LIMIT` items.

        Raises :class:`VersionConflict` when ``change.state.version`` is no longer the stored one, and :class:`Fenced`
        when ``epoch`` is given and is not the stored one.
        """
        ...

    async def undoable(self) -> Undo | None:
        """What it takes to take back the action that ``GuildState.undo`` names; stale if it names none."""
        ...

    async def prepare(self, generation: int, put: Sequence[Entry], remove: Sequence[OrderKey] = ()) -> None:
        """Write and remove any number of entries of a generation that no state points at yet. Not atomic.

        The number must have been handed out to the caller (``GuildState.generations``).
        """
        ...

    async def sweep(self, of: GuildState) -> bool:
        """Remove some entries of generations that are dead by ``of``; return whether there may be more.

        Dead is what is neither present, kept, nor the youngest handed out; it stays so whatever is written since, so a
        state read long ago is good enough.
        """
        ...

    async def retire(self, keys: Sequence[OrderKey], of: GuildState) -> None:
        """Let entries that were played be forgotten after ``HISTORY_KEPT_SECONDS``."""
        ...

    async def claim(self, epoch: Epoch, *, taking: Taking | None = None) -> GuildState:
        """Set the guild's epoch, so that writes under any other fail from now on; return the state.

        ``taking`` says what else becomes of the state that is taken over; it is written in the same write, and may be
        asked more than once. Claiming again under the same epoch changes nothing.

        Raises :class:`Fenced` if the stored epoch is higher.
        """
        ...

    async def owed_replies(self) -> list[OwedReply]:
        """The answers that members of this guild still wait for, oldest first, expired ones left out."""
        ...

    async def settle(self, interaction_id: InteractionId) -> None:
        """Forget an owed reply. Settling it again does nothing."""
        ...


class GuildStores(Protocol):
    """Where guild stores come from. Only entrypoints and the worker's own routing hold this."""

    def open(self, guild_id: GuildId) -> GuildStore: ...

    async def wanting(self, shard_id: ShardId) -> list[GuildId]:
        """The guilds of a shard that want a worker: they want a player, or an answer is owed to them.

        May lag behind recent writes by some seconds, and name a guild whose owed answers have expired.
        """
        ...
