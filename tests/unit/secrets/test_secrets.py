"""Secrets that are set, that wait for the operator, and that nobody gets to see."""

from __future__ import annotations

import json
import threading
import traceback

import pytest
from botocore.exceptions import ClientError

from tests.fakes.clock import FakeClock
from timmybot.adapters.secrets import EnvironmentSecrets, SecretsManagerSecrets, SecretsUnavailable
from timmybot.adapters.secrets.secrets_manager import MAX_AGE_SECONDS
from timmybot.ports.secrets import PLACEHOLDER, Credentials, SecretMissing
from timmybot.settings import ResourceNames

TOKEN = "the-token"
APPLICATION = {"application_id": "123456789012345678", "public_key": "ab" * 32}


class Vault:
    """What Secrets Manager holds, by name."""

    def __init__(self) -> None:
        self.secrets = {"timmybot/dev/bot-token": TOKEN, "timmybot/dev/application": json.dumps(APPLICATION)}
        self.reads = 0
        self.down = False

    def get_secret_value(self, *, SecretId: str) -> dict[str, str]:  # boto3's name
        self.reads += 1
        if self.down:
            raise ClientError({"Error": {"Code": "InternalServiceError", "Message": "down"}}, "GetSecretValue")
        return {"SecretString": self.secrets[SecretId]}


@pytest.fixture
def vault() -> Vault:
    return Vault()


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def secrets(vault: Vault, clock: FakeClock) -> SecretsManagerSecrets:
    return SecretsManagerSecrets(ResourceNames("dev"), clock, vault)  # type: ignore[arg-type]  # what it uses of one


async def test_a_worker_finds_its_credentials_in_its_environment() -> None:
    found = await EnvironmentSecrets(
        {"TIMMYBOT_BOT_TOKEN": TOKEN, "TIMMYBOT_APPLICATION_ID": "42"},
    ).credentials()

    assert found == Credentials(bot_token=TOKEN, application_id=42, public_key="")
    assert TOKEN not in repr(found)


@pytest.mark.parametrize(
    ("environ", "says"),
    [
        ({}, "TIMMYBOT_BOT_TOKEN is not set: put the bot's token there"),
        ({"TIMMYBOT_BOT_TOKEN": PLACEHOLDER + "bot token"}, "TIMMYBOT_BOT_TOKEN is still a placeholder"),
        ({"TIMMYBOT_BOT_TOKEN": TOKEN}, "TIMMYBOT_APPLICATION_ID is not set"),
        ({"TIMMYBOT_BOT_TOKEN": TOKEN, "TIMMYBOT_APPLICATION_ID": "me"}, "TIMMYBOT_APPLICATION_ID is not a number"),
    ],
)
async def test_what_is_missing_in_the_environment_is_named(environ: dict[str, str], says: str) -> None:
    with pytest.raises(SecretMissing, match=says) as caught:
        await EnvironmentSecrets(environ).credentials()
    assert TOKEN not in "".join(traceback.format_exception(caught.value))


async def test_a_cold_front_door_reads_both_secrets_at_once(clock: FakeClock) -> None:
    """Each is kept waiting until the other is asked for: one after the other would never get on."""
    both = threading.Barrier(2, timeout=5.0)

    class Slow(Vault):
        def get_secret_value(self, *, SecretId: str) -> dict[str, str]:
            both.wait()
            return super().get_secret_value(SecretId=SecretId)

    secrets = SecretsManagerSecrets(ResourceNames("dev"), clock, Slow())  # type: ignore[arg-type]
    assert (await secrets.credentials()).bot_token == TOKEN


async def test_the_front_door_reads_both_secrets_once(secrets: SecretsManagerSecrets, vault: Vault) -> None:
    first = await secrets.credentials()

    assert first == Credentials(TOKEN, 123456789012345678, "ab" * 32)
    assert await secrets.credentials() is first
    assert vault.reads == 2


async def test_a_rotated_token_is_picked_up_in_time(
    secrets: SecretsManagerSecrets, vault: Vault, clock: FakeClock
) -> None:
    await secrets.credentials()
    vault.secrets["timmybot/dev/bot-token"] = "the-next"

    clock.freeze(MAX_AGE_SECONDS - 1)
    assert (await secrets.credentials()).bot_token == TOKEN
    clock.freeze(1)
    assert (await secrets.credentials()).bot_token == "the-next"


async def test_an_outage_stops_nobody_who_has_read_them(
    secrets: SecretsManagerSecrets, vault: Vault, clock: FakeClock
) -> None:
    vault.down = True
    with pytest.raises(SecretsUnavailable, match=r"bot-token|application"):
        await secrets.credentials()

    vault.down = False
    await secrets.credentials()
    vault.down = True
    clock.freeze(MAX_AGE_SECONDS)
    assert (await secrets.credentials()).bot_token == TOKEN


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("bot-token", PLACEHOLDER + "the bot's token", "timmybot/dev/bot-token is still a placeholder"),
        ("application", PLACEHOLDER + "JSON", "timmybot/dev/application is still a placeholder"),
        ("application", "not JSON", "timmybot/dev/application is not what it should be"),
        ("application", "[1]", "timmybot/dev/application is not what it should be"),
        ("application", "{}", "application_id in the secret timmybot/dev/application is not set"),
        (
            "application",
            json.dumps(APPLICATION | {"public_key": PLACEHOLDER + "key"}),
            "public_key in the secret timmybot/dev/application is still a placeholder",
        ),
    ],
)
async def test_what_is_missing_in_the_vault_is_named_and_seen_once_it_is_set(
    secrets: SecretsManagerSecrets, vault: Vault, name: str, value: str, says: str
) -> None:
    good = vault.secrets[f"timmybot/dev/{name}"]
    vault.secrets[f"timmybot/dev/{name}"] = value
    with pytest.raises(SecretMissing, match=says) as caught:
        await secrets.credentials()
    assert TOKEN not in "".join(traceback.format_exception(caught.value))

    vault.secrets[f"timmybot/dev/{name}"] = good
    assert (await secrets.credentials()).bot_token == TOKEN
