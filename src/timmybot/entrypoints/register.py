"""``timmybot register``: what an operator does once with the Discord application."""

from __future__ import annotations

from timmybot.adapters.discord_rest import DiscordRest
from timmybot.adapters.secrets import EnvironmentSecrets
from timmybot.adapters.system_clock import SystemClock
from timmybot.services.command_definitions import DEFINITIONS
from timmybot.settings import Settings


async def register(settings: Settings, *, endpoint: str | None, clear_endpoint: bool) -> list[str]:
    """Register the commands, and set or clear the interactions endpoint. Return what was done, in sentences.

    Raises ``SecretMissing`` and ``DiscordError``.
    """
    secrets = EnvironmentSecrets()
    credentials = await secrets.credentials()
    rest = DiscordRest(settings.discord_api_url, secrets, SystemClock())
    try:
        await rest.set_commands(credentials.application_id, DEFINITIONS)
        done = [f"Registered {len(DEFINITIONS)} commands: {', '.join('/' + str(d['name']) for d in DEFINITIONS)}."]
        if endpoint is not None or clear_endpoint:
            await rest.set_interactions_endpoint(endpoint)
            done.append(f"Discord sends commands to {endpoint}." if endpoint else "Discord sends commands by gateway.")
        return done
    finally:
        rest.close()
