"""The checker explains what can be explained, and nothing else."""

from __future__ import annotations

from sandbox.simulator.linearise import explain
from sandbox.simulator.plan import Command
from sandbox.simulator.record import Operation, Stored
from timmybot.domain.ids import GuildId

GUILD = GuildId(1)


def command(number: int, name: str, begun: float, ended: float, answer: str | None) -> Operation:
    told = Command(number, begun, 0, name)
    return Operation(GUILD, name, begun, f"g1n{number}", 100, told, ended, answer)


def stored(at: float, current: str | None, *waiting: str) -> Operation:
    seen = Stored(current, waiting, False, 100 if current else None)
    return Operation(GUILD, "stored", at, returned=at, answer="", stored=seen)


def test_two_commands_at_once_may_have_come_in_either_order() -> None:
    first = command(1, "play", 0.0, 1.0, "Queued as number 1: g1n1")
    second = command(2, "play", 0.0, 1.0, "Starting g1n2")
    assert explain([first, second, stored(2.0, "g1n2", "g1n1")]).explained


def test_an_acknowledged_command_that_is_lost_is_not_explained() -> None:
    first = command(1, "play", 0.0, 1.0, "Starting g1n1")
    second = command(2, "play", 0.0, 1.0, "Queued as number 1: g1n2")
    verdict = explain([first, second, stored(2.0, "g1n1")])
    assert not verdict.explained
    assert [each.name for each in verdict.stuck_at] == ["stored"]


def test_order_in_time_is_kept() -> None:
    earlier = command(1, "play", 0.0, 1.0, "Queued as number 1: g1n1")
    later = command(2, "play", 2.0, 3.0, "Starting g1n2")
    assert not explain([earlier, later]).explained


def test_a_command_that_nobody_was_told_about_may_or_may_not_have_happened() -> None:
    unknown = command(1, "play", 0.0, float("inf"), None)
    assert explain([unknown, stored(5.0, None)]).explained
    assert explain([unknown, stored(5.0, "g1n1")]).explained


def test_an_entry_that_was_passed_over_without_a_reason_is_not_explained() -> None:
    plays = [
        command(n, "play", n, n + 0.5, "Starting g1n0" if n == 0 else f"Queued as number {n}: g1n{n}") for n in range(3)
    ]
    ended = Operation(GUILD, "ended", 4.0, "g1n0")
    assert explain([*plays, ended, stored(9.0, "g1n1", "g1n2")]).explained
    assert not explain([*plays, ended, stored(9.0, "g1n2")]).explained


def test_one_interaction_takes_effect_once() -> None:
    twice = [command(1, "play", 0.0, 1.0, "Starting g1n1"), command(1, "play", 2.0, 3.0, "Queued as number 1: g1n1")]
    assert not explain(twice).explained
    answered = [twice[0], command(1, "play", 2.0, 3.0, "Done already.")]
    assert explain([*answered, stored(4.0, "g1n1")]).explained
