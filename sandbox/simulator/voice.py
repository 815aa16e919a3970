"""Voice: who is connected to each guild's call, what they send, and which of it is heard.

A guild has one voice session. A worker that joins takes it from whoever had it, and the other is told a moment later.
Only what is sent over the session is heard. A process that stands still sends nothing; one that goes on sends again
until it is muted, leaves, or learns that the session is gone.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random

from sandbox.simulator.catalogue import Catalogue
from sandbox.simulator.crashing import Crashing
from sandbox.simulator.gateway import WorkerSessions
from sandbox.simulator.media import Feed, MediaChildren
from sandbox.simulator.noted import DISCORD_AWAY, SOURCE_LOST, SOURCES_AWAY
from sandbox.simulator.opened import HUNG_SECONDS, Opened, Turns
from sandbox.simulator.parts import Parts
from sandbox.simulator.plan import Kind
from sandbox.simulator.record import Operation, Record, Segment
from sandbox.simulator.virtual_time import Process, ProcessClock, VirtualLoop
from timmybot.adapters.discord_voice.outcome import Outcome, outcome_of
from timmybot.adapters.discord_voice.player import ENDS_SOON_MS
from timmybot.domain.ids import ChannelId, GuildId, PlayId, ShardId, WorkerId, shard_of
from timmybot.domain.track import Track
from timmybot.ports.track_source import AS_IT_IS, Sound
from timmybot.ports.voice import Ending, Player, Players, PlayerStatus, VoiceError

REJOIN_SECONDS = 10.0
"""How long a connection whose server is gone waits for news before it asks to be let in again."""
LISTEN_SECONDS = 1.5
NOTICED_SECONDS = 0.3
"""How soon a player notices that its track is about to end, or has nothing in it."""
GATEWAY_SECONDS = 10.0
"""How long a join waits for the gateway."""

SENDERS_HANG = "senders that hang"
SENDER_HANGS = "what sends for all players hangs"
"""Among a process's notes: since when there has been something to send, or ``None`` as long as there was not."""

UNREACHED_SECONDS = 1.0
"""How soon it is known that a source cannot be reached."""

_SOURCE_AWAY = Outcome(Ending.AWAY, "radio.example cannot be reached.")
_BROKEN_OFF = Outcome(Ending.FAILED, "The server hung up.")


