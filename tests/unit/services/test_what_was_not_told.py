"""A sentence that Discord does not take is logged, and a link in it without what may be the key to it."""

from __future__ import annotations

import pytest

from tests.fakes.guild import SONG
from tests.fakes.workers import Theatre
from timmybot.domain.ids import OrderKey
from timmybot.domain.wording import without_queries
from timmybot.services import resolve

SENTENCE = "I can't play <https://radio.example/song.ogg?token=s3cret&x=1#k3y>. There is nothing at that address."


@pytest.mark.parametrize(
    ("sentence", "logged"),
    [
        (SENTENCE, "I can't play <https://radio.example/song.ogg?…>. There is nothing at that address."),
        ("at HTTPS://radio.example?token=s3cret", "at HTTPS://radio.example?…"),
        ("<http://a.example/#s3cret> and <http://b.example/x?s3cret=https://c.example/?s3cret>",
         "<http://a.example/?…> and <http://b.example/x?…>"),
        ("http://a.example/>b?s3cret>more\nnext", "http://a.example/>b?…\nnext"),
        ("<https://radio.example/song.ogg>. Is it there?", "<https://radio.example/song.ogg>. Is it there?"),
    ],
)  # fmt: skip
def test_of_a_link_the_log_has_what_is_before_the_query(sentence: str, logged: str) -> None:
    assert without_queries(sentence) == logged
    assert "s3cret" not in without_queries(sentence)


async def logged(theatre: Theatre, caplog: pytest.LogCaptureFixture) -> str:
    """What is in the log when a guild could not be told what became of a link."""
    await theatre.says("play", url=SONG)
    resolving = theatre.resolving()
    theatre.rest.down = True
    caplog.set_level("DEBUG")
    await resolving.report(OrderKey("none that an answer is owed for"), SENTENCE)
    return caplog.text


async def test_what_the_channel_was_not_told_is_logged_without_the_links_query(
    theatre: Theatre, caplog: pytest.LogCaptureFixture
) -> None:
    text = await logged(theatre, caplog)
    assert "was not told: I can't play <https://radio.example/song.ogg?…>" in text
    assert "s3cret" not in text
    assert "k3y" not in text
    assert "Traceback" not in text


async def test_negative_control_as_it_was_to_be_told_it_would_give_the_key_away(
    theatre: Theatre, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(resolve, "without_queries", lambda sentence: sentence)
    assert "s3cret" in await logged(theatre, caplog)
