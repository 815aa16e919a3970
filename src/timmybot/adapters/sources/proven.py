"""The address of each host that answered last, so that following requests begin with it."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable
from threading import Lock
from typing import Final

MOST_HOSTS: Final = 256
KEPT_SECONDS: Final = 600.0
"""Source: RFC 6555, 4.2, for who does not notice that the network has changed."""


class ProvenAddresses:
    """Any thread may use it. ``monotonic`` is in seconds."""

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._kept: OrderedDict[tuple[str, int], tuple[str, float]] = OrderedDict()
        self._guard = Lock()

    def __len__(self) -> int:
        return len(self._kept)

    def note(self, host: str, port: int, address: str) -> None:
        """``address`` answered for ``host``. The host that was noted longest ago goes, if there are too many."""
        with self._guard:
            self._kept[host, port] = address, self._monotonic() + KEPT_SECONDS
            self._kept.move_to_end((host, port))
            if len(self._kept) > MOST_HOSTS:
                self._kept.popitem(last=False)

    def first(self, host: str, port: int, addresses: list[str]) -> list[str]:
        """``addresses`` in their order, but for the one that answered last: that comes first, if it is among them."""
        with self._guard:
            address, until = self._kept.get((host, port), ("", 0.0))
        if address not in addresses or self._monotonic() >= until:
            return addresses
        return [address, *(other for other in addresses if other != address)]
