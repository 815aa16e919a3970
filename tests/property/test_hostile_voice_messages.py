"""Whatever a voice server says, the protocol refuses it in one of the expected ways, and keeps little of it."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import Any

import davey
import pytest
from hypothesis import Phase, example, given, settings
from hypothesis import strategies as st

from timmybot.adapters.discord_voice import dave
from timmybot.adapters.discord_voice.dave import DaveOp, EndToEnd, Unprocessable
from timmybot.adapters.discord_voice.discovery import parse
from timmybot.adapters.discord_voice.session import NONSENSE, Op, Session
from timmybot.domain.ids import ChannelId, GuildId, UserId
from timmybot.ports.voice_signalling import VoiceServer

SERVER = VoiceServer(GuildId(1), ChannelId(5), UserId(9), "eu.invalid:443", "the-session", "the-grant")

FIELDS = [
    *("v", "heartbeat_interval", "ssrc", "ip", "port", "modes", "mode", "secret_key", "dave_protocol_version"),
    *("user_ids", "user_id", "transition_id", "protocol_version", "epoch", "seq", "t"),
]
SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20)
VALUES = st.recursive(SCALARS, lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text(max_size=5), inner))
DATA = st.dictionaries(st.sampled_from(FIELDS), VALUES, max_size=6) | VALUES
OPS = st.sampled_from([*Op, *DaveOp]) | st.integers(-1, 300) | SCALARS
FRAMES = st.fixed_dictionaries({"op": OPS, "d": DATA}, optional={"seq": SCALARS}).map(json.dumps)
BINARY = st.builds(
    lambda sequence, op, payload: sequence.to_bytes(2, "big") + bytes([op]) + payload,
    st.integers(0, 0xFFFF),
    st.sampled_from([25, 26, 27, 28, 29, 30, 31, 0, 255]),
    st.binary(max_size=200),
)
DESCRIBED = json.dumps({"op": 4, "d": {"mode": "m", "secret_key": [0] * 32, "dave_protocol_version": 1}})


@settings(max_examples=100, deadline=None, phases=(Phase.explicit, Phase.generate))
@given(st.lists(FRAMES | BINARY | st.text(max_size=50) | st.binary(max_size=50), max_size=8))
@example(["[" * 100_000])
@example([DESCRIBED, DESCRIBED, json.dumps({"op": 24, "d": {"epoch": 1, "protocol_version": 1}})])
def test_no_message_has_another_effect_than_to_be_taken_or_refused(messages: list[str | bytes]) -> None:
    session = Session(SERVER)
    for message in [DESCRIBED, *messages]:
        with suppress(*NONSENSE):
            for outcome in session.receive(message):
                assert "the-grant" not in repr(outcome)
    session.beat(1)
    assert session.end_to_end.way in dave.Way
    assert json.dumps(session.connected(resuming=True).frame)


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=100), st.integers(0, 2**32 - 1))
def test_no_datagram_is_taken_for_our_address_unless_it_tells_it(packet: bytes, ssrc: int) -> None:
    assert parse(packet, ssrc) is None or len(packet) == 74


def test_what_is_remembered_of_a_call_is_bounded() -> None:
    part = EndToEnd(UserId(9), ChannelId(5))
    list(part.described(1))
    for number in range(100):
        list(part.receive(DaveOp.PREPARE_TRANSITION, {"transition_id": number + 1, "protocol_version": 1}))
        list(part.receive_binary(DaveOp.PROPOSALS, b"\x00nonsense"))
        list(part.receive(DaveOp.CLIENTS_CONNECT, {"user_ids": [str(number * 1_000 + each) for each in range(1_000)]}))
    assert len(part._pending) <= 64
    assert len(part._refused) <= 8
    assert len(part.others) <= 10_000


class _Panics:
    def process_commit(self, message: bytes) -> None:
        raise PanicException


class PanicException(BaseException):  # PyO3 names it so
    """Like what PyO3 makes of a panic, which is no ``Exception``."""


def test_a_panic_in_native_code_is_a_message_that_could_not_be_processed() -> None:
    with pytest.raises(Unprocessable, match="panicked"):
        dave._guarded(_Panics().process_commit, b"")
    with pytest.raises(KeyboardInterrupt):
        dave._guarded(_interrupt)


def _interrupt() -> Any:
    raise KeyboardInterrupt


def test_davey_keeps_what_a_new_group_needs() -> None:
    """What :mod:`~timmybot.adapters.discord_voice.dave` relies on, should the library change."""
    session = davey.DaveSession(1, 9, 5)
    assert not session.ready, "alone, there is no group to encrypt for"
    with pytest.raises(ValueError, match="NotReady"):
        session.encrypt_opus(b"\xfcframe")
