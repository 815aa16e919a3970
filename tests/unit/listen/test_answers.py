"""What the member read: every edit in the order of time, and which of it says that a track failed."""

from __future__ import annotations

import pytest

from sandbox.discord import Shown
from sandbox.discord.shown import ShownMessage, Version
from sandbox.listen.answers import Answers, milliseconds_in, text_of

DAMAGED = "The file is damaged: I cannot read on from here."


def shown(*texts: tuple[float, str], ephemeral: bool = False) -> Shown:
    """An answer and its edits, each with its time."""
    answer = Shown(0.0)
    answer.original = ShownMessage(1, ephemeral, [Version(at, text, {"content": text}) for at, text in texts])
    return answer


def test_every_edit_and_every_message_is_kept_in_the_order_of_time() -> None:
    answers = Answers()
    answers.follow("play", shown((1.0, "Starting <http://a>"), (3.0, "Now playing **a**")))
    answers.follow("queue", shown((2.0, "Now: **a**"), ephemeral=True))
    answers.read_channel([{"content": "Hello."}], 4.0)
    answers.read_channel([{"content": "Hello."}, {"content": DAMAGED}], 5.0)
    assert [(each.at, each.text, each.ephemeral) for each in answers.all] == [
        (1.0, "Starting <http://a>", False),
        (2.0, "Now: **a**", True),
        (3.0, "Now playing **a**", False),
        (4.0, "Hello.", False),
        (5.0, DAMAGED, False),
    ]


def test_a_failure_is_what_became_of_a_track_in_the_answer_to_its_play_or_in_the_channel() -> None:
    answers = Answers()
    answers.follow("play", shown((1.0, "Starting <http://a>"), (2.0, "I can't play <http://a>. It is a text.")))
    assert answers.failure == "I can't play <http://a>. It is a text."
    answers.read_channel([{"content": DAMAGED}], 3.0)
    assert answers.failure == DAMAGED


def test_negative_control_what_says_that_all_is_well_or_answers_another_command_is_no_failure() -> None:
    answers = Answers()
    answers.follow("play", shown((1.0, "Queued as number 2: <http://a>"), (2.0, "**Now playing** a")))
    answers.follow("skip", shown((3.0, "Nothing is playing. Start something with `/play`."), ephemeral=True))
    answers.read_channel([{"content": "a, 0:03 of 1:00", "components": [{"type": 1}]}], 4.0)
    assert answers.failure is None


def test_a_command_that_nobody_answered_is_told_to_its_member_alone() -> None:
    answers = Answers()
    answers.note(3.0, "The application did not respond", of_track=True)
    assert [(each.text, each.ephemeral) for each in answers.all] == [("The application did not respond", True)]
    assert answers.failure == "The application did not respond"


def test_the_text_of_a_message_made_of_components_is_theirs() -> None:
    inner = {"type": 17, "components": [{"type": 10, "content": "Now playing"}, {"type": 10, "content": "**a**"}]}
    assert text_of({"components": [inner]}) == "Now playing\n**a**"
    assert text_of({"embeds": [{"title": "a", "description": "b"}]}) == "a\nb"
    assert text_of({}) == ""


@pytest.mark.parametrize(
    ("text", "milliseconds"),
    [
        ("Playing at 0:07: **a 9:59** (1:00)", 7_000),
        ("Paused at 1:02:03: **a**", 3_723_000),
        ("Nothing is playing.", None),
    ],
)
def test_the_place_is_the_first_clock_time(text: str, milliseconds: int | None) -> None:
    assert milliseconds_in(text) == milliseconds
