"""A socket handed from the worker to a media child, which are parent and child.

POSIX hands descriptors over a socket (``SCM_RIGHTS``), Windows a copy made for a process (``WSADuplicateSocket``).
Untried on macOS and Windows.
"""

from __future__ import annotations

import socket
import struct
import sys
from typing import Final

_NUMBER: Final = struct.Struct("<I")
_SHARE: Final = struct.Struct("<II")


def hand_over(control: socket.socket, pid: int, number: int, stream: socket.socket) -> None:
    """Give ``stream`` the number ``number`` in the process ``pid``. Raises :class:`OSError`."""
    if sys.platform == "win32":
        share = stream.share(pid)
        control.sendall(_SHARE.pack(number, len(share)) + share)
    else:
        socket.send_fds(control, [_NUMBER.pack(number)], [stream.fileno()])


def taken(control: socket.socket) -> tuple[int, socket.socket] | None:
    """The next stream and its number; ``None`` when the worker has gone."""
    if sys.platform == "win32":
        head = _exactly(control, _SHARE.size)
        if head is None:
            return None
        number, length = _SHARE.unpack(head)
        share = _exactly(control, length)
        return None if share is None else (number, socket.fromshare(share))
    data, handed, _, _ = socket.recv_fds(control, _NUMBER.size, 1)
    if len(data) < _NUMBER.size or not handed:
        return None
    return _NUMBER.unpack(data)[0], socket.socket(fileno=handed[0])


def _exactly(control: socket.socket, size: int) -> bytes | None:
    data = b""
    while len(data) < size:
        more = control.recv(size - len(data))
        if not more:
            return None
        data += more
    return data
