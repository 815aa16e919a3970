"""Fresh identifiers."""

from __future__ import annotations

import secrets


def new_id() -> str:
    """96 random bits in 16 characters that are safe in a key: short, because every entry and state holds some."""
    return secrets.token_urlsafe(12)
