"""The encoding that MLS messages share: integers, vectors with a length in front, labelled hashes and signatures.

Source: RFC 9420, sections 2.1.2 (vectors), 5.1.2 (signatures) and 5.2 (hash references).
"""

from __future__ import annotations

import hashlib
import struct

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

LABEL = b"MLS 1.0 "


class NotMls(Exception):
    """Bytes that are not the MLS message they should be, or one that breaks a rule of DAVE."""


class Reader:
    """Takes a message apart from its beginning. Every method raises :class:`NotMls` when bytes run out."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self.at = 0

    def take(self, count: int) -> bytes:
        end = self.at + count
        if end > len(self._data):
            raise NotMls(f"cut off: {end - len(self._data)} bytes are missing")
        taken = self._data[self.at : end]
        self.at = end
        return taken

    def number(self, size: int) -> int:
        return int.from_bytes(self.take(size))

    def vector(self) -> bytes:
        """A byte string whose length is written in 1, 2 or 4 bytes, told by the first two bits."""
        first = self.number(1)
        if first >> 6 == 3:
            raise NotMls("a vector's length begins with the bits 11")
        more = (1 << (first >> 6)) - 1
        size = int.from_bytes(bytes([first & 0x3F]) + self.take(more))
        return self.take(size)

    def expect(self, value: int, size: int, what: str) -> None:
        found = self.number(size)
        if found != value:
            raise NotMls(f"{what} is {found}, not {value}")

    @property
    def is_empty(self) -> bool:
        return self.at == len(self._data)

    def rest(self) -> bytes:
        return self.take(len(self._data) - self.at)


def vector(data: bytes) -> bytes:
    """The bytes with their length in front, in as few bytes as it takes."""
    if len(data) < 1 << 6:
        return bytes([len(data)]) + data
    if len(data) < 1 << 14:
        return struct.pack(">H", 0x4000 | len(data)) + data
    return struct.pack(">I", 0x8000_0000 | len(data)) + data


def reference(label: bytes, value: bytes) -> bytes:
    """What a proposal or key package is referred to by: ``RefHash`` with SHA-256."""
    return hashlib.sha256(vector(LABEL + label) + vector(value)).digest()


def sign(key: ec.EllipticCurvePrivateKey, label: bytes, content: bytes) -> bytes:
    """``SignWithLabel`` of cipher suite 2: ECDSA over P-256."""
    return key.sign(vector(LABEL + label) + vector(content), ec.ECDSA(hashes.SHA256()))


def verify(public_key: bytes, label: bytes, content: bytes, signature: bytes) -> None:
    """``VerifyWithLabel`` of cipher suite 2. Raises :class:`NotMls` for a key or signature that is not good."""
    try:
        key = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), public_key)
        key.verify(signature, vector(LABEL + label) + vector(content), ec.ECDSA(hashes.SHA256()))
    except (ValueError, InvalidSignature) as error:
        raise NotMls(f"the signature of a {label.decode()} is not good") from error
