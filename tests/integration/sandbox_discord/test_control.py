"""A person at a terminal types commands into a running sandbox."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from sandbox import say
from sandbox.discord import FakeDiscord, Guild
from sandbox.discord.control import Control
from tests.integration.sandbox_discord.front_door import front_door, says
from tests.integration.sandbox_discord.rest_client import register, rest


async def test_what_is_said_reaches_the_bot_and_its_answer_is_printed(
    discord: FakeDiscord, guild: Guild, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    app = guild.applications[0]
    await guild.add_member("alice").join(guild.voice_channel)
    address = tmp_path / "build" / "sandbox.json"

    async def say_it(*words: str) -> tuple[int, str, str]:
        status = await asyncio.to_thread(say.main, ["--address-file", str(address), *words])
        out, err = capsys.readouterr()
        return status, out.strip(), err.strip()

    async with (
        rest(discord, app) as client,
        front_door(app, says("Queued")) as door,
        Control(discord, address, {"demo": "kept"}),
    ):
        await register(client, app)
        await client.call("PATCH", "/applications/@me", {"interactions_endpoint_url": door.url})
        assert await say_it("--guild", "a", "/play http://a/b.webm") == (0, "Queued", "")
        assert door.received[0]["data"]["options"][0]["value"] == "http://a/b.webm"
        assert await say_it() == (0, "A: alice in Music; the bot is away", "")
        status, _, complaint = await say_it("/dance")
        assert status == 2
        assert "there is no command /dance" in complaint
        status, _, complaint = await say_it("--guild", "z", "/queue")
        assert status == 2
        assert "there is no guild 'z'" in complaint
        door.answer = says("")
        status, told, _ = await say_it("/queue")
        assert (status, told) == (1, "The application did not respond")
    status, _, complaint = await say_it("/queue")
    assert status == 2
    assert "make demo KEEP=1" in complaint
