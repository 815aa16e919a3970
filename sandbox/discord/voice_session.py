"""One bot in one voice channel, as the voice server keeps it: its grant, its keys, and what it has sent."""

from __future__ import annotations

import struct
from collections import deque
from dataclasses import dataclass, field
from typing import Any

from sandbox.discord.connection import Connection
from sandbox.discord.rtp import FRAME_SAMPLES, Opener, Sealed
from sandbox.discord.voice_states import VoiceGrant

Json = dict[str, Any]

SESSION_DESCRIPTION = 4
REPLAY_LIMIT = 512
SEQUENCES = 1 << 16
"""Binary messages carry their number in two bytes."""
NONCES_REMEMBERED = 50_000


@dataclass
class Arrivals:
    """Counts over everything that came by UDP for one session."""

    packets: int = 0
    not_authentic: int = 0
    nonce_reused: int = 0
    sequence_jumps: int = 0
    """Packets whose sequence number is not the one after the last. Lost, repeated or reordered ones do that."""
    timestamp_jumps: int = 0
    """Packets that follow the last one by number, but not by 20 ms of timestamp (a pause does that once)."""
    before_speaking: int = 0
    """Dropped, because the client had not sent Speaking yet."""
    suppressed: int = 0
    """Dropped, because the bot may not speak here, or is muted on the server."""
    wrong_address: int = 0
    """Dropped, because they came from elsewhere than Select Protocol said."""
    end_to_end: int = 0
    """Frames that carried DAVE's marker."""
    withheld: int = 0
    """Times such a frame was not passed on to a member whose client knows no DAVE."""


@dataclass(eq=False)
class VoiceSession:
    """Lives from the grant (op 4) until it is revoked; a voice gateway connection may come and go meanwhile."""

    grant: VoiceGrant
    ssrc: int
    connection: Connection | None = None
    identified: bool = False
    mode: str | None = None
    secret_key: bytes = b""
    opener: Opener | None = None
    address: tuple[str, int] | None = None
    """Where its datagrams come from, as it said in Select Protocol."""
    spoke: bool = False
    speaking: int = 0
    max_dave_version: int = 0
    """The highest version of end-to-end encryption that it offered in Identify."""
    dave_protocol_version: int = 0
    """The one that it was told in Session Description."""
    arrivals: Arrivals = field(default_factory=Arrivals)
    _sequence: int = 0
    _sent: deque[tuple[int, Json | bytes]] = field(default_factory=lambda: deque(maxlen=REPLAY_LIMIT))
    _nonces: set[bytes] = field(default_factory=set)
    _nonce_order: deque[bytes] = field(default_factory=deque)
    _last: tuple[int, int] | None = None

    @property
    def user_id(self) -> int:
        """Whose session it is: it takes part in its channel's :class:`~sandbox.discord.dave_call.DaveCall`."""
        return self.grant.user_id

    def begin(self, version: int) -> None:
        """Send Session Description, with the version of end-to-end encryption at this moment."""
        self.dave_protocol_version = version
        description = {
            "mode": self.mode,
            "secret_key": list(self.secret_key),
            "audio_codec": "opus",
            "media_session_id": self.grant.token,
            "dave_protocol_version": version,
        }
        self.tell(SESSION_DESCRIPTION, description)

    def tell(self, opcode: int, data: Json) -> None:
        """Send a numbered message, which a resume replays if it was missed."""
        sequence = self._next_sequence()
        self._send(sequence, {"op": opcode, "d": data, "seq": sequence})

    def tell_binary(self, opcode: int, payload: bytes) -> None:
        """Send a numbered binary message, which a resume replays like the others."""
        sequence = self._next_sequence()
        self._send(sequence, struct.pack(">HB", sequence, opcode) + payload)

    def _next_sequence(self) -> int:
        self._sequence = (self._sequence + 1) % SEQUENCES
        return self._sequence

    def _send(self, sequence: int, message: Json | bytes) -> None:
        self._sent.append((sequence, message))
        if self.connection:
            self.connection.send(message)

    def missed_since(self, sequence: int) -> list[Json | bytes]:
        """What was sent after ``sequence`` (-1: everything)."""
        newer = (self._sequence - sequence) % SEQUENCES if sequence >= 0 else len(self._sent)
        return [message for _, message in self._sent][max(0, len(self._sent) - newer) :]

    def seal_with(self, mode: str, key: bytes) -> None:
        """A new key begins, and with it the nonce counter."""
        self.forget_keys()
        self.mode, self.secret_key, self.opener = mode, key, Opener(mode, key)

    def forget_keys(self) -> None:
        """Nothing can be decrypted any more; the counts stay."""
        self.opener = None
        self._nonces.clear()
        self._nonce_order.clear()

    def open(self, sealed: Sealed) -> bytes:
        """Decrypt, and check what a careful receiver would. Raises :class:`~sandbox.discord.rtp.NotAuthentic`."""
        assert self.opener
        frame = self.opener.open(sealed)
        self.arrivals.packets += 1
        self._check_nonce(sealed.nonce)
        self._check_continuity(sealed.sequence, sealed.timestamp)
        return frame

    def _check_nonce(self, nonce: bytes) -> None:
        if nonce in self._nonces:
            self.arrivals.nonce_reused += 1
        self._nonces.add(nonce)
        self._nonce_order.append(nonce)
        if len(self._nonce_order) > NONCES_REMEMBERED:
            self._nonces.discard(self._nonce_order.popleft())

    def _check_continuity(self, sequence: int, timestamp: int) -> None:
        if self._last is not None:
            last_sequence, last_timestamp = self._last
            if sequence != (last_sequence + 1) & 0xFFFF:
                self.arrivals.sequence_jumps += 1
            elif timestamp != (last_timestamp + FRAME_SAMPLES) & 0xFFFFFFFF:
                self.arrivals.timestamp_jumps += 1
        self._last = (sequence, timestamp)
