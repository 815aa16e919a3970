"""The small bot's end-to-end encryption: it answers as the whitepaper asks, or as a test tells it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import davey

from sandbox.discord import Application, Channel, FakeDiscord, Guild
from tests.integration.sandbox_discord.small_bot import Call, Json, Wire, call, gateway


@dataclass
class DaveBot:
    """A voice connection with keys. It reads only while a test waits for something (:meth:`until`)."""

    call: Call
    user_id: int
    channel_id: int
    commits: bool = True
    answers_transitions: bool = True
    version: int = 0
    session: davey.DaveSession | None = None
    prepared: dict[int, int] = field(default_factory=dict)
    seen: list[Json] = field(default_factory=list)
    """What it has acted upon, from Session Description on."""

    async def until(self, holds: Callable[[DaveBot], bool]) -> None:
        while not holds(self):
            await self.act(await self.call.wire.next())

    async def until_opcode(self, opcode: int) -> Json:
        """Act until the next message of this opcode, and upon it too."""
        begin = len(self.seen)
        await self.until(lambda bot: any(message["op"] == opcode for message in bot.seen[begin:]))
        return next(message for message in self.seen[begin:] if message["op"] == opcode)

    async def until_keyed_with(self, *users: int) -> None:
        await self.until(lambda bot: bot.keyed_with == set(users))

    async def until_executed(self) -> None:
        """Until no transition is under way."""
        await self.until_opcode(22)

    @property
    def keyed_with(self) -> set[int]:
        users = self.session.get_user_ids() if self.session and self.session.ready else []
        return {int(user) for user in users} - {self.user_id}

    def send(self, opus: bytes) -> bytes:
        """Send a frame, encrypted if the call is. Returns what was sent inside the packet."""
        frame = self.session.encrypt_opus(opus) if self.version and self.session and self.session.ready else opus
        self.call.send(frame)
        return frame

    async def act(self, message: Json) -> None:
        self.seen.append(message)
        opcode, data, binary = message["op"], message.get("d") or {}, message.get("binary", b"")
        if opcode == 4:
            self.version = data["dave_protocol_version"]
            if self.version:
                await self._offer_key_package()
        elif opcode == 21:
            await self._prepare(data["transition_id"], data["protocol_version"])
        elif opcode == 22:
            # One that it could not follow was never prepared.
            self.version = self.prepared.pop(data["transition_id"], self.version)
        elif opcode == 24:
            await self._offer_key_package()
        elif opcode == 25:
            assert self.session
            self.session.set_external_sender(binary)
        elif opcode == 27:
            await self._commit(binary)
        elif opcode in (29, 30):
            await self._step(opcode, int.from_bytes(binary[:2]), binary[2:])

    async def send_binary(self, opcode: int, payload: bytes) -> None:
        await self.call.wire.ws.send_bytes(bytes([opcode]) + payload)

    async def _offer_key_package(self) -> None:
        if self.session:
            self.session.reinit(1, self.user_id, self.channel_id)
        else:
            self.session = davey.DaveSession(1, self.user_id, self.channel_id)
        await self.send_binary(26, self.session.get_serialized_key_package())

    async def _commit(self, binary: bytes) -> None:
        assert self.session
        kind = davey.ProposalsOperationType.revoke if binary[0] else davey.ProposalsOperationType.append
        try:
            answer = self.session.process_proposals(kind, binary[1:])
        except ValueError:
            # Those of a group that it has just left by starting over.
            return
        if answer and self.commits:
            await self.send_binary(28, answer.commit + (answer.welcome or b""))

    async def _step(self, opcode: int, transition_id: int, message: bytes) -> None:
        assert self.session
        try:
            if opcode == 30:
                self.session.process_welcome(message)
            else:
                self.session.process_commit(message)
        except ValueError:
            await self.call.wire.send(31, {"transition_id": transition_id})
            await self._offer_key_package()
        else:
            await self._prepare(transition_id, 1)

    async def _prepare(self, transition_id: int, version: int) -> None:
        if transition_id == 0:
            self.version = version
            return
        self.prepared[transition_id] = version
        if self.answers_transitions:
            await self.call.wire.send(23, {"transition_id": transition_id})


@asynccontextmanager
async def dave_bot(
    discord: FakeDiscord, app: Application, guild: Guild, channel: Channel | None = None, max_dave_version: int = 1
) -> AsyncIterator[DaveBot]:
    """A bot in the guild's voice channel that has acted upon Session Description and what came with it."""
    async with gateway(discord) as main:
        await main.identify(app)
        async with call(discord, main, guild, channel=channel, max_dave_version=max_dave_version) as voice:
            bot = DaveBot(voice, app.bot_user_id, (channel or guild.voice_channel).id)
            await catch_up(bot, voice.wire)
            yield bot


async def catch_up(bot: DaveBot, wire: Wire) -> None:
    begin = next(index for index, message in enumerate(wire.received) if message["op"] == 4)
    for message in wire.received[begin:]:
        await bot.act(message)
