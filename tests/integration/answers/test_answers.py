"""A round of every command over both transports, on a line that loses what is first tried."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from sandbox.answers.control import control
from sandbox.answers.counting import ENDPOINT, GATEWAY, Count, town
from sandbox.answers.losses import Losses
from sandbox.answers.wishes import REFUSED, Wish, Wishes
from sandbox.discord.line import Lost


async def test_every_answer_reaches_its_member(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", os.environ.get("SSL_CERT_FILE", ""))  # put back afterwards
    count = Count()
    async with town(tmp_path, guilds=1) as here:
        await here.give_round(count, latency_seconds=0.15, lossy=True)
    wishes = len(list(Wishes("song", "nothing").round()))
    assert count.lost == {GATEWAY: [], ENDPOINT: []}
    assert count.given == {GATEWAY: wishes, ENDPOINT: wishes}
    assert count.troubles > 0


@pytest.mark.skipif("TIMMYBOT_TEST_ALL" not in os.environ, reason="long: make test-all")
async def test_negative_control_a_bot_that_takes_not_yet_for_never_loses_some(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", os.environ.get("SSL_CERT_FILE", ""))
    assert await control(tmp_path) > 0


def test_what_counts_as_an_answer() -> None:
    refused = Wish("play", {"url": "https://a.example/x"}, REFUSED)
    assert refused.satisfies("I can't play <https://a.example/x>. Why.")
    assert not refused.satisfies("I'm looking at <https://a.example/x>.")
    assert not Wish("queue").satisfies("")
    assert (refused.url, Wish("queue").url) == ("https://a.example/x", None)


def test_the_line_loses_only_first_tries_and_only_answers() -> None:
    losses = Losses()
    paths = [f"/interactions/{number}/token/callback" for number in range(200)]
    first = [losses("POST", path) for path in paths]
    assert {Lost.REQUEST, Lost.ANSWER, 503, None} == set(first)
    assert {losses("POST", path) for path in paths} == {None}
    assert losses.count == sum(each is not None for each in first)
    assert {Losses()("GET", f"/guilds/{number}") for number in range(200)} == {None}
    assert {Losses()("ENDPOINT", f"{number}/callback") for number in range(200)} == {None}
