"""Where fresh identifiers come from."""

from __future__ import annotations

from collections.abc import Callable

NewId = Callable[[], str]
"""Gives a text that nobody else was given: printable ASCII without spaces, 64 characters at most."""