@dataclass
class VoiceWorld:
    """The side that is Discord's."""

    loop: VirtualLoop
    random: Random
    record: Record
    catalogue: Catalogue
    shard_count: int
    crashing: Crashing
    calls: dict[GuildId, SimulatedPlayer] = field(default_factory=dict)
    players: list[SimulatedPlayer] = field(default_factory=list)
    refusing: set[GuildId] = field(default_factory=set)
    blocked: set[tuple[GuildId, WorkerId]] = field(default_factory=set)
    """Whose packets get lost on the way to the guild's call."""
    spoiled: dict[GuildId, tuple[Kind, bool]] = field(default_factory=dict)
    """What becomes of what is opened in a guild before its turn, and whether also of what is opened in it."""
    parts: Parts = field(default_factory=Parts)
    media: dict[Process, MediaChildren] = field(default_factory=dict)

    def media_of(self, process: Process) -> MediaChildren:
        """What decodes for the players of a process."""
        if process not in self.media:
            self.media[process] = MediaChildren(self.loop, Random(f"media {process.name}"), self.record, process)
        return self.media[process]

    def taken(self, player: SimulatedPlayer) -> None:
        """The player has joined: the guild's call is its worker's."""
        before = self.calls.get(player.guild_id)
        concerned = [player] if before in (None, player) else [before, player]
        for one in concerned:
            one.settle()
        self.calls[player.guild_id] = player
        for one in concerned:
            one.go_on()
        if before is not None and before is not player:
            self.tell(before, before.superseded)

    def left(self, player: SimulatedPlayer) -> None:
        if self.calls.get(player.guild_id) is player:
            player.settle()
            del self.calls[player.guild_id]
            player.go_on()

    def kick(self, guild_id: GuildId) -> None:
        player = self.calls.get(guild_id)
        if player is None:
            return
        self.left(player)
        self.record.operations.append(Operation(guild_id, "kicked", self.loop.now))
        self.tell(player, player.be_kicked)

    def move(self, guild_id: GuildId, channel_id: ChannelId) -> None:
        player = self.calls.get(guild_id)
        if player is None or player.channel_id == channel_id:
            return
        self.record.operations.append(Operation(guild_id, "moved", self.loop.now, channel=channel_id))
        self.tell(player, lambda: player.be_moved(channel_id))

    def cut(self, guild_id: GuildId) -> None:
        """The voice connection breaks; the bot is still in the channel."""
        player = self.calls.get(guild_id)
        if player is not None:
            self.left(player)
            self.tell(player, player.be_cut)

    def cut_off(self, process: Process) -> None:
        """The process cannot reach Discord any more."""
        for guild_id, player in list(self.calls.items()):
            if player.process is process:
                self.cut(guild_id)

    def block(self, guild_id: GuildId) -> None:
        """Let whatever the guild's present worker sends there get lost from now on."""
        player = self.calls.get(guild_id)
        moved_together = {shard_of(guild, self.shard_count) for guild, _ in self.blocked}
        if player is not None and shard_of(guild_id, self.shard_count) not in moved_together:  # one way has to be open
            player.settle()
            self.blocked.add((guild_id, player.worker))
            self.record.tally["players unheard"] += 1

    def spoil(self, guild_id: GuildId, how: Kind, *, outlasts: bool) -> None:
        """Let something be wrong with what is opened before its turn there, and has been."""
        self.spoiled[guild_id] = how, outlasts
        for player in self.players:
            if player.guild_id == guild_id and player.process.running:
                player.be_spoiled(how)

    def unspoil(self, guild_id: GuildId, how: Kind) -> None:
        if self.spoiled.get(guild_id, (None, False))[0] is how:
            del self.spoiled[guild_id]

    def fate(self, guild_id: GuildId, *, in_turn: bool) -> Kind | None:
        """What becomes of what is opened in the guild now."""
        how, outlasts = self.spoiled.get(guild_id, (None, False))
        return how if outlasts or not in_turn else None

    def hang(self, process: Process) -> None:
        """Let nothing leave the process any more, though it goes on otherwise."""
        self.record.tally[SENDERS_HANG] += 1
        self.process_changed(process, lambda: process.notes.update({SENDER_HANGS: None}))

    def tell(self, player: SimulatedPlayer, what: Callable[[], None]) -> None:
        self.loop.after(0.02 + self.random.random() * 0.15, lambda: self.loop.post(player.process, what))

    def process_changed(self, process: Process, change: Callable[[], None]) -> None:
        """Stop, continue or kill a process: what it sends changes with it."""
        players = [player for player in self.players if player.process is process]
        for player in players:
            player.settle()
        change()
        for player in players:
            player.go_on()


