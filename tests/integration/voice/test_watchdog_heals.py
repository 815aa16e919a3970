"""A player that should be heard and is not is healed by the watchdog that runs beside it, against the fake Discord.

Nobody else acts here: the source gives nothing any more, or what is sent is held up, and nobody says a word of it.
"""

from __future__ import annotations

import pytest

from tests.fakes.voice import FakeStream
from tests.integration.voice.call import Call, playing
from tests.integration.voice.mute import keys_never_come, source_goes_dry
from tests.integration.voice.scene import Scene, until
from timmybot.adapters.discord_voice.machine import Happening, State
from timmybot.adapters.discord_voice.watchdog import SILENT_SECONDS, Step, Watchdog
from timmybot.ports.voice import Ending

PACE = 3.0
"""How much faster than the world's the bot's clock goes."""


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


async def test_a_source_that_stays_dry_ends_the_track_step_by_step(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    call = await playing_fast(scene)
    opened = scene.source.open

    def open_dry(*arguments: object, **options: object) -> FakeStream:
        stream: FakeStream = opened(*arguments, **options)  # type: ignore[arg-type]
        stream.behind = True
        return stream

    monkeypatch.setattr(scene.source, "open", open_dry)
    call.fault()
    source_goes_dry(call)
    status = await call.is_told(lambda status: bool(status.notices), "a word")
    assert "source sent nothing" in status.notices[0]
    await until(lambda: call.status.ending is Ending.FAILED, "its end")
    assert "sends nothing any more" in (call.status.trouble or "")
    assert call.bot.players.watchdog.steps == {Step.REOPENED: 1, Step.RECONNECTED: 1, Step.STUCK: 1}


async def test_negative_control_without_the_watchdog_it_stays_silent(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Watchdog, "look", lambda *_: None)
    call = await playing_fast(scene)
    source_goes_dry(call)
    with pytest.raises(AssertionError, match="waited in vain"):
        await until(lambda: not scene.source.opened[-1].behind, "music", patience_seconds=2 * SILENT_SECONDS / PACE)
    assert call.status.notices == ()
