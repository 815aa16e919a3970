"""Makes one guild's wishes come true: compares wanted with actual, acts, and compares again.

Nothing here remembers anything that matters: a worker that dies at any line is replaced by one that reads the same
wanted state and starts from whatever is actual then.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Protocol

from timmybot.domain.change import Change
from timmybot.domain.crash_record import CrashRecord
from timmybot.domain.guild_state import GuildState, Loop
from timmybot.domain.ids import ChannelId, Epoch, PlayId
from timmybot.domain.sound import Loudness
from timmybot.domain.track import Track
from timmybot.domain.wording import failed, named
from timmybot.ports.guild_store import Fenced, GuildStore, VersionConflict
from timmybot.ports.voice import Player, PlayerStatus, VoiceError
from timmybot.services.loudness import KnownLoudness
from timmybot.services.moving_on import Over, move_on, retire, stop
from timmybot.services.new_id import NewId
from timmybot.services.once import Once
from timmybot.services.persistence import Persistence
from timmybot.services.plan import (
    Action,
    Advance,
    Follow,
    GiveUp,
    GoAway,
    Join,
    Leave,
    LetGo,
    Pause,
    Play,
    Prepare,
    Rest,
    Resume,
    RetryAlone,
    SkipCulprit,
    Tell,
    TryAgain,
    Tune,
    next_action,
)
from timmybot.services.resolve import Resolving
from timmybot.services.right import Right
from timmybot.services.source_patience import SourcePatience
from timmybot.services.spinning import STOPPED_REPEATING, Spinning
from timmybot.services.trials import Trial

log = logging.getLogger(__name__)

_STEPS = 50
"""Actions in one go. Far more than any wish needs; a wish that is never satisfied must not keep the loop busy."""


class LastPosition(Protocol):
    """Where a playing was by the word of other workers, in milliseconds. ``rate``: how many seconds of the track a
    second brings, none if it was paused."""

    def __call__(self, play_id: PlayId, *, rate: float) -> int | None: ...


class Reconciler:
    """Reconciles the guild that ``store`` and ``player`` were opened for.

    ``connected`` returns once the shard's gateway session is up; ``last_position`` knows where a playing was by
    the heartbeat of whoever played it before; ``was_left_behind`` tells of an epoch whether a worker has died since,
    without handing over.
    """

    def __init__(
        self,
        store: GuildStore,
        player: Player,
        resolving: Resolving,
        right: Right,
        *,
        connected: Callable[[], Awaitable[None]],
        last_position: LastPosition,
        persistence: Persistence,
        source_patience: SourcePatience,
        loudness: KnownLoudness,
        new_id: NewId,
        trial: Trial,
        was_left_behind: Callable[[Epoch], bool],
    ) -> None:
        self._store = store
        self._player = player
        self._resolving = resolving
        self._right = right
        self._connected = connected
        self._last_position = last_position
        self._persistence = persistence
        self._source_patience = source_patience
        self._known_loudness = loudness
        self._new_id = new_id
        self._trial = trial
        self._was_left_behind = was_left_behind
        self._leaving = Once(new_id)
        self._spinning = Spinning()
        self._silenced = False
        self._loudness: tuple[PlayId, Loudness | None] | None = None
        """The playing, and how loud its track was known to be when it began: what is learned later is for later."""
        self._prepared: tuple[PlayId, int] | None = None
        """The playing, and the version of what was wanted, when what follows was last prepared."""

    async def reconcile(self) -> GuildState:
        """Act until wanted and actual agree, and return what is wanted then.

        Raises ``NoRight``, ``Fenced``, ``StoreUnavailable`` and ``GatewayRefused``; what a track or a voice channel
        does wrong is told to the guild instead.
        """
        for _ in range(_STEPS):
            epoch = self._right()
            wanted = await self._store.claim(epoch, taking=self._taking)
            actual = self._actual()
            crashes = self._trial.verdict(wanted, actual)
            action = next_action(wanted, actual, loudness=self._loudness_of_playing(wanted))
            if isinstance(action, Rest) and crashes is None:
                break
            log.info("guild %d: %s", self._store.guild_id, action if crashes is None else crashes)
            self._right()  # The process may have stood still between the claim and its answer.
            try:
                if crashes is not None:
                    await self._write_down(crashes, wanted)
                elif not await self._act(action, wanted):
                    break
            except VersionConflict:
                continue
            except Fenced:
                if self._right() == epoch:
                    raise
                # This worker has taken its own shard anew meanwhile: the guild is to be claimed under the new epoch.
        return wanted

    def silence(self) -> None:
        """Send nothing more until the right to this guild is confirmed and the next reconcile plays it again."""
        self._player.mute()
        self._silenced = True

    async def let_go(self) -> None:
        """The guild is another worker's: be silent at once, and give up the call without a word to Discord."""
        self.silence()
        await self._player.close()

    async def save_position(self) -> None:
        """Write the player's place into the state, so that it outlives every heartbeat."""
        status = self._player.status()
        if status.play_id is None:
            return
        while True:
            wanted = await self._store.claim(self._right(), taking=self._taking)
            saved = wanted.save_position(status.play_id, status.position_ms)
            saved = replace(saved, crashes=saved.crashes.put_off())
            if saved == wanted:
                return
            try:
                await self._store.commit(Change(saved), epoch=self._right())
            except VersionConflict:
                continue
            return

    def close(self) -> None:
        """Let what was to be done later be forgotten."""
        self._persistence.close()
        self._source_patience.close()
        self._trial.close()

    def _taking(self, left: GuildState) -> GuildState:
        """What a guild's state becomes with the claim: its worker's death counts, whatever it may have died of."""
        if left.play_id is None or not self._was_left_behind(left.epoch):
            return left
        told = self._last_position(left.play_id, rate=0.0)
        return left.after_a_death(max(left.position_ms, told or 0))

    async def _write_down(self, crashes: CrashRecord, wanted: GuildState) -> None:
        """What became of a suspect that was tried."""
        if wanted.paused:
            self.silence()  # It is tried again when it is resumed.
        await self._store.commit(Change(replace(wanted, crashes=crashes)), epoch=self._right())

    def _actual(self) -> PlayerStatus:
        status = self._player.status()
        return replace(status, play_id=None, ending=None) if self._silenced else status

    async def _loudness_of(self, track: Track, wanted: GuildState) -> Loudness | None:
        """``None`` if it is not known, or not to be corrected."""
        settings = wanted.settings
        if settings.target_lufs is None:
            return None
        loudness = await self._known_loudness.look_up(track)
        merely_corrected = settings.sound(None).untouched and not settings.sound(loudness).untouched
        if merely_corrected and not self._known_loudness.may_correct(is_transcoded=self._player.status().is_transcoded):
            return None
        return loudness

    def _loudness_of_playing(self, wanted: GuildState) -> Loudness | None:
        known = self._loudness
        return known[1] if known is not None and known[0] == wanted.play_id else None

    async def _act(self, action: Action, wanted: GuildState) -> bool:
        """Return whether to look again at once; if not, whatever is waited for will nudge."""
        match action:
            case Leave():
                await self._player.leave()
            case Pause() | Resume() | Tune():
                self._adjust(action)
            case GiveUp(why):
                await self._give_up(wanted, why)
            case GoAway(why):
                await self._go_away(wanted, why)
            case LetGo(why, away):
                return await self._let_go(wanted, why, away=away)
            case Tell(notices):
                await self._pass_on(notices)
            case Prepare(play_id=over):
                return await self._prepare(over, wanted)
            case Advance(over, trouble):
                await self._advance(over, trouble, wanted)
            case RetryAlone() | SkipCulprit() | TryAgain():
                return await self._after_trouble(action, wanted)
            case Join(channel_id):
                return await self._join(channel_id, wanted)
            case Follow(channel_id):
                return await self._follow(channel_id, wanted)
            case Play(play_id=play_id):
                return await self._play(play_id, wanted)
        return True

    def _adjust(self, action: Pause | Resume | Tune) -> None:
        match action:
            case Pause():
                self._player.pause()
            case Resume():
                self._player.resume()
            case Tune(sound):
                self._player.set_sound(sound)

    async def _pass_on(self, notices: tuple[str, ...]) -> None:
        self._player.heard(notices)
        for notice in notices:
            await self._resolving.tell(notice)

    async def _join(self, channel_id: ChannelId, wanted: GuildState) -> bool:
        if not self._persistence.may_try(wanted.version):
            return False
        meanwhile = asyncio.create_task(self._look_meanwhile(wanted), name="look while joining")
        joined = False
        try:
            await self._connected()
            self._right()
            await self._player.join(channel_id)
            joined = True
        except VoiceError as error:
            wanted = await self._store.claim(
                self._right(), taking=self._taking
            )  # it took a while, and what is to play is known by now
            if not wanted.wants_player or wanted.voice_channel_id != channel_id:
                return True
            if not error.lasting:
                return await self._later(wanted, str(error), away=error.away)
            await self._go_away(wanted, str(error))
            return True
        finally:
            meanwhile.cancel()
            await asyncio.gather(meanwhile, return_exceptions=True)
            if not joined:
                self._player.prepare(None)
        self._persistence.succeeded()
        return True

    async def _look_meanwhile(self, wanted: GuildState) -> None:
        """Find out what is to be played, and open it, in the time that joining takes: ``play`` then finds it there."""
        assert wanted.current is not None
        assert wanted.play_id is not None
        entry = await self._store.entry(wanted.current, of=wanted)
        if entry is None or (entry := await self._resolving.resolved(entry)) is None:
            return
        loudness = await self._loudness_of(entry.track, wanted)
        if wanted.crashes.is_opened_with_care:
            return
        if self._player.status().play_id is None and self._place(wanted.play_id, wanted) == 0:
            self._player.prepare(entry.track, wanted.settings.sound(loudness))

    async def _later(self, wanted: GuildState, why: str, *, away: bool) -> bool:
        """Join again after a while, unless it has been tried for long enough.

        A Discord that is ``away`` is waited for without an end, as nobody needs to have a look at the channel; nor
        could anybody be told.
        """
        if away:
            self._persistence.waits(wanted.version)
            return False
        if self._persistence.is_over:
            await self._go_away(wanted, f"{why} I have tried for some minutes.")
            return True
        if self._persistence.failed(wanted.version):
            await self._resolving.tell(f"{why} I keep trying for some minutes, and the queue waits.")
        return False

    async def _go_away(self, wanted: GuildState, why: str) -> None:
        await self._once(wanted, Change(self._placed(wanted).go_away()))
        self._persistence.succeeded()
        await self._player.leave()
        await self._tell(wanted, f"{why} The queue is kept: `/resume` brings me back.")

    async def _let_go(self, wanted: GuildState, why: str, *, away: bool) -> bool:
        placed = self._placed(wanted)
        if placed != wanted:
            wanted = await self._store.commit(Change(placed), epoch=self._right())
        await self._player.leave()
        return await self._later(wanted, why, away=away)

    def _placed(self, wanted: GuildState) -> GuildState:
        """With the place of the player, which forgets it when it leaves."""
        status = self._player.status()
        return wanted if status.play_id is None else wanted.save_position(status.play_id, status.position_ms)

    async def _follow(self, channel_id: ChannelId, wanted: GuildState) -> bool:
        if wanted.voice_channel_id != channel_id:
            wanted = await self._store.commit(Change(replace(wanted, voice_channel_id=channel_id)), epoch=self._right())
        return await self._join(channel_id, wanted)

    async def _play(self, play_id: PlayId, wanted: GuildState) -> bool:
        assert wanted.current is not None
        entry = await self._store.entry(wanted.current)
        if entry is None:
            await self._advance(play_id, "A track had vanished from the queue.", wanted)
            return True
        if not entry.track.resolved:
            # What played before is not wanted any more, and looking takes long: no command is to wait for it.
            if self._player.status().play_id is not None:
                self.silence()
            self._resolving.look_at(entry)
            return False
        loudness = await self._loudness_of(entry.track, wanted)
        self._right()
        if wanted.crashes.is_suspect:
            if not self._trial.may_begin(wanted, self._place(play_id, wanted)):
                if self._player.status().play_id is not None:
                    self.silence()
                return False
            marked = replace(wanted, crashes=wanted.crashes.tried())
            wanted = await self._store.commit(Change(marked), epoch=self._right())
            self._right()
        self._silenced = False
        self._loudness = play_id, loudness
        await self._player.play(
            play_id,
            entry.track,
            position_ms=self._place(play_id, wanted),
            paused=wanted.paused,
            sound=wanted.settings.sound(loudness),
            alone=wanted.crashes.is_decoded_alone,
        )
        return True

    async def _after_trouble(self, action: RetryAlone | SkipCulprit | TryAgain, wanted: GuildState) -> bool:
        """Record a crash before the track is played again: no successor is to begin with it again."""
        match action:
            case TryAgain(play_id, trouble):
                return await self._try_again(play_id, trouble, wanted)
            case RetryAlone(play_id):
                crashed = self._placed(replace(wanted, crashes=wanted.crashes.after_a_decoders_crash()))
                return await self._play(play_id, await self._store.commit(Change(crashed), epoch=self._right()))
            case SkipCulprit(over, why):
                assert wanted.current is not None
                entry = await self._store.entry(wanted.current, of=wanted)
                name = named(entry.track) if entry else "a track"
                await self._advance(over, f"I skipped {name}: {why}", wanted, is_named=True)
        return True

    async def _try_again(self, play_id: PlayId, trouble: str, wanted: GuildState) -> bool:
        """Play on where the source was lost. A track that is left at last leaves no loop for it."""
        status = self._player.status()
        if self._source_patience.may_try(play_id, status.position_ms, status.connected_seconds):
            return await self._play(play_id, wanted)
        if not self._source_patience.is_over:
            if self._source_patience.is_to_be_told():
                why = trouble.removesuffix(" Try again later.").removesuffix(" Check the address and try again.")
                await self._resolving.tell(await self._named(wanted, f"{why} I keep trying.", status))
            return False
        if wanted.loop is Loop.OFF:
            self._source_patience.forget()
            await self._advance(play_id, trouble, wanted)
            return True
        sentence = await self._named(wanted, f"{trouble} It stays in the loop.", status)
        await self._advance(play_id, None, wanted, is_played=False)
        if self._source_patience.gives_up():
            await self._resolving.tell(sentence)
        return True

    async def _named(self, wanted: GuildState, trouble: str, status: PlayerStatus) -> str:
        entry = await self._store.entry(wanted.current, of=wanted) if wanted.current else None
        return failed(entry.track, trouble, status.position_ms) if entry else trouble

    async def _prepare(self, over: PlayId, wanted: GuildState) -> bool:
        """Have the next track ready. It is looked for again whenever what is wanted has changed meanwhile.

        Not while it is in doubt what a worker died of: of two that are open, it might be the one that is not marked.
        """
        if wanted.crashes.is_in_doubt(self._player.status().position_ms):
            return False
        if self._prepared != (over, wanted.version):
            self._prepared = (over, wanted.version)
            _, following = await move_on(self._store, wanted, over, Over.ENDED, self._new_id)
            if following is not None and not following.track.resolved:
                self._prepared = None
                self._resolving.look_at(following)
                following = None
            loudness = await self._loudness_of(following.track, wanted) if following else None
            self._player.prepare(following.track if following else None, wanted.settings.sound(loudness))
        return False

    def _place(self, play_id: PlayId, wanted: GuildState) -> int:
        """Where to go on. A playing's place only grows, so the latest word is the largest."""
        status = self._player.status()
        own = status.position_ms if status.play_id == play_id else 0
        told = self._last_position(play_id, rate=0.0 if wanted.paused else wanted.settings.sound(None).rate)
        return max(own, wanted.position_ms, told or 0)

    async def _advance(
        self,
        over: PlayId,
        trouble: str | None,
        wanted: GuildState,
        *,
        is_named: bool = False,
        is_played: bool = True,
    ) -> None:
        """``is_named``: ``trouble`` names the track already. Without ``is_played`` nobody could tell how long it is."""
        status = self._player.status()
        if trouble is None and is_played and self._spinning.is_out_of_hand(wanted, over, status.position_ms):
            trouble = STOPPED_REPEATING
        elif trouble is not None and not is_named and status.play_id == over and wanted.current is not None:
            trouble = await self._named(wanted, trouble, status)
        why = Over.FAILED if trouble else Over.ENDED
        change, _ = await move_on(self._store, wanted, over, why, self._new_id)
        with self._resolving.reporting(wanted.current if trouble else None):
            await self._store.commit(change, epoch=self._right())
            if wanted.current and change.state.current != wanted.current:
                await retire(self._store, wanted.current, wanted)
            if trouble and wanted.current:
                await self._resolving.report(wanted.current, trouble)

    async def _give_up(self, wanted: GuildState, why: str | None) -> None:
        await self._once(wanted, await stop(self._store, wanted))
        await self._player.leave()
        if why:
            await self._tell(wanted, f"{why} `/undo` brings the queue back.")

    async def _once(self, wanted: GuildState, change: Change) -> None:
        """Commit that the player leaves, unless it was committed before and nobody heard of it."""
        if not self._leaving.is_done(wanted):
            marked = replace(change, state=self._leaving.marked(change.state))
            await self._store.commit(marked, epoch=self._right())
        self._leaving.over()

    async def _tell(self, wanted: GuildState, sentence: str) -> None:
        if wanted.current:
            await self._resolving.report(wanted.current, sentence)
