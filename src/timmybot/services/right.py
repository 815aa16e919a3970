"""The right to act on a guild, as the reconciling of that guild sees it."""

from __future__ import annotations

from collections.abc import Callable

from timmybot.domain.ids import Epoch


class NoRight(Exception):
    """This worker may not act on the guild now: it lost the shard, or has not renewed its lease in time."""


Right = Callable[[], Epoch]
"""Gives the epoch to write under, or raises :class:`NoRight`. Ask again before every act: a right runs out."""
