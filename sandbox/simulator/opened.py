"""A track that a simulated player has opened: well, or with one of the faults that befall what is opened early."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from sandbox.simulator.noted import FOUND_ENDED, FOUND_FAILED, FOUND_HUNG, HEARD_AFTER_ALL
from sandbox.simulator.plan import Kind
from timmybot.adapters.discord_voice.lane import Playing
from timmybot.domain.track import Track
from timmybot.ports.track_source import Gap, Run, Sound, TrackError

HUNG_SECONDS = 15.0
"""How long the shipped streams wait for a server that sends nothing."""
_FOUND = {
    Kind.PREPARED_FAILS: FOUND_FAILED,
    Kind.PREPARED_ENDS: FOUND_ENDED,
    Kind.PREPARED_HANGS: FOUND_HUNG,
}
_FAILURE = TrackError("The server answered 404.")
_GIVEN_UP = TrackError("The server at that address stopped sending.")


@dataclass
class SimulatedStream:
    """A ``FrameStream``: only what the shipped players ask of one; what is heard of it is a segment of the record."""

    position_ms: int
    fate: Kind | None = None
    """What is wrong with it, if anything is."""
    failure: TrackError | None = None
    buffered_ms: int = 0
    live: bool = False

    def spoil(self, fate: Kind) -> None:
        self.fate = fate
        self.failure = _FAILURE if fate is Kind.PREPARED_FAILS else None

    def give_up(self) -> None:
        """It has been waited for in vain."""
        if self.fate is Kind.PREPARED_HANGS:
            self.failure = _GIVEN_UP

    def run(self) -> Run | Gap:
        return Gap.NOT_YET if self.fate is Kind.PREPARED_HANGS else Gap.END

    def set_sound(self, sound: Sound) -> None: ...

    def fade_out(self) -> None: ...

    def fade_in(self) -> None: ...

    def close(self) -> None: ...


@dataclass
class Opened:
    """A track and how it is played, by the shipped record of that."""

    track: Track
    stream: SimulatedStream
    playing: Playing = field(init=False)
    was_dead: bool = False
    """Whether it was when its turn came."""

    def __post_init__(self) -> None:
        self.playing = Playing(self.stream, paused=False)

    @property
    def is_dead(self) -> bool:
        """Whether it will give nothing, by what happened to it."""
        return self.stream.fate in (Kind.PREPARED_FAILS, Kind.PREPARED_ENDS)

    def leave_lane(self) -> None:
        """What it follows is over, and its turn has not been confirmed: if it is dead, it is over unseen."""
        if self.is_dead:
            self.playing.over = self.playing.still = True


class Turns:
    """What one player has opened before its turn, and what becomes of it then.

    ``fate`` says what is to become of what is opened now, in its turn or before; ``is_spent`` is the shipped players'.
    """

    def __init__(
        self, fate: Callable[[bool], Kind | None], is_spent: Callable[[Playing], bool], tally: Counter[str]
    ) -> None:
        self._fate = fate
        self._is_spent = is_spent
        self._tally = tally
        self._prepared: Opened | None = None

    def prepare(self, track: Track | None, *, is_over: bool) -> None:
        """``is_over``: whether what plays has ended, so that nothing is prepared any more."""
        if self._prepared is not None and self._prepared.track == track:
            return
        self._prepared = None if track is None or is_over else self._open(track, 0, in_turn=False)

    def spoil(self, how: Kind, *, is_over: bool) -> None:
        if self._prepared is not None:
            self._prepared.stream.spoil(how)
            if is_over:
                self._prepared.leave_lane()

    def be_followed(self) -> None:
        """What plays is over."""
        if self._prepared is not None:
            self._prepared.leave_lane()

    def forget(self) -> None:
        self._prepared = None

    def take(self, track: Track, position_ms: int) -> Opened:
        """The track in its turn: as it was prepared, unless the shipped players would open it once more."""
        prepared, self._prepared = self._prepared, None
        if prepared is None or prepared.track != track or position_ms:
            return self._open(track, position_ms, in_turn=True)
        if prepared.stream.fate is not None:
            self._tally[_FOUND[prepared.stream.fate]] += 1
        if self._is_spent(prepared.playing):
            opened = self._open(track, position_ms, in_turn=True)
            if prepared.stream.failure is not None and opened.stream.fate is None:
                self._tally[HEARD_AFTER_ALL] += 1
            return opened
        prepared.was_dead = prepared.stream.failure is not None or prepared.playing.over
        return prepared

    def _open(self, track: Track, position_ms: int, *, in_turn: bool) -> Opened:
        opened = Opened(track, SimulatedStream(position_ms))
        fate = self._fate(in_turn)
        if fate is not None:
            opened.stream.spoil(fate)
        return opened
