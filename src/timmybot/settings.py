"""Every setting: type, unit, default, and why the default is what it is.

A process reads its settings once, from environment variables that start with ``TIMMYBOT_``
(``lease_seconds`` is ``TIMMYBOT_LEASE_SECONDS``). What is secret is not here: see ``ports/secrets.py``.

The names of AWS resources follow from the environment's name alone (:class:`ResourceNames`), so that
the infrastructure and the bot agree on them without passing references between stacks.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, fields

PREFIX = "TIMMYBOT_"


class SettingError(ValueError):
    """A setting has a value that makes no sense. The message says which one and what it should be."""


@dataclass(frozen=True)
class ResourceNames:
    """What the AWS resources of one environment are called."""

    environment: str

    @property
    def prefix(self) -> str:
        return f"timmybot-{self.environment}"

    @property
    def cluster(self) -> str:
        return self.prefix

    @property
    def worker_service(self) -> str:
        return f"{self.prefix}-worker"

    def table(self, table: str) -> str:
        """``guild-queues``, ``user-preferences``, ``track-cache``, ``server-allowlist`` or ``coordination``."""
        return f"{self.prefix}-{table}"

    def secret(self, secret: str) -> str:
        """``bot-token``, ``oauth-client``, ``database`` or ``application``."""
        return f"timmybot/{self.environment}/{secret}"


@dataclass(frozen=True)
class Settings:
    """The settings of one process. Durations are in seconds unless the name says otherwise."""

    environment: str = "dev"
    """Which environment this process belongs to; every resource name follows from it."""

    discord_api_url: str = "https://discord.com/api/v10"
    """Where Discord's REST API is; the sandbox points it at itself."""

    shard_count: int = 16
    """How many shards the guilds are routed over. Discord would recommend 1 for a small bot, and then there
    would be nothing to spread over tasks; a gateway session is opened only where one is wanted. Every process of
    an environment must agree; see docs/operations.md before changing it."""

    heartbeat_seconds: float = 2.25
    """How often a worker proves that it lives, and saves the positions of its players: at a write unit each, a worker
    that plays in one guild stays below half a unit a second. After a crash the place in a song is known to half of
    this, and the promise is two seconds."""

    lease_seconds: float = 7.0
    """How long observers wait for a heartbeat's counter to change before they take its shards: three missed
    beats, so that one slow write does not move music, and a crash costs seconds."""

    lease_margin_seconds: float = 2.5
    """How much earlier than that the holder itself stops using the strict right: longer than an AWS call with
    its one retry can take (2 x (0.3 s to connect + 0.8 s to read))."""

    inbox_poll_seconds: float = 0.5
    """How often a worker looks for nudges. It bounds how long a warm command waits; 2 reads a second, at half
    a unit, are 0.4 USD a month."""

    inbox_overlap_seconds: float = 10.0
    """How far behind its last look a worker reads again: a nudge written late by a skewed clock is still seen."""

    scan_seconds: float = 10.0
    """How often a worker looks for guilds that want a player and that no nudge told it of."""

    reply_ttl_seconds: float = 15 * 60.0
    """How long an answer can be edited: Discord's interaction tokens live 15 minutes."""

    queue_limit: int = 5_000
    """How many entries may wait in one guild."""

    loudness_players: int = 20
    """While so many players of a worker are transcoded, further tracks are not brought to the guild's loudness: each
    takes 0.7 to 1.5 % of a core, of which a task has a quarter by default."""

    metrics_seconds: float = 15.0
    """How often a worker writes its metrics line. CloudWatch keeps them by the minute."""

    drain_seconds: float = 100.0
    """How long a worker may take to hand its shards over: inside Fargate's 120 s between SIGTERM and SIGKILL."""

    alive_file: str = ""
    """A file that a worker touches every ten seconds, for the container's health check; none outside a container."""

    source_allow_hosts: tuple[str, ...] = ()
    """``host:port`` pairs that may be fetched from although they are not on the public internet, comma-separated:
    a media server in your own network. Everything else that is not public is refused."""

    def __post_init__(self) -> None:
        if not re.fullmatch(r"[a-z][a-z0-9-]{0,20}", self.environment):
            raise SettingError(
                f"{PREFIX}ENVIRONMENT is {self.environment!r}: use lower-case letters, digits and hyphens"
            )
        if self.shard_count < 1:
            raise SettingError(f"{PREFIX}SHARD_COUNT is {self.shard_count}: it must be 1 or more")
        if not 0 < self.heartbeat_seconds < self.lease_seconds - self.lease_margin_seconds:
            raise SettingError(
                f"{PREFIX}HEARTBEAT_SECONDS is {self.heartbeat_seconds}: it must be shorter than the lease less its "
                f"margin ({self.lease_seconds} - {self.lease_margin_seconds}), or every worker loses its lease"
            )

    @property
    def names(self) -> ResourceNames:
        return ResourceNames(self.environment)


def load(environ: Mapping[str, str] = os.environ) -> Settings:
    """Read the settings from environment variables. Raises :class:`SettingError`, naming the variable."""
    known = {f"{PREFIX}{field.name.upper()}": field for field in fields(Settings)}
    values: dict[str, object] = {}
    for variable, field in known.items():
        text = environ.get(variable)
        if text is not None:
            values[field.name] = _parse(variable, str(field.type), text)
    return Settings(**values)  # type: ignore[arg-type]  # parsed by the field's own type just above


def _parse(variable: str, type_name: str, text: str) -> object:
    try:
        if type_name == "int":
            return int(text)
        if type_name == "float":
            return float(text)
        if type_name.startswith("tuple"):
            return tuple(part.strip() for part in text.split(",") if part.strip())
    except ValueError:
        raise SettingError(f"{variable} is {text!r}: it must be a number ({type_name})") from None
    else:
        return text
