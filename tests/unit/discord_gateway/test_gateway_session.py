"""The gateway's session protocol, frame by frame."""

from __future__ import annotations

import json
from typing import Any

import pytest

from timmybot.adapters.discord_gateway.session import (
    INTENTS,
    Abandon,
    AskToIdentify,
    Dispatched,
    Outcome,
    Send,
    Session,
    StartBeating,
    Up,
)
from timmybot.domain.ids import ShardId
from timmybot.domain.lease import GatewaySession

HELLO = {"op": 10, "d": {"heartbeat_interval": 41250}}
READY_DATA = {"session_id": "s1", "resume_gateway_url": "wss://r.discord.gg", "user": {"id": "42"}}


def a_session(resume: GatewaySession | None = None) -> Session:
    return Session("secret-token", ShardId(3), 16, resume)


def told(session: Session, frame: dict[str, Any] | str) -> list[Outcome]:
    return list(session.receive(frame if isinstance(frame, str) else json.dumps(frame)))


def ready(session: Session) -> list[Outcome]:
    return told(session, {"op": 0, "t": "READY", "s": 1, "d": READY_DATA})


def test_a_new_session_asks_to_identify_after_hello_and_identifies_its_shard() -> None:
    session = a_session()
    assert told(session, HELLO) == [StartBeating(41.25), AskToIdentify()]
    frame = session.identify().frame
    assert (frame["op"], frame["d"]["shard"], frame["d"]["intents"]) == (2, [3, 16], INTENTS)
    assert "secret-token" not in repr(session.identify())


def test_ready_makes_the_session_resumable_and_tells_who_the_bot_is() -> None:
    session = a_session()
    outcomes = ready(session)
    assert isinstance(outcomes[0], Dispatched)
    assert outcomes[1] == Up(resumed=False)
    assert session.resumable == GatewaySession("s1", "wss://r.discord.gg", 1)
    assert session.user_id == 42


def test_every_event_moves_the_sequence_that_a_successor_resumes_with() -> None:
    session = a_session()
    ready(session)
    told(session, {"op": 0, "t": "GUILD_CREATE", "s": 2, "d": {"id": "1"}})
    assert session.resumable == GatewaySession("s1", "wss://r.discord.gg", 2)
    told(session, {"op": 11, "d": None, "s": None})
    assert session.resumable == GatewaySession("s1", "wss://r.discord.gg", 2)


def test_a_session_that_is_known_is_resumed_and_not_identified() -> None:
    session = a_session(GatewaySession("s0", "wss://r.discord.gg", 77))
    _, resume = told(session, HELLO)
    assert isinstance(resume, Send)
    assert resume.frame == {"op": 6, "d": {"token": "secret-token", "session_id": "s0", "seq": 77}}
    assert told(session, {"op": 0, "t": "RESUMED", "s": 80, "d": {}})[-1] == Up(resumed=True)


@pytest.mark.parametrize(("resumable", "kept"), [(True, True), (False, False), (None, False)])
def test_an_invalid_session_is_forgotten_unless_discord_says_it_can_be_resumed(
    resumable: bool | None, kept: bool
) -> None:
    session = a_session(GatewaySession("s0", "wss://r.discord.gg", 77))
    assert told(session, {"op": 9, "d": resumable}) == [Abandon(pause=True)]
    assert (session.resumable is not None) is kept


def test_being_told_to_reconnect_keeps_the_session() -> None:
    session = a_session(GatewaySession("s0", "wss://r.discord.gg", 77))
    assert told(session, {"op": 7, "d": None}) == [Abandon()]
    assert session.resumable is not None


def test_a_heartbeat_that_is_not_answered_makes_the_next_one_leave() -> None:
    session = a_session()
    ready(session)
    beat = session.beat()
    assert isinstance(beat, Send)
    assert beat.frame == {"op": 1, "d": 1}
    assert session.beat() == Abandon()


def test_a_heartbeat_that_is_answered_is_followed_by_another() -> None:
    session = a_session()
    session.beat()
    told(session, {"op": 11})
    assert isinstance(session.beat(), Send)


def test_a_new_connection_owes_no_answer_to_the_old_ones_heartbeat() -> None:
    session = a_session()
    session.beat()
    session.connected()
    assert isinstance(session.beat(), Send)


def test_discord_may_ask_for_a_heartbeat() -> None:
    (beat,) = told(a_session(), {"op": 1, "d": None})
    assert isinstance(beat, Send)
    assert beat.heartbeat


@pytest.mark.parametrize(
    "nonsense",
    [
        "",
        "[]",
        "null",
        "{}",
        '{"op": 10}',
        '{"op": 10, "d": {"heartbeat_interval": "soon"}}',
        '{"op": 0, "s": 1, "t": "READY", "d": {}}',
        '{"op": 0, "s": 1, "t": "READY", "d": {"session_id": "s", "resume_gateway_url": "u", "user": {"id": "me"}}}',
    ],
)
def test_a_frame_that_makes_no_sense_abandons_the_connection_and_keeps_the_session(nonsense: str) -> None:
    session = a_session()
    ready(session)
    assert told(session, nonsense) == [Abandon()]
    assert session.resumable is not None


def test_an_opcode_from_the_future_is_passed_over() -> None:
    assert told(a_session(), {"op": 99, "d": {}}) == []