class SimulatedPlayer(Player):
    """One guild's player on one worker."""

    def __init__(  # noqa: PLR0917  # one call, below
        self, world: VoiceWorld, guild_id: GuildId, worker: WorkerId, process: Process, clock: ProcessClock,
        sessions: WorkerSessions, changed: Callable[[], object],
    ) -> None:  # fmt: skip
        self.guild_id = guild_id
        self.worker = worker
        self.process = process
        self.channel_id: ChannelId | None = None
        self._world = world
        self._clock = clock
        self._sessions = sessions
        self.changed = changed
        self.alone = False
        self._connected, self._connected_at = False, 0.0
        self._moved = self._kicked = self._muted = self._paused = False
        self._play_id: PlayId | None = None
        self._track: Track | None = None
        self._position_ms = 0.0
        self._ending: Ending | None = None
        self._sound = AS_IT_IS
        self._trouble: str | None = None
        self._opened: Opened | None = None
        """What it was last told to play."""
        self._turns = Turns(
            lambda in_turn: world.fate(guild_id, in_turn=in_turn), world.parts.is_spent, world.record.tally
        )
        self._told_of_end: Opened | None = None
        self._feed: Feed | None = None
        """What keeps its buffer full, if a media child does."""
        self._segment: Segment | None = None
        self._turn = 0
        self._mending: asyncio.Task[None] | None = None
        world.players.append(self)

    # -- the port --------------------------------------------------------------------------------------------------

    def status(self) -> PlayerStatus:
        return PlayerStatus(
            channel_id=self.channel_id,
            play_id=self._play_id,
            position_ms=self._position_now(),
            sound=self._sound,
            paused=self._paused,
            alone=self.alone,
            ending=self._ending,
            trouble=self._trouble,
            kicked=self._kicked,
            connected_seconds=self._world.loop.now - self._connected_at if self._connected else 0.0,
            moved=self._moved,
            stuck=self._is_blocked and self._connected and self._track is not None and not self._paused,
            ends_soon=self._ending is None and self._remaining_ms() <= ENDS_SOON_MS,
        )

    async def join(self, channel_id: ChannelId) -> None:
        self._stop_mending()
        self._kicked = self._moved = False
        if self.channel_id == channel_id and self._connected:
            return
        await self._enter(channel_id)

    async def play(
        self,
        play_id: PlayId,
        track: Track,
        *,
        position_ms: int,
        paused: bool,
        sound: Sound = AS_IT_IS,
        alone: bool = False,
    ) -> None:
        self.settle()
        self.alone = alone
        self._play_id, self._track, self._position_ms, self._paused = play_id, track, float(position_ms), paused
        self._ending = self._trouble = None
        self._sound = sound
        self._muted = False
        self._opened = self._turns.take(track, position_ms)
        ended = self._world.parts.ended_unseen(self._opened.playing)
        if ended is not None:
            self._end(ended)
            return
        self._begin_feed()
        self.go_on()
        self._world.crashing.opened(self)

    def prepare(self, track: Track | None, sound: Sound = AS_IT_IS) -> None:
        """It is opened, and may be dead by its turn. But the track before ends before ``play`` here: no gap of a slot
        is heard in virtual time."""
        self._turns.prepare(track, is_over=self._ending is not None)

    def be_spoiled(self, how: Kind) -> None:
        """What it has prepared is to die."""
        self._turns.spoil(how, is_over=self._ending is not None)

    def set_sound(self, sound: Sound) -> None:
        self.settle()
        self._sound = sound
        before = self._feed
        if before is not None:
            self._begin_feed()
            if self._feed is not None:
                self._feed.takes_over(before)
        self.go_on()

    def heard(self, notices: tuple[str, ...]) -> None:
        """There are none."""

    def pause(self) -> None:
        self.settle()
        self._paused = True
        self.go_on()

    def resume(self) -> None:
        self.settle()
        self._paused = self._muted = False
        self.go_on()

    def mute(self) -> None:
        self.settle()
        self._muted = True
        self.go_on()

    async def leave(self) -> None:
        was_in = self.channel_id is not None
        await self.close()
        if was_in:
            await self._clock.sleep(0.01)
            if self._sessions.is_up(self._shard):
                self._world.loop.after(0.05, self._leave_call)

    async def close(self) -> None:
        self._stop_mending()
        self._drop()
        self._play_id = self._track = self._ending = self._trouble = None
        self._opened = None
        self._end_feed()
        self._turns.forget()
        self._sound = AS_IT_IS
        self._position_ms = 0.0
        self._paused = self._kicked = self._moved = self._muted = self.alone = False

    # -- what happens unasked --------------------------------------------------------------------------------------

    def superseded(self) -> None:
        """Another session has the call: hang up, and see later whether that was all."""
        if self._connected and self._world.calls.get(self.guild_id) is not self:
            self._hang_up()
            self._mend(REJOIN_SECONDS)

    def be_cut(self) -> None:
        if self._connected and self._world.calls.get(self.guild_id) is not self:
            self._hang_up()
            self._mend(LISTEN_SECONDS)

    def be_kicked(self) -> None:
        if self.channel_id is not None and self._world.calls.get(self.guild_id) is not self:
            self._stop_mending()
            self._drop()
            self._kicked = True
            self.changed()

    def be_moved(self, channel_id: ChannelId) -> None:
        if self.channel_id is not None and self._connected:
            self.channel_id = channel_id
            self._moved = True
            self.changed()

    # -- sound -----------------------------------------------------------------------------------------------------

    @property
    def sends(self) -> bool:
        """Whether frames leave this worker now."""
        return self._has_to_send and not self._is_blocked and SENDER_HANGS not in self.process.notes

    @property
    def _has_to_send(self) -> bool:
        playing = self._track is not None and self._ending is None and not self._paused
        return self._connected and playing and not self._muted and self.process.running

    @property
    def _is_blocked(self) -> bool:
        return (self.guild_id, self.worker) in self._world.blocked

    def settle(self) -> None:
        """Before anything changes: reckon how far the sound has come."""
        self._turn += 1
        segment, self._segment = self._segment, None
        if segment is not None:
            now = self._world.loop.now
            self._position_ms += (now - segment.start) * 1000 * segment.sound.rate
            segment.end, segment.to_ms = now, round(self._position_ms)

    def go_on(self) -> None:
        """After anything changed: send from here on, if it is to be sent."""
        if self._has_to_send and self.process.notes.get(SENDER_HANGS, 0.0) is None:
            now = self.process.notes[SENDER_HANGS] = self._world.loop.now
            self._world.record.troubles.append((now, now))  # until now it did no harm
        if not self.sends or self._track is None or self._play_id is None or self._opened is None:
            return
        world, turn, opened = self._world, self._turn, self._opened
        if self.process.notes.get(SOURCES_AWAY):
            world.loop.after(UNREACHED_SECONDS, lambda: self._lose_source(turn))
            return
        if opened.stream.fate is not None:
            self._wait_in_vain(opened)
            return
        dry_ms = self._feed.dry_ms if self._feed is not None else None
        if dry_ms is not None and self._position_ms >= dry_ms - 1e-6 and not self._is_fed_again():
            return
        opened.playing.sounded = True
        self._segment = Segment(
            self.guild_id, self.worker, self._play_id, world.catalogue.tag_of(self._track.url),
            world.calls.get(self.guild_id) is self, world.loop.now, round(self._position_ms), sound=self._sound,
        )  # fmt: skip
        world.record.segments.append(self._segment)
        remaining_ms = self._remaining_ms()
        world.loop.after(max(remaining_ms, 0.0) / 1000 / self._sound.rate, lambda: self._run_out(turn))
        if self._feed is not None and self._feed.dry_ms is not None:
            world.loop.after((self._feed.dry_ms - self._position_ms) / 1000 / self._sound.rate, lambda: self._dry(turn))
        soon = max(remaining_ms - ENDS_SOON_MS, 0.0) / 1000 / self._sound.rate
        world.loop.after(soon + NOTICED_SECONDS, lambda: self._notice_end(turn))

    def _begin_feed(self) -> None:
        """Have a media child decode from here on."""
        self._end_feed()
        if self._track is not None and self._opened is not None and self._opened.stream.fate is None:
            children = self._world.media_of(self.process)
            self._feed = Feed(children, self._track.url, self._place_now, self._sound, self._feed_changed)

    def _end_feed(self) -> None:
        if self._feed is not None:
            self._feed.close()
            self._feed = None

    def _feed_changed(self) -> None:
        self.settle()
        self.go_on()

    def _dry(self, turn: int) -> None:
        if turn == self._turn:
            self._feed_changed()

    def _is_fed_again(self) -> bool:
        """What was buffered has been heard. Whether there is more: from where the stream was opened again."""
        feed = self._feed
        assert feed is not None
        if feed.failure is not None:
            what = f"guild {self.guild_id}: {feed.failure}"
            self._world.record.violated("nobody is blamed who was not marked", self._world.loop.now, what)
            self._end(Outcome(Ending.FAILED, str(feed.failure)))
        elif feed.fed:
            self._position_ms, feed.dry_ms = feed.place_ms, None
            return True
        return False

    def break_off(self) -> None:
        """The track's server hangs up."""
        if self.sends and self._opened is not None and self._opened.stream.fate is None:
            self._end(_BROKEN_OFF)

    def _lose_source(self, turn: int) -> None:
        if turn == self._turn and self._ending is None:
            self._world.record.tally[SOURCE_LOST] += 1
            self._end(_SOURCE_AWAY, over=False)

    def _wait_in_vain(self, opened: Opened) -> None:
        """What it plays gives nothing: it has ended already, or is given up after a while."""
        loop, turn = self._world.loop, self._turn
        hangs = opened.stream.fate is Kind.PREPARED_HANGS
        seconds = HUNG_SECONDS if hangs else NOTICED_SECONDS
        if hangs:
            self._world.record.troubles.append((loop.now, loop.now + seconds))

        def give_up() -> None:
            if turn == self._turn and not opened.playing.over:
                opened.stream.give_up()
                self._end(outcome_of(opened.playing))

        loop.after(seconds, give_up)

    def _notice_end(self, turn: int) -> None:
        if turn == self._turn and self._told_of_end is not self._opened:
            self._told_of_end = self._opened
            self._world.loop.post(self.process, self.changed)

    def _remaining_ms(self) -> float:
        return self._world.catalogue.length_ms(self._track.url) - self._position_now() if self._track else float("inf")

    @property
    def playing(self) -> tuple[PlayId, str] | None:
        """What it was told to play and has not ended, and its track's tag."""
        if self._play_id is None or self._track is None or self._ending is not None:
            return None
        return self._play_id, self._world.catalogue.tag_of(self._track.url)

    def crash(self, *, over: bool) -> None:
        """The track ends its decoder; ``over``, if it is not worth another try."""
        self._end(Outcome(Ending.CRASHED, None), over=over)

    def _run_out(self, turn: int) -> None:
        if turn == self._turn and self._track is not None:
            self._end(_BROKEN_OFF if self._world.catalogue.breaks(self._track.url) else Outcome(Ending.FINISHED, None))

    def _end(self, outcome: Outcome, *, over: bool = True) -> None:
        assert self._track is not None
        self.settle()
        self._end_feed()
        self._ending, self._trouble = outcome.ending, outcome.trouble
        self._turns.be_followed()
        tag = self._world.catalogue.tag_of(self._track.url)
        if self._opened is not None and self._opened.was_dead and self._world.fate(self.guild_id, in_turn=True) is None:
            what = f"guild {self.guild_id}: {tag} failed because it had before its turn"
            self._world.record.violated("what is well in its turn is heard", self._world.loop.now, what)
        if over:
            self.note_end(failed=outcome.ending is not Ending.FINISHED)
        self._world.loop.post(self.process, self.changed)

    def note_end(self, *, failed: bool) -> None:
        """From now on, the bot may go on to what follows."""
        assert self._track is not None
        tag = self._world.catalogue.tag_of(self._track.url)
        record, now = self._world.record, self._world.loop.now
        playing = record.playings[self.guild_id, self._play_id] if self._play_id else 0
        name = "failed" if failed else "ended"
        record.operations.append(Operation(self.guild_id, name, now, tag, playing=playing))

    def _position_now(self) -> int:
        return round(self._place_now())

    def _place_now(self) -> float:
        segment, now = self._segment, self._world.loop.now
        sent = (now - segment.start) * 1000 * segment.sound.rate if segment else 0.0
        return self._position_ms + sent

    # -- the connection --------------------------------------------------------------------------------------------

    @property
    def _shard(self) -> ShardId:
        return shard_of(self.guild_id, self._world.shard_count)

    async def _enter(self, channel_id: ChannelId) -> None:
        self._hang_up()
        waited = 0.0
        while not self._sessions.is_up(self._shard):
            await self._clock.sleep(0.5)
            waited += 0.5
            if waited > GATEWAY_SECONDS:
                self._drop()
                away = bool(self.process.notes.get(DISCORD_AWAY))
                raise VoiceError(
                    "I have lost my connection to Discord." if away else "Discord did not let me in.", away=away
                )
        await self._clock.sleep(0.1 + self._world.random.random() * 0.4)
        if self.process.notes.get(DISCORD_AWAY):  # since the last look
            self._drop()
            raise VoiceError("I have lost my connection to Discord.", away=True)
        if self.guild_id in self._world.refusing:
            self._drop()
            self._world.record.operations.append(Operation(self.guild_id, "refused", self._world.loop.now))
            raise VoiceError("I lack the permission to connect.", lasting=True)
        self.channel_id = channel_id
        self._connected, self._connected_at = True, self._world.loop.now
        self._world.taken(self)

    def _hang_up(self) -> None:
        self.settle()
        self._connected = False

    def _drop(self) -> None:
        self._hang_up()
        self.channel_id = None

    def _leave_call(self) -> None:
        if not self._connected:
            self._world.left(self)

    def _mend(self, after_seconds: float) -> None:
        self._stop_mending()
        self._mending = asyncio.create_task(self._re_enter(after_seconds))

    async def _re_enter(self, after_seconds: float) -> None:
        await self._clock.sleep(after_seconds)
        if self.channel_id is not None:
            try:
                await self._enter(self.channel_id)
            except VoiceError:
                self.changed()

    def _stop_mending(self) -> None:
        if self._mending is not None:
            self._mending.cancel()
            self._mending = None


