"""A player that should be heard and is not is healed by the watchdog that runs beside it, against the fake Discord.

Nobody else acts here: the source gives nothing any more, or what is sent is held up, and nobody says a word of it.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import pytest

from tests.integration.voice.call import Call, playing
from tests.integration.voice.mute import keys_never_come, source_goes_dry
from tests.integration.voice.scene import SONG, Scene, until
from timmybot.adapters.discord_voice.machine import Happening, State
from timmybot.adapters.discord_voice.player import VoicePlayer
from timmybot.adapters.discord_voice.watchdog import Step, Watchdog
from timmybot.domain.ids import GuildId, PlayId
from timmybot.ports.voice import Ending

PACE = 3.0
"""How much faster than the world's the bot's clock goes."""
TOLD: Final = ("connected to the voice channel again", "cannot be heard here although I am connected")


async def playing_fast(scene: Scene) -> Call:
    scene.pace = PACE
    return await playing(scene)


async def test_a_source_that_gives_nothing_any_more_is_opened_again(scene: Scene) -> None:
    call = await playing_fast(scene)
    call.fault()
    source_goes_dry(call)
    await call.music_again()
    assert call.bot.players.watchdog.steps == {Step.REOPENED: 1}
    assert call.status.notices == ("The music had stopped because its source sent nothing; I opened it again.",)


async def test_a_connection_over_which_nothing_goes_is_made_anew(scene: Scene) -> None:
    scene.gate.stand_before(scene.discord.voice)
    call = await playing_fast(scene)
    call.fault()
    await keys_never_come(call)
    await call.steps((State.UP, Happening.STUCK))
    await call.music_again()
    assert call.bot.players.watchdog.steps == {Step.RECONNECTED: 1}
    assert "connected to the voice channel again" in call.status.notices[0]


async def test_a_server_that_listens_on_another_port_now_is_connected_to_anew(scene: Scene) -> None:
    """Its websocket is up and well, and what the system says of the old port is that every other send succeeds."""
    call = await playing_fast(scene)
    call.fault()
    scene.discord.voice.udp.move()
    await call.music_again()
    assert call.bot.players.watchdog.steps == {Step.RECONNECTED: 1}
    assert call.player.counters.unreached > 0


async def test_a_skip_while_nothing_goes_out_does_not_hide_that_from_it(scene: Scene) -> None:
    """What a member does who hears nothing. The track before cannot fade out, as its frames are held."""
    scene.gate.stand_before(scene.discord.voice)
    call = await playing_fast(scene)
    call.fault()
    await keys_never_come(call)
    await call.player.play(PlayId("second"), SONG, position_ms=0, paused=False)
    await call.music_again()
    assert call.bot.players.watchdog.steps == {Step.RECONNECTED: 1}
    assert call.status.play_id == "second"


async def test_a_source_that_stays_dry_ends_the_track_step_by_step(scene: Scene) -> None:
    call = await playing_fast(scene)
    call.fault()
    source_goes_dry(call, for_good=True)
    status = await call.is_told(lambda status: bool(status.notices), "a word")
    assert "source sent nothing" in status.notices[0]
    await until(lambda: call.status.ending is Ending.AWAY, "its end")
    assert "sends nothing any more" in (call.status.trouble or "")
    assert call.bot.players.watchdog.steps == {Step.REOPENED: 1, Step.RECONNECTED: 1, Step.STUCK: 1}
    assert call.bot.players.figures()["PlayersHealed"] == 3


async def test_a_connection_that_stays_mute_is_another_workers_to_try_and_is_told_of(scene: Scene) -> None:
    scene.gate.stand_before(scene.discord.voice)
    call = await playing_fast(scene)
    call.fault()
    await keys_never_come(call)
    await call.steps((State.UP, Happening.STUCK), (State.CONNECTING, Happening.CONNECTED))
    await keys_never_come(call)
    status = await call.is_told(lambda status: status.stuck, "being stuck")
    assert [sentence in notice for sentence, notice in zip(TOLD, status.notices, strict=True)] == [True, True]
    assert call.bot.players.watchdog.steps == {Step.RECONNECTED: 1, Step.STUCK: 1}


@pytest.mark.parametrize("fault", ["goes dry", "keys never come", "server moves"])
async def test_negative_control_without_the_watchdog_it_stays_silent(scene: Scene, fault: str) -> None:
    scene.gate.stand_before(scene.discord.voice)
    call = await playing_fast(scene)
    call.bot.players.watchdog = Asleep()
    match fault:
        case "goes dry":
            source_goes_dry(call)
        case "keys never come":
            await keys_never_come(call)
        case "server moves":
            scene.discord.voice.udp.move()
    call.fault()
    with pytest.raises(AssertionError, match="alice hears nothing"):
        await call.music_again()
    assert call.status.notices == ()


class Asleep(Watchdog):
    """The watchdog, switched off."""

    def look(self, players: Iterable[tuple[GuildId, VoicePlayer]], passed_seconds: float) -> None:
        pass
