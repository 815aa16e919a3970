"""What a guild has chosen: how it is told, who may choose, and that it is heard."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.fakes.guild import GUILD, OTHER_GUILD, SECOND_SONG, SONG, FrontOfHouse
from tests.fakes.voice_room import FakePlayer
from tests.fakes.workers import FakeWorker, Theatre
from timmybot.domain.guild_settings import GuildSettings
from timmybot.domain.ids import GuildId, RoleId
from timmybot.domain.own_rights import SEND_MESSAGES as SEND
from timmybot.domain.own_rights import VIEW_CHANNEL as VIEW
from timmybot.domain.own_rights import OwnRights
from timmybot.domain.sound import AS_IT_IS, Effect, Sound
from timmybot.domain.standing import ADMINISTRATOR, MANAGE_GUILD, Standing
from timmybot.services.answering import Answer
from timmybot.services.invocation import BadPayload, parse

DJ = RoleId(55)
MANAGER = Standing(permissions=MANAGE_GUILD)
CHANGING = ("play", "skip", "previous", "pause", "resume", "stop", "loop", "undo", "remove", "move", "shuffle", "clear")
LOOKING = ("queue", "nowplaying", "history", "settings")
OPTIONS = {
    "play": {"url": SONG},
    "loop": {"mode": "off"},
    "remove": {"position": "1"},
    "move": {"position": "1", "to": "1"},
    "volume": {"percent": "50"},
    "speed": {"percent": "125"},
    "filter": {"name": "bass"},
}


async def says(house: FrontOfHouse, command: str, standing: Standing, **options: str) -> Answer:
    return await house.answering.answer(house.invocation(command, standing=standing, **options))  # type: ignore[arg-type]


async def chosen(house: FrontOfHouse, guild: GuildId = GUILD) -> GuildSettings:
    return (await house.guilds.open(guild).state()).settings


async def test_what_is_chosen_is_told_and_stays_whatever_becomes_of_the_queue() -> None:
    house = FrontOfHouse()
    assert (await house.says("volume", percent="80")).content == "The volume is 80 % from now on."
    await house.says("speed", percent="125")
    await house.says("filter", name="bass")
    await says(house, "settings", MANAGER, loudness="-20", leave_after="30", dj=str(DJ))
    await says(house, "play", MANAGER, url=SONG)
    await says(house, "stop", MANAGER)
    assert await chosen(house) == GuildSettings(80, 125, Effect.BASS, -20, 30, DJ)
    told = (await house.says("settings")).content
    for word in ("80 %", "125 %", "bass", "-20 LUFS", "30 minutes", f"<@&{DJ}>"):
        assert word in told
    assert (await house.says("volume")).content == "The volume is 80 %."
    assert await chosen(house, OTHER_GUILD) == GuildSettings(), "it is one guild's own"


async def test_nobody_is_woken_for_a_choice() -> None:
    house = FrontOfHouse()
    await house.says("volume", percent="80")
    await says(house, "settings", MANAGER, leave_after="30")
    assert house.scaler.woken == 0


@pytest.mark.parametrize(
    ("command", "options", "reason"),
    [
        ("volume", {"percent": "201"}, "from 0 to 200"),
        ("volume", {"percent": "-1"}, "has to be a number"),
        ("speed", {"percent": "49"}, "from 50 to 200"),
        ("filter", {"name": "echo"}, "`nightcore`"),
        ("settings", {"loudness": "-99"}, "`off`"),
        ("settings", {"loudness": "--1"}, "`off`"),
        ("settings", {"leave_after": "1441"}, "from 0 to 1440"),
        ("settings", {"dj": "everyone"}, "role"),
    ],
)
async def test_what_makes_no_sense_is_refused_with_the_reason(
    command: str, options: dict[str, str], reason: str
) -> None:
    house = FrontOfHouse()
    answer = await says(house, command, MANAGER, **options)
    assert reason in answer.content
    assert answer.ephemeral
    assert await chosen(house) == GuildSettings()


async def test_settings_are_changed_by_who_may_manage_the_server_and_by_nobody_else() -> None:
    house = FrontOfHouse()
    refused = await says(house, "settings", Standing(frozenset({DJ})), leave_after="30")
    assert "Manage Server" in refused.content
    assert await chosen(house) == GuildSettings()
    await says(house, "settings", Standing(permissions=ADMINISTRATOR), leave_after="0")
    assert (await chosen(house)).alone_seconds == float("inf")


class TestADjRole:
    @pytest.fixture
    async def house(self) -> FrontOfHouse:
        made = FrontOfHouse()
        for url in (SONG, SECOND_SONG, SONG):
            await made.says("play", url=url)
        await says(made, "settings", MANAGER, dj=str(DJ))
        return made

    @pytest.mark.parametrize("command", [*CHANGING, "volume", "speed", "filter"])
    async def test_keeps_others_from_changing_what_plays_and_waits(self, house: FrontOfHouse, command: str) -> None:
        before = await house.guilds.open(GUILD).state()
        answer = await says(house, command, Standing(frozenset({RoleId(56)})), **OPTIONS.get(command, {}))
        assert answer.content == f"Only members with the role <@&{DJ}> may do that here. Ask one of them."
        assert answer.ephemeral
        assert await house.guilds.open(GUILD).state() == before

    @pytest.mark.parametrize("who", [Standing(frozenset({DJ})), MANAGER, Standing(permissions=ADMINISTRATOR)])
    async def test_lets_djs_and_managers_through(self, house: FrontOfHouse, who: Standing) -> None:
        assert (await says(house, "skip", who)).content.startswith("Skipped")

    @pytest.mark.parametrize("command", LOOKING)
    async def test_keeps_nobody_from_looking(self, house: FrontOfHouse, command: str) -> None:
        assert "Only members" not in (await house.says(command)).content

    async def test_is_taken_back_by_choosing_everyone(self, house: FrontOfHouse) -> None:
        await says(house, "settings", MANAGER, dj=str(GUILD))
        assert (await house.says("skip")).content.startswith("Skipped")


class TestASound:
    @pytest.fixture
    async def player(self, theatre: Theatre, worker: FakeWorker) -> FakePlayer:
        await theatre.says("play", url=SONG)
        await theatre.clock.advance(1)
        return worker.player(GUILD)

    async def test_is_heard_at_once_in_what_plays_and_in_what_follows(
        self, theatre: Theatre, player: FakePlayer
    ) -> None:
        assert player.status().sound == AS_IT_IS
        await theatre.says("volume", percent="80")
        await theatre.says("filter", name="nightcore")
        await theatre.clock.advance(1)
        wanted = Sound(volume_percent=80, effect=Effect.NIGHTCORE)
        assert player.status().sound == wanted
        assert player.told.count("play First *song* from 0") == 1, "nothing is begun anew"
        await theatre.says("play", url=SECOND_SONG)
        player._status = replace(player.status(), ends_soon=True)
        player.changed()
        await theatre.clock.advance(1)
        assert player.prepared_sound == wanted
        player.end()
        await theatre.clock.advance(1)
        assert "play Second song from 0" in player.told
        assert player.status().sound == wanted

    async def test_is_heard_from_another_worker_too_and_in_no_other_guild(
        self, theatre: Theatre, worker: FakeWorker, player: FakePlayer
    ) -> None:
        await theatre.says("speed", percent="150")
        await theatre.says("play", url=SONG, guild=OTHER_GUILD)
        await theatre.clock.advance(1)
        assert worker.player(OTHER_GUILD).status().sound == AS_IT_IS
        second = theatre.new_worker("two")
        await theatre.clock.advance(20)
        await worker.drained()
        await theatre.clock.advance(5)
        assert second.player(GUILD).status().sound == Sound(speed_percent=150)
        assert second.player(OTHER_GUILD).status().sound == AS_IT_IS

    async def test_alone_it_stays_as_long_as_the_guild_chose(self, theatre: Theatre, player: FakePlayer) -> None:
        await says(theatre, "settings", MANAGER, leave_after="30")
        for minutes, stays in ((29, True), (30, False)):
            player._status = replace(player.status(), alone_seconds=minutes * 60.0)
            player.changed()
            await theatre.clock.advance(1)
            assert (await theatre.guilds.open(GUILD).state()).wants_player is stays


class TestWhoAsks:
    @staticmethod
    def payload(**member: object) -> dict[str, object]:
        return {
            "type": 2,
            "id": "1",
            "application_id": "2",
            "guild_id": "3",
            "channel_id": "4",
            "token": "an-interaction-token",
            "member": {"user": {"id": "5"}, **member},
            "data": {"name": "skip"},
        }

    def test_is_read_from_the_interaction(self) -> None:
        invocation = parse(self.payload(roles=["55", "56"], permissions=str(2**70 | MANAGE_GUILD)))
        assert invocation.standing.roles == {55, 56}
        assert invocation.standing.manages
        assert parse(self.payload()).standing == Standing()

    def test_the_bots_own_rights_are_read_too(self) -> None:
        here = {"app_permissions": str(SEND | VIEW), "channel": {"id": "4", "type": 0}}
        assert parse(self.payload() | here).own_rights == OwnRights(SEND | VIEW)
        assert parse(self.payload() | here | {"channel": {"id": "4", "type": 11}}).own_rights.in_thread
        assert parse(self.payload()).own_rights.warning == ""
        with pytest.raises(BadPayload):
            parse(self.payload() | {"app_permissions": "-8"})

    @pytest.mark.parametrize(
        "member", [{"roles": "55"}, {"roles": [55]}, {"roles": ["x"]}, {"permissions": 8}, {"permissions": "-8"}]
    )
    def test_makes_sense_or_the_payload_is_refused(self, member: dict[str, object]) -> None:
        with pytest.raises(BadPayload):
            parse(self.payload(**member))
