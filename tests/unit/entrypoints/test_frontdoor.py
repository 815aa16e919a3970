"""What the front door lets in: what Discord signed, just now, and what is an interaction."""

from __future__ import annotations

import asyncio
import base64
import json
from typing import Any

import pytest
from nacl.signing import SigningKey

from tests.fakes.discord import FakeFirstAnswers
from tests.fakes.guild import ALICE, GUILD, SONG, TEXT, FrontOfHouse
from timmybot.entrypoints.frontdoor import BODY_LIMIT, FrontDoor
from timmybot.ports.secrets import Credentials, SecretMissing, Secrets
from timmybot.services.deferring import Deferring
from timmybot.services.interactions import Interactions

PING = {"type": 1}
PLAY = {
    "type": 2,
    "id": "900",
    "application_id": "5",
    "guild_id": str(GUILD),
    "channel_id": str(TEXT),
    "member": {"user": {"id": str(ALICE)}},
    "token": "a-token-of-an-interaction",
    "data": {"name": "play", "options": [{"name": "url", "type": 3, "value": SONG}]},
}


class Known(Secrets):
    def __init__(self, key: SigningKey) -> None:
        self._credentials = Credentials("token", 5, bytes(key.verify_key).hex())

    async def credentials(self) -> Credentials:
        return self._credentials


class Unset(Secrets):
    async def credentials(self) -> Credentials:
        raise SecretMissing("The secret application is still a placeholder.")


class Street:
    """Outside the door: someone with a key, who may or may not be Discord."""

    def __init__(self, secrets: Secrets | None = None) -> None:
        self.house = FrontOfHouse()
        self.key = SigningKey.generate()
        self.answers = FakeFirstAnswers()
        deferring = Deferring(Interactions(self.house.answering), self.answers, self.house.clock)
        self.door = FrontDoor(secrets or Known(self.key), deferring, self.house.clock)

    def signed(self, body: str, *, key: SigningKey | None = None, age_seconds: float = 0.0) -> dict[str, Any]:
        timestamp = str(int(self.house.clock.now() - age_seconds))
        signature = (key or self.key).sign(timestamp.encode() + body.encode()).signature.hex()
        return {
            "headers": {"X-Signature-Ed25519": signature, "x-signature-timestamp": timestamp},
            "body": body,
            "isBase64Encoded": False,
        }

    async def status(self, event: dict[str, Any]) -> int:
        return int((await self.door.respond(event))["statusCode"])

    async def queued(self) -> bool:
        return (await self.house.guilds.open(GUILD).state()).wants_player


async def test_a_ping_gets_a_pong() -> None:
    street = Street()
    response = await street.door.respond(street.signed(json.dumps(PING)))
    assert (response["statusCode"], json.loads(response["body"])) == (200, {"type": 1})


async def test_a_signed_play_is_carried_out_and_mentions_nobody() -> None:
    street = Street()
    response = await street.door.respond(street.signed(json.dumps(PLAY)))
    data = json.loads(response["body"])["data"]
    assert SONG in data["content"]
    assert data["allowed_mentions"] == {"parse": []}
    assert await street.queued()


async def test_a_body_in_base64_is_verified_as_what_it_was() -> None:
    street = Street()
    event = street.signed(json.dumps(PLAY))
    event |= {"body": base64.b64encode(event["body"].encode()).decode(), "isBase64Encoded": True}
    assert await street.status(event) == 200


@pytest.mark.parametrize(
    "spoil",
    [
        lambda event: event["headers"].pop("X-Signature-Ed25519"),
        lambda event: event["headers"].update({"X-Signature-Ed25519": "not hex"}),
        lambda event: event["headers"].update({"X-Signature-Ed25519": "00" * 64}),
        lambda event: event["headers"].update({"x-signature-timestamp": "soon"}),
        lambda event: event.update(body=event["body"].replace("play", "stop")),
        lambda event: event.update(body="x" * (BODY_LIMIT + 1)),
        lambda event: event.update(body=None),
        lambda event: event.update(body="***", isBase64Encoded=True),
        lambda event: event.pop("headers"),
    ],
    ids=[
        "no signature",
        "no hex",
        "zeros",
        "no time",
        "another body",
        "a huge body",
        "no body",
        "no base64",
        "nothing",
    ],
)
async def test_what_was_not_signed_is_refused_and_changes_nothing(spoil: Any) -> None:
    street = Street()
    event = street.signed(json.dumps(PLAY))
    spoil(event)
    assert await street.status(event) == 401
    assert not await street.queued()


async def test_a_signature_of_someone_else_is_refused() -> None:
    street = Street()
    assert await street.status(street.signed(json.dumps(PLAY), key=SigningKey.generate())) == 401


async def test_a_recording_of_a_signed_request_is_refused() -> None:
    street = Street()
    assert await street.status(street.signed(json.dumps(PLAY), age_seconds=600)) == 401


@pytest.mark.parametrize(
    "body",
    [
        "",
        "not JSON",
        "[]",
        "7",
        '{"type": 99}',
        json.dumps(PLAY | {"data": []}),
        json.dumps(PLAY | {"id": "x"}),
        "[" * 9_000,
    ],
    ids=["empty", "no JSON", "a list", "a number", "no known type", "no data", "no id", "nested"],
)
async def test_a_signed_body_that_is_no_interaction_is_named_as_such(body: str) -> None:
    street = Street()
    assert await street.status(street.signed(body)) == 400
    assert not await street.queued()


async def test_until_the_secrets_are_set_it_says_that_it_is_not_set_up(caplog: pytest.LogCaptureFixture) -> None:
    street = Street(Unset())
    assert await street.status(street.signed(json.dumps(PING))) == 503
    assert "placeholder" in caplog.text


async def test_a_command_in_a_direct_message_is_answered() -> None:
    street = Street()
    direct = {name: value for name, value in PLAY.items() if name not in {"guild_id", "member"}}
    response = await street.door.respond(street.signed(json.dumps(direct)))
    assert "servers" in json.loads(response["body"])["data"]["content"]


async def test_a_command_that_takes_long_is_shown_as_thinking_and_answered_over_the_callback_route() -> None:
    street = Street()
    street.house.rest.slow = asyncio.Event()
    responding = asyncio.create_task(street.door.respond(street.signed(json.dumps(PLAY))))
    await street.house.clock.advance(3)
    assert street.answers.given == [(900, {"type": 5})], "within Discord's 3 s"
    street.house.rest.slow.set()
    assert await responding == {"statusCode": 202}
    assert SONG in street.answers.edits["a-token-of-an-interaction"]["content"]
