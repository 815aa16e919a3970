"""A person at a terminal types commands into a running sandbox."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from sandbox import say
from sandbox.discord import FakeDiscord, Guild
from sandbox.discord.control import Control
from sandbox.discord.interactions import FIRST_ANSWER_SECONDS
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
        status, _, complaint = await say_it("/")
        assert (status, "type a command; there are: /play" in complaint) == (2, True)
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


async def test_an_answer_that_is_edited_later_is_read_with_its_edit(
    discord: FakeDiscord, guild: Guild, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    app = guild.applications[0]
    guild.add_member("alice")
    address = tmp_path / "sandbox.json"

    async def say_it(*words: str) -> tuple[int, list[str]]:
        status = await asyncio.to_thread(say.main, ["--address-file", str(address), *words])
        return status, capsys.readouterr().out.splitlines()

    refusals: list[asyncio.Task[object]] = []

    async with rest(discord, app) as client, Control(discord, address):

        async def refuse(interaction: dict[str, Any]) -> None:
            path = f"/webhooks/{interaction['application_id']}/{interaction['token']}/messages/@original"
            refused = {"content": "I can't play that."}
            async with asyncio.timeout(FIRST_ANSWER_SECONDS):
                while (await client.call("PATCH", path, refused))[0] == 404:  # it overtook the first answer
                    continue

        async def answer(interaction: dict[str, Any]) -> web.Response:
            refusals.append(asyncio.create_task(refuse(interaction)))
            return await says("Queued")(interaction)

        async with front_door(app, answer) as door:
            await register(client, app)
            await client.call("PATCH", "/applications/@me", {"interactions_endpoint_url": door.url})
            assert await say_it("/play http://a/b.webm") == (0, ["Queued", "now: I can't play that."])
        await asyncio.gather(*refusals)


async def test_a_second_sandbox_in_the_same_place_leaves_the_first_one_its_address(
    discord: FakeDiscord, guild: Guild, tmp_path: Path
) -> None:
    address = tmp_path / "sandbox.json"
    async with Control(discord, address) as first:
        async with Control(discord, address) as second:
            assert second.address_file != address
            assert second.url in second.address_file.read_text()
            assert first.url in address.read_text()
        assert not second.address_file.exists()
        assert first.url in address.read_text()


async def test_an_address_that_a_killed_sandbox_left_behind_is_written_over(
    discord: FakeDiscord, guild: Guild, tmp_path: Path
) -> None:
    address = tmp_path / "sandbox.json"
    address.write_text('{"control_url": "http://127.0.0.1:9"}')
    async with Control(discord, address) as control:
        assert control.address_file == address
        assert control.url in address.read_text()
