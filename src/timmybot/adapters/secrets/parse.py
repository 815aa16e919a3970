"""Telling a set secret from one that still waits for the operator. No message here repeats a secret's value."""

from __future__ import annotations

from timmybot.ports.secrets import PLACEHOLDER, SecretMissing

_WHERE = "from https://discord.com/developers/applications"


def set_value(name: str, value: object, what: str) -> str:
    """``value`` as text. Raises :class:`SecretMissing`, naming ``name``, if it is absent, empty or a placeholder."""
    text = value.strip() if isinstance(value, str) else str(value) if isinstance(value, int) else ""
    if not text or text.startswith(PLACEHOLDER):
        state = "still a placeholder" if text else "not set"
        raise SecretMissing(f"{name} is {state}: put {what} there, {_WHERE}.")
    return text


def application_id(name: str, text: str) -> int:
    """Raises :class:`SecretMissing` if ``text`` is no snowflake."""
    if not (text.isascii() and text.isdigit()):
        raise SecretMissing(f"{name} is not a number: put the application's id there, {_WHERE}.")
    return int(text)
