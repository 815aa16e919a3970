"""The MLS messages that pass a DAVE voice server: what clients send it, and what it signs as the external sender.

A delivery service reads little: it holds no secret of the group, so that it can neither decrypt media nor check
tags. Source: RFC 9420, sections 6 (framing), 10 (key packages), 12.1 (proposals), 12.4 (commits and welcomes), and
https://daveprotocol.com, whose version 1 fixes cipher suite 2 and basic credentials.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from sandbox.discord.mls_wire import NotMls, Reader, reference, sign, vector, verify

MLS_10 = 1
CIPHER_SUITE = 2
"""DHKEMP256_AES128GCM_SHA256_P256."""
BASIC_CREDENTIAL = 1
PUBLIC_MESSAGE, KEY_PACKAGE_MESSAGE = 1, 5
SENDER_MEMBER, SENDER_EXTERNAL = 1, 2
CONTENT_PROPOSAL, CONTENT_COMMIT = 2, 3
PROPOSAL_ADD, PROPOSAL_REMOVE = 1, 3
BY_VALUE, BY_REFERENCE = 1, 2
LEAF_FROM_KEY_PACKAGE, LEAF_FROM_COMMIT = 1, 3
FOREVER = (0, (1 << 64) - 1)
"""The lifetime that every DAVE key package must state."""


@dataclass(frozen=True)
class KeyPackage:
    """What a client publishes in order to be added to a group, once."""

    encoded: bytes
    user_id: int
    signature_key: bytes

    @property
    def reference(self) -> bytes:
        """By this a welcome names whom it is for."""
        return reference(b"KeyPackage Reference", self.encoded)


@dataclass(frozen=True)
class Proposal:
    """An Add or Remove that the external sender signed for one epoch of a group."""

    message: bytes
    user_id: int
    key_package: KeyPackage | None
    """Of the user to add; ``None`` for a removal."""
    leaf: int | None = None
    """Of the user to remove."""

    @property
    def reference(self) -> bytes:
        """By this a commit names it: the hash of the message without its version."""
        return reference(b"Proposal Reference", self.message[2:])


@dataclass(frozen=True)
class Commit:
    """A member's step to the next epoch."""

    encoded: bytes
    group_id: bytes
    epoch: int
    leaf: int
    proposals: tuple[bytes, ...]
    """References, in the order in which they apply."""
    new_signature_key: bytes | None
    """The committer's own, where the commit renews its leaf."""


@dataclass(frozen=True)
class Welcome:
    """The secrets of a new epoch, for those whom it adds."""

    secrets: dict[bytes, bytes]
    """Encoded, by the reference of the key package that they are encrypted for."""
    group_info: bytes

    def only_for(self, package: KeyPackage) -> bytes:
        """What one of the welcomed gets to see of it."""
        secrets = vector(self.secrets[package.reference])
        return struct.pack(">H", CIPHER_SUITE) + secrets + vector(self.group_info)


class ExternalSender:
    """The voice server's own key, with which it proposes who is in and who is out."""

    def __init__(self) -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())
        point = self._key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
        self.package = vector(point) + struct.pack(">H", BASIC_CREDENTIAL) + vector(bytes(8))
        """What opcode 25 carries."""

    def propose_add(self, group_id: bytes, epoch: int, package: KeyPackage) -> Proposal:
        body = struct.pack(">H", PROPOSAL_ADD) + package.encoded
        return Proposal(self._signed(group_id, epoch, body), package.user_id, package)

    def propose_remove(self, group_id: bytes, epoch: int, user_id: int, leaf: int) -> Proposal:
        body = struct.pack(">HI", PROPOSAL_REMOVE, leaf)
        return Proposal(self._signed(group_id, epoch, body), user_id, None, leaf)

    def _signed(self, group_id: bytes, epoch: int, body: bytes) -> bytes:
        sender = struct.pack(">BI", SENDER_EXTERNAL, 0)
        framed = vector(group_id) + struct.pack(">Q", epoch) + sender + vector(b"") + bytes([CONTENT_PROPOSAL]) + body
        content = struct.pack(">HH", MLS_10, PUBLIC_MESSAGE) + framed
        return content + vector(sign(self._key, b"FramedContentTBS", content))


