"""The checker explains what can be explained, and nothing else."""

from __future__ import annotations

from dataclasses import replace

from sandbox.simulator.choosing import Chosen
from sandbox.simulator.linearise import explain
from sandbox.simulator.plan import DJS, Command, Rank
from sandbox.simulator.record import Operation, Stored
from timmybot.domain.ids import GuildId

GUILD = GuildId(1)


def command(  # noqa: PLR0917  # as a member would tell it
    number: int, name: str, begun: float, ended: float, answer: str | None, position: int = 1, to: int = 1
) -> Operation:
    told = Command(number, begun, 0, name, position, to)
    return Operation(GUILD, name, begun, f"g1n{number}", 100, told, ended, answer)


def showing(operation: Operation, current: str | None, *waiting: str, loop: str = "off") -> Operation:
    """The operation, and what the store showed right after it."""
    return replace(operation, shown=Stored(current, waiting, False, 100 if current else None, loop))


def three_queued() -> list[Operation]:
    """``g1n0x0`` plays, and two more wait."""
    return [command(0, "play all", 0.0, 0.5, "Queued 3 tracks.", position=3)]


def stored(at: float, current: str | None, *waiting: str) -> Operation:
    seen = Stored(current, waiting, False, 100 if current else None)
    return Operation(GUILD, "stored", at, returned=at, answer="", shown=seen)


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
    ended = Operation(GUILD, "ended", 4.0, "g1n0", playing=1)
    assert explain([*plays, ended, stored(9.0, "g1n1", "g1n2")]).explained
    assert not explain([*plays, ended, stored(9.0, "g1n2")]).explained


def test_one_interaction_takes_effect_once() -> None:
    twice = [command(1, "play", 0.0, 1.0, "Starting g1n1"), command(1, "play", 2.0, 3.0, "Queued as number 1: g1n1")]
    assert not explain(twice).explained
    answered = [twice[0], command(1, "play", 2.0, 3.0, "Done already.")]
    assert explain([*answered, stored(4.0, "g1n1")]).explained


def test_a_shuffle_may_give_any_order_but_lose_nothing() -> None:
    shuffle = command(1, "shuffle", 1.0, 2.0, "Shuffled 2 tracks.")
    assert explain([*three_queued(), showing(shuffle, "g1n0x0", "g1n0x2", "g1n0x1")]).explained
    assert not explain([*three_queued(), showing(shuffle, "g1n0x0", "g1n0x2")]).explained


def test_a_moved_track_waits_where_it_was_moved_to() -> None:
    move = command(1, "move", 1.0, 2.0, "g1n0x2 is number 1 now.", position=2, to=1)
    assert explain([*three_queued(), showing(move, "g1n0x0", "g1n0x2", "g1n0x1")]).explained
    assert not explain([*three_queued(), showing(move, "g1n0x0", "g1n0x1")]).explained


def test_what_is_undone_is_the_last_destructive_action() -> None:
    clear = command(1, "clear", 1.0, 2.0, "Cleared 2 tracks.")
    since = command(2, "play", 3.0, 4.0, "Queued as number 1: g1n2")
    undo = command(3, "undo", 5.0, 6.0, "What was cleared is back.")
    back = showing(undo, "g1n0x0", "g1n0x1", "g1n0x2", "g1n2")
    assert explain([*three_queued(), clear, since, back]).explained
    assert not explain([*three_queued(), clear, since, showing(undo, "g1n0x0", "g1n0x1", "g1n0x2")]).explained


def test_a_playing_ends_once_though_its_track_is_looped() -> None:
    loop = command(1, "loop queue", 1.0, 2.0, "The queue is repeated")
    play = command(0, "play", 0.0, 0.5, "Starting g1n0")
    ended = Operation(GUILD, "ended", 3.0, "g1n0", playing=1)
    back = command(2, "previous", 5.0, 6.0, "Back to g1n0")
    end = Operation(GUILD, "stored", 9.0, returned=9.0, answer="")
    assert explain([play, loop, ended, back, showing(end, "g1n0", "g1n0", loop="queue")]).explained
    twice = [ended, replace(ended, invoked=3.5)]
    once_back = [back, showing(end, "g1n0", "g1n0", "g1n0", loop="queue")]
    assert not explain([play, loop, *twice, *once_back]).explained


