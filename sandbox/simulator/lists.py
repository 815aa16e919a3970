"""``/play`` with a list of tracks, until members have a command for it."""

from __future__ import annotations

from timmybot.domain.track import Track
from timmybot.services.answering import Answer, Answering, Commands
from timmybot.services.invocation import Invocation

PLAY_ALL = "play all"


class AnsweringLists(Answering):
    """Queues the tracks at ``urls``, which are separated by blanks."""

    async def _dispatch(self, invocation: Invocation, commands: Commands) -> Answer:
        if invocation.command != PLAY_ALL:
            return await super()._dispatch(invocation, commands)
        voice = await self._members.voice_channel_of(invocation.guild_id, invocation.user_id)
        assert voice is not None, "every member here is in voice"
        tracks = [Track(url) for url in invocation.options["urls"].split()]
        queued = await commands[0].play_all(tracks, user=invocation.user_id, voice=voice, text=invocation.channel_id)
        return Answer(queued + await self._tell_workers(invocation))
