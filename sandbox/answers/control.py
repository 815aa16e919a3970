"""The negative control: a bot that takes "not yet" for "never", as it once did."""

from __future__ import annotations

from pathlib import Path

from sandbox.answers.counting import Count, town
from timmybot.adapters.discord_rest import client

LATENCY_SECONDS = 0.3
GUILDS = 2
PATIENCE_SECONDS = 10.0


async def control(directory: Path) -> int:
    """How many answers that bot loses in a round, in the answer itself."""
    patience, client.NOT_YET_SECONDS = client.NOT_YET_SECONDS, 0.0
    count = Count()
    try:
        async with town(directory, GUILDS) as here:
            await here.give_round(
                count, latency_seconds=LATENCY_SECONDS, lossy=False, in_channel=False, patience_seconds=PATIENCE_SECONDS
            )
    finally:
        client.NOT_YET_SECONDS = patience
    return count.total_lost
