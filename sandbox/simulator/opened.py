"""A track that a simulated player has opened: well, or with one of the faults that befall what is opened early."""

from __future__ import annotations

from dataclasses import dataclass, field

from sandbox.simulator.plan import Kind
from timmybot.adapters.discord_voice.lane import Playing
from timmybot.domain.track import Track
from timmybot.ports.track_source import Gap, Run, Sound, TrackError

HUNG_SECONDS = 15.0
"""How long the shipped streams wait for a server that sends nothing."""
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
