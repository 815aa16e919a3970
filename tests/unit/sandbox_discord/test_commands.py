"""Commands as they are typed, and ids as they are made."""

from __future__ import annotations

from typing import Any

import pytest

from sandbox.discord import NotOffered, shard_of
from sandbox.discord.commands import fill_in
from sandbox.discord.snowflakes import Snowflakes
from sandbox.discord.typed_command import read

REGISTERED: list[dict[str, Any]] = [
    {
        "id": "1",
        "name": "play",
        "options": [{"type": 3, "name": "url", "required": True}, {"type": 4, "name": "volume"}],
    },
    {
        "id": "2",
        "name": "playlist",
        "options": [{"type": 1, "name": "save", "options": [{"type": 3, "name": "name", "required": True}]}],
    },
    {
        "id": "3",
        "name": "loop",
        "options": [
            {
                "type": 3,
                "name": "mode",
                "choices": [{"name": "Song", "value": "song"}, {"name": "Off", "value": "off"}],
            },
            {"type": 5, "name": "quiet"},
        ],
    },
]


@pytest.mark.parametrize(
    ("text", "name", "options"),
    [
        ("/play http://127.0.0.1:1/a.webm", "play", {"url": "http://127.0.0.1:1/a.webm"}),
        ("/play http://a/b 50", "play", {"url": "http://a/b", "volume": 50}),
        ("play volume:50 http://a/b", "play", {"url": "http://a/b", "volume": 50}),
        ("/playlist save my best songs", "playlist save", {"name": "my best songs"}),
        ("/loop song yes", "loop", {"mode": "song", "quiet": True}),
        ("/loop Song", "loop", {"mode": "song"}),
        ("/loop mode:OFF", "loop", {"mode": "off"}),
        ("/loop", "loop", {}),
    ],
)
def test_a_typed_line_is_read_by_what_is_registered(text: str, name: str, options: dict[str, object]) -> None:
    assert read(text, REGISTERED) == (name, options)
    assert fill_in(REGISTERED, name, options)["name"] == name.split(maxsplit=1)[0]


@pytest.mark.parametrize(
    "text", ["", " ", "/", "/stop", "/playlist", "/playlist drop x", "/play x loud", "/loop song perhaps"]
)
def test_a_line_that_fits_nothing_is_refused(text: str) -> None:
    with pytest.raises(NotOffered):
        fill_in(REGISTERED, *read(text, REGISTERED))


def test_a_choice_must_be_among_the_choices() -> None:
    with pytest.raises(NotOffered, match="not among"):
        fill_in(REGISTERED, "loop", {"mode": "forever"})


def test_a_subcommand_is_nested_as_discord_nests_it() -> None:
    data = fill_in(REGISTERED, "playlist save", {"name": "mine"})
    assert data["options"] == [{"type": 1, "name": "save", "options": [{"name": "name", "type": 3, "value": "mine"}]}]


def test_guild_ids_land_on_their_shard_and_all_ids_differ() -> None:
    snowflakes = Snowflakes(lambda: 1_790_000_000.0)
    guilds = [snowflakes.on_shard(shard, 16) for shard in range(16) for _ in range(400)]
    others = [snowflakes.next() for _ in range(10_000)]
    assert [shard_of(guild, 16) for guild in guilds] == [shard for shard in range(16) for _ in range(400)]
    assert len({*guilds, *others}) == len(guilds) + len(others)


def test_a_shard_that_does_not_exist_is_refused() -> None:
    with pytest.raises(ValueError, match="shard 16 of 16"):
        Snowflakes(lambda: 1_790_000_000.0).on_shard(16, 16)
