"""The voice gateway's protocol, frame by frame, and what its close codes ask for."""

from __future__ import annotations

import json
from typing import Any

import pytest

from timmybot.adapters.discord_voice.close_codes import after_close
from timmybot.adapters.discord_voice.frames import Send
from timmybot.adapters.discord_voice.machine import Happening
from timmybot.adapters.discord_voice.session import (
    NONSENSE,
    Described,
    Discover,
    Outcome,
    Resumed,
    Session,
    StartBeating,
    Zombie,
)
from timmybot.domain.ids import ChannelId, GuildId, UserId
from timmybot.ports.voice_signalling import VoiceServer

SERVER = VoiceServer(GuildId(1), ChannelId(5), UserId(9), "eu.invalid:443", "the-session", "the-grant")
COMMON = {"server_id": "1", "session_id": "the-session", "token": "the-grant"}


def told(session: Session, frame: dict[str, Any]) -> list[Outcome]:
    return list(session.receive(json.dumps(frame)))


@pytest.mark.parametrize(
    ("code", "happening"),
    [
        (None, Happening.CUT),
        (1006, Happening.CUT),
        (4015, Happening.CUT),
        (4900, Happening.CUT),
        (1000, Happening.CUT),
        (1001, Happening.CUT),
        (4004, Happening.VOID),
        (4006, Happening.VOID),
        (4009, Happening.VOID),
        (4011, Happening.VOID),
        (4014, Happening.HUNG_UP),
        (4020, Happening.VOID),
        (4022, Happening.HUNG_UP),
        (4012, Happening.TURNED_AWAY),
        (4016, Happening.TURNED_AWAY),
        (4017, Happening.TURNED_AWAY),
        (4021, Happening.TURNED_AWAY),
    ],
)
def test_each_close_code_says_what_happened(code: int | None, happening: Happening) -> None:
    loss = after_close(code)
    assert loss.happening is happening
    assert loss.sentence


def test_a_description_that_comes_twice_changes_nothing_the_second_time() -> None:
    session = Session(SERVER)
    session.connected(resuming=False)
    description = {"op": 4, "d": {"mode": "a", "secret_key": list(range(32)), "dave_protocol_version": 1}}
    first = told(session, description)
    assert len(first) == 2, "it is taken, and a key package goes out"
    assert told(session, description) == []
    another = {"op": 4, "d": {"mode": "a", "secret_key": [9] * 32, "dave_protocol_version": 1}}
    assert isinstance(told(session, another)[0], Described)


def test_a_session_from_greeting_to_sound() -> None:
    session = Session(SERVER)
    greeting = session.connected(resuming=False)
    assert greeting.frame == {"op": 0, "d": {**COMMON, "user_id": "9", "max_dave_protocol_version": 1}}
    assert "the-grant" not in repr(greeting)
    assert told(session, {"op": 8, "d": {"v": 8, "heartbeat_interval": 13750}}) == [StartBeating(13.75)]
    ready = {"ssrc": 7, "ip": "192.0.2.1", "port": 50_000, "modes": ["a", "b"], "heartbeat_interval": 1}
    assert told(session, {"op": 2, "d": ready}) == [Discover("192.0.2.1", 50_000, 7, ("a", "b"))]
    assert session.select_protocol("203.0.113.9", 4000, "a").frame == {
        "op": 1,
        "d": {"protocol": "udp", "data": {"address": "203.0.113.9", "port": 4000, "mode": "a"}},
    }
    (described,) = told(session, {"op": 4, "d": {"mode": "a", "secret_key": list(range(32))}})
    assert described == Described("a", bytes(range(32)))
    assert "secret_key" not in repr(described)
    assert session.speaking().frame == {"op": 5, "d": {"speaking": 1, "delay": 0, "ssrc": 7}}


def test_heartbeats_and_resumes_acknowledge_what_came_last_binary_messages_too() -> None:
    session = Session(SERVER)
    assert session.beat(111) == Send({"op": 3, "d": {"t": 111, "seq_ack": -1}})
    told(session, {"op": 6, "d": {"t": 111}})
    told(session, {"op": 11, "d": {"user_ids": ["2"]}, "seq": 4})
    assert session.beat(112) == Send({"op": 3, "d": {"t": 112, "seq_ack": 4}})
    assert list(session.receive(b"\x00\x05\x19\x00\x01")) == []
    assert session.connected(resuming=True).frame == {"op": 7, "d": {**COMMON, "seq_ack": 5}}
    assert told(session, {"op": 9, "d": None}) == [Resumed()]


def test_a_heartbeat_that_is_not_answered_makes_a_zombie() -> None:
    session = Session(SERVER)
    assert isinstance(session.beat(1), Send)
    assert session.beat(2) == Zombie()
    session.connected(resuming=True)
    assert isinstance(session.beat(3), Send)


@pytest.mark.parametrize("nonsense", ["", "{}", '{"op": 8, "d": {}}', '{"op": 4, "d": {"mode": "a", "secret_key": 4}}'])
def test_a_message_that_makes_no_sense_is_refused(nonsense: str) -> None:
    with pytest.raises(NONSENSE):
        list(Session(SERVER).receive(nonsense))
