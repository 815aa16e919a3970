"""Tracks that bring down what plays them: their decoder, or the worker."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from sandbox.simulator.record import Crash, Record
from sandbox.simulator.virtual_time import Process, VirtualLoop
from timmybot.domain.ids import GuildId, PlayId

DECODER_SECONDS = 0.5
"""How long after it is opened a track crashes its decoder."""


class Playing(Protocol):
    """A player, as far as a track can do something to it."""

    guild_id: GuildId
    process: Process
    alone: bool

    @property
    def sends(self) -> bool: ...

    @property
    def playing(self) -> tuple[PlayId, str] | None: ...

    def crash(self, *, over: bool) -> None: ...

    def note_end(self, *, failed: bool) -> None: ...


@dataclass
class Crashing:
    loop: VirtualLoop
    record: Record
    kill: Callable[[Process], None] = field(default=lambda process: None)
    decoders: set[PlayId] = field(default_factory=set)
    """Playings that crash their decoder whenever they are opened."""
    killers: dict[PlayId, tuple[float, float]] = field(default_factory=dict)
    """Playings that kill their worker: how many seconds after they were opened, and until when they do."""
    _decoder_crashes: Counter[PlayId] = field(default_factory=Counter)
    _ended: set[PlayId] = field(default_factory=set)
    """What the bot may go on from, as it has killed a worker."""

    def plant_in_decoder(self, player: Playing, *, always: bool) -> None:
        assert player.playing is not None
        if always:
            self.decoders.add(player.playing[0])
        self._crash_decoder(player, player.playing[0])

    def plant_in_worker(self, player: Playing, *, after_seconds: float, until: float) -> None:
        assert player.playing is not None
        self.killers[player.playing[0]] = after_seconds, until
        self.opened(player)

    def opened(self, player: Playing) -> None:
        """The player has opened what it was told to play."""
        playing = player.playing and player.playing[0]
        if playing in self.decoders:
            self.loop.after(DECODER_SECONDS, lambda: self._crash_decoder(player, playing))
        if playing in self.killers:
            self.loop.after(self.killers[playing][0], lambda: self._kill(player, playing))

    def _crash_decoder(self, player: Playing, play_id: PlayId) -> None:
        if player.playing is not None and player.playing[0] == play_id and player.sends:
            self._note(player, of_worker=False)
            self._decoder_crashes[play_id] += 1
            player.crash(over=player.alone and self._decoder_crashes[play_id] > 1)

    def _kill(self, player: Playing, play_id: PlayId) -> None:
        is_played = player.playing is not None and player.playing[0] == play_id and player.process.running
        if is_played and self.loop.now < self.killers[play_id][1]:
            self._note(player, of_worker=True)
            if play_id not in self._ended:
                self._ended.add(play_id)
                player.note_end(failed=True)
            self.kill(player.process)

    def _note(self, player: Playing, *, of_worker: bool) -> None:
        assert player.playing is not None
        play_id, tag = player.playing
        self.record.crashes.append(Crash(self.loop.now, player.guild_id, play_id, tag, of_worker, player.alone))