def read_key_package(data: bytes) -> KeyPackage:
    """Check a key package as the voice server does. Raises :class:`~sandbox.discord.mls_wire.NotMls`.

    The whitepaper puts it into an MLSMessage, libdave and davey send it bare: both are taken.
    """
    framed = struct.pack(">HH", MLS_10, KEY_PACKAGE_MESSAGE)
    data = data.removeprefix(framed)
    reader = Reader(data)
    reader.expect(MLS_10, 2, "the MLS version")
    reader.expect(CIPHER_SUITE, 2, "the cipher suite")
    reader.vector()
    signature_key, identity = _read_leaf(reader)
    reader.vector()
    signed = data[: reader.at]
    signature = reader.vector()
    if not reader.is_empty:
        raise NotMls("bytes behind the key package")
    if len(identity) != 8:
        raise NotMls("the identity is no 64-bit user id")
    verify(signature_key, b"KeyPackageTBS", signed, signature)
    return KeyPackage(data, int.from_bytes(identity), signature_key)


def read_commit(data: bytes) -> tuple[Commit, bytes]:
    """A commit in a public message, and the bytes behind it (a welcome, if it adds anybody)."""
    reader = Reader(data)
    reader.expect(MLS_10, 2, "the MLS version")
    reader.expect(PUBLIC_MESSAGE, 2, "the wire format")
    group_id, epoch = reader.vector(), reader.number(8)
    reader.expect(SENDER_MEMBER, 1, "the sender type")
    leaf = reader.number(4)
    reader.vector()
    reader.expect(CONTENT_COMMIT, 1, "the content type")
    proposals = _read_references(Reader(reader.vector()))
    signature_key = None
    if reader.number(1):
        signature_key, _ = _read_leaf(reader)
        reader.vector()
    for _signature_then_confirmation_tag_then_membership_tag in range(3):
        reader.vector()
    return Commit(data[: reader.at], group_id, epoch, leaf, proposals, signature_key), reader.rest()


def read_welcome(data: bytes) -> Welcome:
    """The welcome that follows a commit."""
    reader = Reader(data)
    reader.expect(CIPHER_SUITE, 2, "the cipher suite")
    secrets, inside = {}, Reader(reader.vector())
    while not inside.is_empty:
        begin = inside.at
        named = inside.vector()
        inside.vector()
        inside.vector()
        secrets[named] = (begin, inside.at)
    whole = Reader(data[2:]).vector()
    group_info = reader.vector()
    if not reader.is_empty:
        raise NotMls("bytes behind the welcome")
    return Welcome({named: whole[begin:end] for named, (begin, end) in secrets.items()}, group_info)


def _read_references(reader: Reader) -> tuple[bytes, ...]:
    references = []
    while not reader.is_empty:
        reader.expect(BY_REFERENCE, 1, "a committed proposal's kind")
        references.append(reader.vector())
    return tuple(references)


def _read_leaf(reader: Reader) -> tuple[bytes, bytes]:
    """A leaf node's signature key and identity."""
    reader.vector()
    signature_key = reader.vector()
    reader.expect(BASIC_CREDENTIAL, 2, "the credential type")
    identity = reader.vector()
    for _capability in ("versions", "cipher suites", "extensions", "proposals", "credentials"):
        reader.vector()
    source = reader.number(1)
    if source == LEAF_FROM_KEY_PACKAGE and (reader.number(8), reader.number(8)) != FOREVER:
        raise NotMls("the key package's lifetime is not the maximum")
    if source == LEAF_FROM_COMMIT:
        reader.vector()
    reader.vector()
    reader.vector()
    return signature_key, identity
