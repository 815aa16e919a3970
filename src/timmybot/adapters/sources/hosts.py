"""Hosts of web addresses, spelled as they are looked up: domains in ASCII, IPv4 in four numbers, IPv6 in brackets.

Sources: WHATWG, URL Standard, 3.5 (host parsing); UTS 46, revision 33 (non-transitional processing).
"""

from __future__ import annotations

import re
from ipaddress import IPv4Address, IPv6Address
from typing import Final
from urllib.parse import unquote_to_bytes

import idna

_FORBIDDEN: Final = re.compile(r"[\x00-\x20\x7f#%/:<>?@\[\\\]^|]")
"""Source: WHATWG, URL Standard, forbidden domain code points."""
_ENDS_IN_A_NUMBER: Final = re.compile(r"(?:^|\.)(?:[0-9]+|0[xX][0-9A-Fa-f]*)\.?$")
_LONGEST_TEXT: Final = 4_096
"""Characters. What is longer is no host however it is written, and would only be computed over."""
_ZERO_WIDTH_JOINERS: Final = "\u200c\u200d"


def spelled(host: str) -> str:
    """``host`` as it is looked up. Raises :class:`ValueError` for what cannot be a host."""
    if len(host) > _LONGEST_TEXT:
        raise ValueError("too long")
    if host.startswith("["):
        return _ipv6(host)
    text = unquote_to_bytes(host).decode()
    name = text.lower() if text.isascii() else _in_ascii(text)
    if not name.strip(".") or _FORBIDDEN.search(name):
        raise ValueError("no domain")
    return str(_ipv4(name)) if _ENDS_IN_A_NUMBER.search(name) else name


def _ipv6(host: str) -> str:
    if not host.endswith("]") or "%" in host:  # a zone names one of our own network interfaces
        raise ValueError("no IPv6 address")
    return f"[{IPv6Address(host[1:-1]).compressed}]"


def _in_ascii(domain: str) -> str:
    """By UTS 46, without its checks of hyphens and lengths, which browsers leave out too."""
    try:
        labels = idna.uts46_remap(domain, std3_rules=False, transitional=False).split(".")
        return ".".join(_label(label) for label in labels)
    except idna.IDNAError as error:
        raise ValueError("no domain") from error


def _label(label: str) -> str:
    if label.isascii():
        return label
    if label.startswith("xn--"):
        raise ValueError("an encoded label is in ASCII")
    idna.check_nfc(label)
    idna.check_initial_combiner(label)
    idna.check_bidi(label)
    if not all(idna.valid_contextj(label, at) for at, c in enumerate(label) if c in _ZERO_WIDTH_JOINERS):
        raise ValueError("a joiner where there is nothing to join")
    return "xn--" + label.encode("punycode").decode()


def _ipv4(name: str) -> IPv4Address:
    """One to four numbers, of which the last one fills up what the others leave: ``127.1``, ``0x7f.1``, ``2130706433``.

    Decimal, octal with a leading ``0``, or hexadecimal with ``0x``. Python's own parser takes decimals alone, and the
    system's resolver takes some spellings and not others.
    """
    numbers = [_number(part) for part in name.removesuffix(".").split(".")]
    *first, last = numbers
    if len(first) > 3 or any(number > 255 for number in first) or last >= 256 ** (4 - len(first)):
        raise ValueError("no IPv4 address")
    return IPv4Address(sum(number << 8 * (3 - at) for at, number in enumerate(first)) + last)


def _number(part: str) -> int:
    if not part or len(part) > 64:
        raise ValueError("no number")
    if part[:2] in {"0x", "0X"}:
        digits, base = part[2:] or "0", 16
    elif len(part) > 1 and part[0] == "0":
        digits, base = part[1:], 8
    else:
        digits, base = part, 10
    if not re.fullmatch("[0-9a-fA-F]+", digits):
        raise ValueError("no number")  # int() would take a sign, or an underscore
    return int(digits, base)
