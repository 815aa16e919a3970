"""What this network namespace can reach: everything, nothing, or one port alone."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Self

SPARED, CUT, LOCAL = ("10", "11"), "20", "100"
"""Priorities of the rules: the lowest that fits decides. Source: ip-rule(8)."""


class Routes:
    """For a namespace of one's own: it asks the rules for loopback, too, which are behind none by default."""

    def __enter__(self) -> Self:
        _ip("link", "set", "lo", "up")
        _ip("rule", "add", "pref", LOCAL, "lookup", "local")
        _ip("rule", "del", "pref", "0")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """The namespace ends with its last process."""

    @contextmanager
    def cut(self, spared: int | None = None) -> Iterator[None]:
        """Nothing goes either way while the context is open, but what comes from TCP port ``spared`` or goes there."""
        for priority, side in zip(SPARED, ("dport", "sport"), strict=True):
            if spared is not None:
                _ip("rule", "add", "pref", priority, "ipproto", "tcp", side, str(spared), "lookup", "local")
        _ip("rule", "add", "pref", CUT, "unreachable")
        try:
            yield
        finally:
            _ip("rule", "del", "pref", CUT)
            for priority in SPARED if spared is not None else ():
                _ip("rule", "del", "pref", priority)


def _ip(*arguments: str) -> None:
    subprocess.run(("ip", *arguments), check=True)
