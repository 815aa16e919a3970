"""What the demo believes, and why: verdicts over what members heard and were shown.

Pure functions, so that a test can put a broken bot in front of them and see them object.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from sandbox.discord import Packet
from sandbox.melody import Melody, Recognition, Segment, Sound, recognise

ENOUGH_MATCHED = 0.9
"""Share of the sound that has to be the melody, in order. The rest is the edges of notes and of the stretch."""
TOLERATED_FOREIGN = 0.05
"""Share of the sound that may have another tone: a window that straddles two notes has one in between."""

LATE_SECONDS = 0.020

CERTAIN_SECONDS = 1.6
"""Four notes in order come in one place of a melody only."""


@dataclass(frozen=True)
class Verdict:
    ok: bool
    detail: str


def hears_its_own(heard: Sequence[Sound], own: Melody, others: Sequence[Melody], *, seconds: float) -> Verdict:
    """Whether at least ``seconds`` of ``own`` were heard, and nothing of any other melody."""
    mine = recognise(heard, own)
    of_others = max((recognise(heard, other).matched_share for other in others), default=0.0)
    ok = (
        mine.sounding_seconds >= seconds
        and mine.matched_share >= ENOUGH_MATCHED
        and mine.foreign_share <= TOLERATED_FOREIGN
        and of_others <= TOLERATED_FOREIGN
    )
    return Verdict(
        ok,
        f"{own.name}: {mine.sounding_seconds:.1f} s heard, {mine.matched_share:.0%} of it this melody, "
        f"{mine.foreign_share:.0%} foreign, {of_others:.0%} another guild's",
    )


@dataclass(frozen=True)
class Song:
    """A melody as a file that the radio serves; its title is the melody's name."""

    melody: Melody
    url: str

    @property
    def title(self) -> str:
        return self.melody.name


@dataclass
class ExpectedQueue:
    """What a guild's queue has to be by its own commands alone: a model of a few lines, kept beside the real one."""

    songs: list[Song] = field(default_factory=list)

    @property
    def titles(self) -> list[str]:
        return [song.title for song in self.songs]

    def play(self, song: Song) -> None:
        self.songs.append(song)

    def skip(self) -> None:
        self.songs.pop(0)

    def stop(self) -> None:
        self.songs.clear()


def explained(shown: str, expected: ExpectedQueue) -> Verdict:
    """Whether the answer to ``/queue`` shows what the guild's own commands explain, in order, and nothing else."""
    titles = re.findall(r"\*\*(.+?)\*\*", shown.replace("\\", ""))
    return Verdict(
        titles == expected.titles, f"shown {', '.join(titles)}; own commands say {', '.join(expected.titles)}"
    )


@dataclass(frozen=True)
class Recovery:
    """How playback came back after its worker died."""

    gap_seconds: float
    died_at: float
    """Where in the melody the last sound before was, in seconds."""
    went_on_at: float

    @property
    def jump_seconds(self) -> float:
        return self.went_on_at - self.died_at


def recovery(before: Sequence[Sound], after: Sequence[Sound], melody: Melody) -> Recovery | None:
    """The gap and the jump between the sound before the death and after it; ``None`` if the melody did not go on.

    A stretch of a note or two fits the melody in many places, so only longer ones say where it was.
    """
    last, first = _certain(recognise(before, melody)), _certain(recognise(after, melody))
    if not last or not first:
        return None
    return Recovery(first[0].began_at - last[-1].ended_at, last[-1].to_position, first[0].from_position)


def _certain(recognition: Recognition) -> list[Segment]:
    return [each for each in recognition.segments if each.to_position - each.from_position >= CERTAIN_SECONDS]


@dataclass(frozen=True)
class Punctuality:
    """How a stretch of packets kept to its 20 ms slots."""

    packets: int
    late: int
    lost: int


def punctuality(packets: Sequence[Packet]) -> Punctuality:
    """Count packets more than 20 ms behind their slot, and sequence numbers that never came.

    The slots are those of the RTP timestamps, anchored at the promptest tenth of the packets of each stretch.
    """
    late = lost = 0
    for stretch in _stretches(packets):
        offsets = sorted(packet.at - packet.timestamp / 48_000 for packet in stretch)
        anchor = offsets[len(offsets) // 10]
        late += sum(offset - anchor > LATE_SECONDS for offset in offsets)
        numbers = {packet.sequence for packet in stretch}
        lost += max((stretch[-1].sequence - stretch[0].sequence) % 65_536 + 1 - len(numbers), 0)
    return Punctuality(len(packets), late, lost)


def _stretches(packets: Sequence[Packet]) -> list[list[Packet]]:
    """Split where a voice session or a pause made the timestamps start anew."""
    stretches: list[list[Packet]] = []
    for packet in packets:
        last = stretches[-1][-1] if stretches else None
        if last and last.ssrc == packet.ssrc and 0 < packet.timestamp - last.timestamp < 48_000:
            stretches[-1].append(packet)
        else:
            stretches.append([packet])
    return stretches
