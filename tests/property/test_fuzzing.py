"""Our own parsers under random bytes: shortly here, at length by ``make fuzz``."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import count
from random import Random

import pytest

from sandbox.fuzz import ogg_reference
from sandbox.fuzz.fuzzing import Broken, Fuzzing, corpus_of
from sandbox.fuzz.mutation import LONGEST, mutated
from sandbox.fuzz.targets import TARGETS, Parser, Target, check_matroska, check_ogg
from timmybot.adapters.sources.matroska import Blocks
from timmybot.adapters.sources.ogg import Pages

SHORTLY = 250
NAMED = {target.name: target for target in TARGETS}


def fuzzed(target: Target, inputs: int, seed: str = "short") -> Fuzzing:
    fuzzing = Fuzzing(target, Random(f"{target.name}/{seed}"))
    fuzzing.begin(corpus_of(target))
    left = count(inputs, -1)
    fuzzing.go_on(lambda: next(left) > 0)
    return fuzzing


@pytest.mark.parametrize("target", TARGETS, ids=lambda target: target.name)
def test_what_must_hold_holds_for_the_corpus_and_for_what_is_made_of_it(target: Target) -> None:
    fuzzing = fuzzed(target, SHORTLY)
    assert fuzzing.tried == SHORTLY + len(corpus_of(target))
    assert len(fuzzing.steps) > 10, "the parser was hardly entered"


def test_the_same_seed_gives_the_same_inputs() -> None:
    assert fuzzed(NAMED["urls"], 60).kept == fuzzed(NAMED["urls"], 60).kept


class ForgetsWhatIsLeft:
    """A parser that begins again with every piece."""

    def __init__(self, make: Callable[[], Parser]) -> None:
        self._make = make

    def feed(self, data: bytes) -> list[tuple[int, bytes]]:
        return self._make().feed(data)


class TakesEveryChecksum:
    """Ogg's pages with the checksums that they should have, whatever they said."""

    def __init__(self) -> None:
        self._pages = Pages()
        self._data = b""

    def feed(self, data: bytes) -> list[tuple[int, bytes]]:
        self._data += data
        return self._pages.feed(ogg_reference.with_checksums(self._data)) if not data else []


class ReadsABitTooFar:
    """Matroska's blocks with a byte more at their end."""

    def __init__(self) -> None:
        self._blocks = Blocks(1)

    def feed(self, data: bytes) -> list[tuple[int, bytes]]:
        return [(time, packet + b"\0") for time, packet in self._blocks.feed(data)]


MUTANTS: dict[str, tuple[str, Callable[[bytes], None]]] = {
    "Ogg cut anywhere": ("ogg", lambda data: check_ogg(data, lambda: ForgetsWhatIsLeft(Pages))),
    "damaged Ogg": ("ogg", lambda data: check_ogg(data, TakesEveryChecksum)),
    "Matroska cut anywhere": (
        "matroska",
        lambda data: check_matroska(data, lambda: ForgetsWhatIsLeft(lambda: Blocks(1))),
    ),
    "Matroska's sizes": ("matroska", lambda data: check_matroska(data, ReadsABitTooFar)),
}


@pytest.mark.parametrize("mutant", MUTANTS)
def test_a_parser_that_is_wrong_is_found_out(mutant: str) -> None:
    """The negative control."""
    name, check = MUTANTS[mutant]
    with pytest.raises(Broken) as found:
        fuzzed(replace(NAMED[name], check=check), 1_000)
    assert isinstance(found.value.__cause__, AssertionError)


def test_an_error_that_is_not_the_parsers_own_is_found_out() -> None:
    def check(data: bytes) -> None:
        if len(data) == 7:
            raise IndexError

    with pytest.raises(Broken):
        fuzzed(replace(NAMED["mp3"], check=check), 20_000)


def test_mutated_inputs_have_a_bound() -> None:
    dice = Random("bound")
    assert all(len(mutated(bytes(LONGEST), bytes(LONGEST), dice)) <= LONGEST for _ in range(200))