class SimulatedPlayers(Players):
    """The players of one worker."""

    def __init__(
        self, world: VoiceWorld, worker: WorkerId, process: Process, clock: ProcessClock, sessions: WorkerSessions
    ) -> None:
        def make(guild_id: GuildId) -> SimulatedPlayer:
            return SimulatedPlayer(world, guild_id, worker, process, clock, sessions, lambda: self._changed(guild_id))

        self._make = make
        self._world = world
        self._process = process
        self._players: dict[GuildId, SimulatedPlayer] = {}
        self._changed: Callable[[GuildId], object] = lambda _: None

    def open(self, guild_id: GuildId) -> SimulatedPlayer:
        if guild_id not in self._players:
            self._players[guild_id] = self._make(guild_id)
        return self._players[guild_id]

    def statuses(self) -> dict[GuildId, PlayerStatus]:
        known = {guild: player.status() for guild, player in self._players.items()}
        return {guild: status for guild, status in known.items() if status != PlayerStatus()}

    def figures(self) -> dict[str, float]:
        return {}

    def stalled_seconds(self) -> float:
        since = self._process.notes.get(SENDER_HANGS)
        return 0.0 if since is None else self._world.loop.now - since

    def on_change(self, changed: Callable[[GuildId], object]) -> None:
        self._changed = changed
