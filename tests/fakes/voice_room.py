"""Players that play nothing but remember what they were told, one room per test."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from timmybot.domain.ids import ChannelId, GuildId, PlayId
from timmybot.domain.track import Track
from timmybot.ports.track_source import AS_IT_IS, Sound
from timmybot.ports.voice import Ending, Player, Players, PlayerStatus, VoiceError


@dataclass
class FakePlayer(Player):
    """One guild's player. ``refusal`` makes joining fail, for a while if ``passing``; tests end playings by hand."""

    changed: Callable[[], object]
    refusal: str | None = None
    passing: bool = False
    away: bool = False
    """Whether the refusal is that Discord cannot be reached."""
    door: asyncio.Event | None = None
    """Joining takes until it is set."""
    muted: bool = False
    told: list[str] = field(default_factory=list)
    prepared_sound: Sound = AS_IT_IS
    _status: PlayerStatus = field(default_factory=PlayerStatus)

    def status(self) -> PlayerStatus:
        return self._status

    async def join(self, channel_id: ChannelId) -> None:
        self.told.append(f"join {channel_id}")
        if self.door is not None:
            await self.door.wait()
        if self.refusal:
            raise VoiceError(self.refusal, lasting=not (self.passing or self.away), away=self.away)
        self._status = replace(self._status, channel_id=channel_id, connected_seconds=1e9, moved=False)

    async def play(
        self,
        play_id: PlayId,
        track: Track,
        *,
        position_ms: int,
        paused: bool,
        sound: Sound = AS_IT_IS,
        alone: bool = False,
    ) -> None:
        self.told.append(f"play {track.name} from {position_ms}{' alone' if alone else ''}")
        self.muted = False
        self._status = replace(
            self._status,
            play_id=play_id,
            position_ms=position_ms,
            paused=paused,
            sound=sound,
            alone=alone,
            ending=None,
            trouble=None,
        )

    def prepare(self, track: Track | None, sound: Sound = AS_IT_IS) -> None:
        self.told.append(f"prepare {track.name if track else None}")
        self.prepared_sound = sound

    def set_sound(self, sound: Sound) -> None:
        self.told.append("sound")
        self._status = replace(self._status, sound=sound)

    def heard(self, notices: tuple[str, ...]) -> None:
        self._status = replace(self._status, notices=())

    def pause(self) -> None:
        self.told.append("pause")
        self._status = replace(self._status, paused=True)

    def resume(self) -> None:
        self.told.append("resume")
        self._status = replace(self._status, paused=False)

    def mute(self) -> None:
        self.told.append("mute")
        self.muted = True

    async def leave(self) -> None:
        self.told.append("leave")
        self._status = PlayerStatus()

    async def close(self) -> None:
        self.told.append("close")
        self._status = PlayerStatus()

    @property
    def sounds(self) -> bool:
        """Whether a listener would hear something now."""
        status = self._status
        return bool(status.channel_id and status.play_id) and not (self.muted or status.paused or status.ending)

    def reach(self, position_ms: int) -> None:
        self._status = replace(self._status, position_ms=position_ms)

    def end(self, ending: Ending = Ending.FINISHED, trouble: str | None = None, *, at_ms: int | None = None) -> None:
        """What plays is over, ``at_ms`` or after a minute at least."""
        at_ms = max(self._status.position_ms, 60_000) if at_ms is None else at_ms
        self._status = replace(self._status, ending=ending, trouble=trouble, position_ms=at_ms)
        self.changed()

    def near_its_end(self) -> None:
        self._status = replace(self._status, ends_soon=True)
        self.changed()

    def move(self, channel_id: ChannelId) -> None:
        self._status = replace(self._status, channel_id=channel_id, moved=True)
        self.changed()

    def get_stuck(self) -> None:
        self._status = replace(self._status, stuck=True)
        self.changed()

    def kick(self) -> None:
        why = "I was disconnected from the voice channel, so I stopped."
        self._status = replace(self._status, channel_id=None, kicked=True, trouble=why)
        self.changed()


class FakePlayers(Players):
    def __init__(self) -> None:
        self._players: dict[GuildId, FakePlayer] = {}
        self._changed: Callable[[GuildId], object] = lambda _: None
        self.standing_still = 0.0
        """For how long the thread that sends for all of them has been hanging, in seconds."""

    def open(self, guild_id: GuildId) -> FakePlayer:
        if guild_id not in self._players:
            self._players[guild_id] = FakePlayer(lambda: self._changed(guild_id))
        return self._players[guild_id]

    def statuses(self) -> dict[GuildId, PlayerStatus]:
        known = {guild: player.status() for guild, player in self._players.items()}
        return {guild: status for guild, status in known.items() if status != PlayerStatus()}

    def figures(self) -> dict[str, float]:
        return {"FramesSent": 50.0 * sum(player.sounds for player in self._players.values())}

    def stalled_seconds(self) -> float:
        return self.standing_still

    def on_change(self, changed: Callable[[GuildId], object]) -> None:
        self._changed = changed