def test_after_a_step_back_what_played_waits_first() -> None:
    ahead = showing(command(1, "skip to", 1.0, 2.0, "Skipped to g1n0x2", position=2), "g1n0x2")
    back = command(2, "previous", 3.0, 4.0, "Back to g1n0x1")
    assert explain([*three_queued(), ahead, back, stored(5.0, "g1n0x1", "g1n0x2")]).explained
    assert not explain([*three_queued(), ahead, back, stored(5.0, "g1n0x1")]).explained


def chosen(  # noqa: PLR0917  # as a member would tell it
    number: int, name: str, value: str, begun: float, ended: float, answer: str | None, rank: Rank = Rank.MANAGER
) -> Operation:
    told = Command(number, begun, 0, name, value=value, rank=rank)
    return Operation(GUILD, name, begun, f"g1n{number}", 100, told, ended, answer)


def stored_settings(at: float, settings: Chosen) -> Operation:
    return Operation(
        GUILD, "stored", at, returned=at, answer="", shown=Stored(None, (), False, None, chosen=settings)
    )  # fmt: skip


def test_of_two_settings_chosen_at_once_neither_is_lost() -> None:
    both = [
        chosen(1, "volume", "50", 0.0, 1.0, "The volume is 50 % from now on."),
        chosen(2, "speed", "125", 0.0, 1.0, "The speed is 125 % from now on."),
    ]
    assert explain([*both, stored_settings(2.0, Chosen(volume="50", speed="125"))]).explained
    assert not explain([*both, stored_settings(2.0, Chosen(speed="125"))]).explained


def test_a_setting_delivered_twice_does_not_come_back_over_a_later_one() -> None:
    first = chosen(1, "volume", "50", 0.0, 1.0, "The volume is 50 % from now on.")
    later = chosen(2, "volume", "80", 2.0, 3.0, "The volume is 80 % from now on.")
    again = chosen(1, "volume", "50", 4.0, 5.0, "Done already.")
    assert explain([first, later, again, stored_settings(6.0, Chosen(volume="80"))]).explained
    assert not explain([first, later, again, stored_settings(6.0, Chosen(volume="50"))]).explained
    assert not explain([first, later, replace(again, answer=first.answer)]).explained


def test_who_asks_for_a_setting_is_told_the_present_one() -> None:
    set_it = chosen(1, "speed", "80", 0.0, 1.0, "The speed is 80 % from now on.")
    assert explain([set_it, chosen(2, "speed", "", 2.0, 3.0, "The speed is 80 %.")]).explained
    assert not explain([set_it, chosen(2, "speed", "", 2.0, 3.0, "The speed is 100 %.")]).explained


def test_only_what_is_not_offered_is_refused_and_nothing_else_is_chosen() -> None:
    refused = "`percent` goes from 0 to 200."
    assert explain([chosen(1, "volume", "201", 0.0, 1.0, refused)]).explained
    assert not explain([chosen(1, "volume", "200", 0.0, 1.0, refused)]).explained
    assert not explain([chosen(1, "volume", "201", 0.0, 1.0, "The volume is 201 % from now on.")]).explained


def test_what_djs_alone_may_do_others_are_refused_and_only_as_long_as_that_is_chosen() -> None:
    for_djs = (
        "Volume: 100 % (`/volume`)\nSpeed: 100 %\nFilter: none\nLoudness: brought to -16 LUFS\n"
        f"I leave: after 5 minutes\nWho may: <@&{DJS}>"
    )
    choice = chosen(1, "settings dj", DJS, 0.0, 1.0, for_djs)
    refused = chosen(2, "volume", "50", 2.0, 3.0, "Only members with the role <@&7> may do that here.", Rank.MEMBER)
    heard = replace(refused, answer="The volume is 50 % from now on.")
    assert explain([choice, refused, stored_settings(4.0, Chosen(dj=DJS))]).explained
    assert not explain([choice, heard]).explained
    assert not explain([refused]).explained


def test_an_undo_brings_no_old_settings_back() -> None:
    clear = command(1, "clear", 1.0, 2.0, "Cleared 2 tracks.")
    louder = chosen(2, "volume", "150", 3.0, 4.0, "The volume is 150 % from now on.")
    undo = command(3, "undo", 5.0, 6.0, "What was cleared is back.")
    back = showing(undo, "g1n0x0", "g1n0x1", "g1n0x2")
    assert back.shown is not None
    kept = replace(back, shown=replace(back.shown, chosen=Chosen(volume="150")))
    assert explain([*three_queued(), clear, louder, kept]).explained
    assert not explain([*three_queued(), clear, louder, back]).explained
