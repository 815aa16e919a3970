"""One guild with everything a command needs, in memory."""

from __future__ import annotations

import itertools

from tests.fakes.clock import FakeClock
from tests.fakes.discord import FakeDiscordRest
from tests.fakes.stores import FakeGuildStores, FakeInbox, FakeLeaseStore
from tests.fakes.surroundings import FakeMetrics, FakeScaler
from timmybot.domain.ids import ChannelId, GuildId, InteractionId, UserId
from timmybot.domain.own_rights import ALL_RIGHTS, OwnRights
from timmybot.domain.standing import NOBODY_IN_PARTICULAR, Standing
from timmybot.services.answering import Answer, Answering
from timmybot.services.invocation import Invocation
from timmybot.services.wake import Waking
from timmybot.settings import Settings

GUILD = GuildId(3 << 22)
OTHER_GUILD = GuildId(11 << 22)
ALICE, BOB = UserId(1), UserId(2)
VOICE, TEXT = ChannelId(77), ChannelId(78)
SONG, SECOND_SONG = "https://radio.example/one.ogg", "https://radio.example/two.ogg"


class FrontOfHouse:
    """Members in voice channels who give commands, and the stores that the commands write to."""

    def __init__(self, settings: Settings | None = None, clock: FakeClock | None = None) -> None:
        self.settings = settings or Settings()
        self.clock = clock or FakeClock()
        self.guilds = FakeGuildStores(self.clock, self.settings.shard_count)
        self.leases = FakeLeaseStore(self.clock)
        self.inbox = FakeInbox()
        self.rest = FakeDiscordRest()
        self.scaler = FakeScaler()
        self.metrics = FakeMetrics()
        for guild in (GUILD, OTHER_GUILD):
            for user in (ALICE, BOB):
                self.rest.whereabouts[guild, user] = VOICE
        self._ids = itertools.count(1)
        self._interactions = itertools.count(900)
        self.answering = Answering(
            guilds=self.guilds,
            leases=self.leases,
            inbox=self.inbox,
            members=self.rest,
            waking=Waking(self.leases, self.scaler, self.metrics, self.clock, self.settings),
            clock=self.clock,
            new_id=self.new_id,
            settings=self.settings,
        )

    def new_id(self) -> str:
        return f"id{next(self._ids):04d}"

    async def says(self, command: str, *, guild: GuildId = GUILD, user: UserId = ALICE, **options: str) -> Answer:
        invocation = self.invocation(command, guild=guild, user=user, **options)  # type: ignore[arg-type]
        return await self.answering.answer(invocation)

    def invocation(
        self,
        command: str,
        *,
        guild: GuildId = GUILD,
        user: UserId = ALICE,
        standing: Standing = NOBODY_IN_PARTICULAR,
        own_rights: OwnRights = ALL_RIGHTS,
        **options: str,
    ) -> Invocation:
        return Invocation(
            interaction_id=InteractionId(next(self._interactions)),
            application_id=5,
            guild_id=guild,
            channel_id=TEXT,
            user_id=user,
            command=command,
            options=options,
            token="an-interaction-token",
            standing=standing,
            own_rights=own_rights,
        )
