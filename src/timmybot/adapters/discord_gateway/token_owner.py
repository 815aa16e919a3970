"""Whose bot token it is, read from the token itself.

A resumed session does not say again who the bot is, and a worker that takes over a predecessor's session has to know.
The first of a token's three parts is the bot's user id in base64; Discord shows tokens of this form (Reference,
"Authentication") and clients have long read them so, but it does not promise it: READY's word counts more.
"""

from __future__ import annotations

import base64
import binascii

from timmybot.domain.ids import UserId


def owner_of(token: str) -> UserId | None:
    """The bot's user id, or ``None`` if the token has another form."""
    first = token.removeprefix("Bot ").split(".", 1)[0]
    try:
        return UserId(int(base64.urlsafe_b64decode(first + "=" * (-len(first) % 4)).decode("ascii")))
    except (ValueError, binascii.Error):
        return None
