"""Discord's REST API: a thin client on urllib3. Why not a library: docs/decisions/0003-rest-client.md."""

from timmybot.adapters.discord_rest.client import DiscordRest

__all__ = ["DiscordRest"]
