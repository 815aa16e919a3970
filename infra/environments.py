"""What costs money or safety, per environment: read this page to know what a month of dev or prod will be like.

Every field can be overridden on the command line (``cdk deploy --all -c env=dev -c egress=single_nat``);
a value that makes no sense is refused with a sentence before anything is synthesised.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from enum import Enum

from timmybot.settings import ResourceNames


class ChoiceError(ValueError):
    """A choice that makes no sense. The message says which, and what would."""


class Egress(Enum):
    """How tasks reach Discord and the media hosts. Nothing ever reaches them from outside."""

    NAT_PER_AZ = "nat_per_az"
    """A NAT gateway in each zone: survives the loss of one; the dearest."""
    SINGLE_NAT = "single_nat"
    """One NAT gateway: half the price, and music stops with its zone."""
    PUBLIC_IP = "public_ip"
    """Tasks in public subnets with an address of their own and no ingress: no NAT to pay for."""


class Wheels(Enum):
    """For which machine the front door's wheels are bundled."""

    LAMBDA = "lambda"
    """Linux on ARM64 with the function's own Python: what AWS runs."""
    HOST = "host"
    """This machine and this Python: what the sandbox runs."""


@dataclass(frozen=True)
class Environment:
    """The choices of one environment. Money is in USD a month, memory in MB, time as the names say."""

    name: str
    egress: Egress
    retain_data: bool
    """Tables, secrets and logs outlive their stacks, and the stacks refuse to be deleted."""
    log_retention_days: int
    monthly_budget: int
    """Where the budget's warning stands: 80 % spent, or 100 % forecast."""
    region: str = "eu-central-1"
    availability_zones: int = 2
    vpc_cidr: str = "10.42.0.0/20"
    flow_logs: bool = False

    task_cpu: int = 256
    """CPU units; 1,024 are one vCPU."""
    task_memory: int = 512
    tasks_max: int = 5
    players_per_task: int = 100
    """What target tracking aims at: half of what one quarter-vCPU task has been measured to hold."""
    idle_minutes: int = 10
    """How long no player may be active before the service sleeps."""

    function_memory: int = 1024
    """A Lambda's CPU follows its memory, and importing boto3 is CPU: under 512 the cold start breaks the 3 s limit."""
    function_timeout_seconds: int = 10

    image: str | None = None
    """A digest-pinned image (``repository@sha256:…``). None builds the project's Dockerfile."""
    wheels: Wheels = Wheels.LAMBDA
    alarm_email: str | None = None
    """Who is told about alarms and the budget. None leaves the topic without a reader."""
    worker_settings: tuple[tuple[str, str], ...] = ()
    """Settings of the worker that differ from ``timmybot.settings``: ``(("TIMMYBOT_SHARD_COUNT", "32"),)``."""

    def __post_init__(self) -> None:
        if self.image is not None and "@sha256:" not in self.image:
            raise ChoiceError(
                f"image is {self.image!r}: pin it by digest (repository@sha256:…), or a deploy may run what nobody saw"
            )
        if self.function_memory < 512:
            raise ChoiceError(
                f"function_memory is {self.function_memory}: give 512 or more, a cold start must answer in 3 s"
            )
        if not 1 <= self.tasks_max <= 5:
            raise ChoiceError(f"tasks_max is {self.tasks_max}: the bot is made for 1 to 5 tasks")
        if not 1 <= self.availability_zones <= 3:
            raise ChoiceError(f"availability_zones is {self.availability_zones}: use 1, 2 or 3")

    @property
    def names(self) -> ResourceNames:
        return ResourceNames(self.name)

    @property
    def zones(self) -> tuple[str, ...]:
        """Pinned by name: looking them up would need credentials, and could move a subnet when AWS adds a zone."""
        return tuple(f"{self.region}{letter}" for letter in "abc"[: self.availability_zones])


DEV = Environment(name="dev", egress=Egress.PUBLIC_IP, retain_data=False, log_retention_days=7, monthly_budget=10)
PROD = Environment(
    name="prod", egress=Egress.NAT_PER_AZ, retain_data=True, log_retention_days=30, monthly_budget=150, flow_logs=True
)
ENVIRONMENTS: Mapping[str, Environment] = {environment.name: environment for environment in (DEV, PROD)}
DEFAULT = DEV.name

OVERRIDABLE = frozenset(field.name for field in fields(Environment)) - {"name", "worker_settings"}


def environment(name: str, overrides: Mapping[str, str]) -> Environment:
    """The environment called ``name`` with choices overridden by text, as ``-c`` gives them.

    Raises :class:`ChoiceError` for an unknown environment, field or value.
    """
    if name not in ENVIRONMENTS:
        raise ChoiceError(f"env is {name!r}: use one of {', '.join(ENVIRONMENTS)}")
    base = ENVIRONMENTS[name]
    return replace(base, **{field: _parse(base, field, text) for field, text in overrides.items()})  # type: ignore[arg-type]


def _parse(base: Environment, field: str, text: str) -> object:
    if field not in OVERRIDABLE:
        raise ChoiceError(f"{field!r} cannot be overridden: use one of {', '.join(sorted(OVERRIDABLE))}")
    default = getattr(base, field)
    if isinstance(default, Enum):
        choices = [member.value for member in type(default)]
        if text not in choices:
            raise ChoiceError(f"{field} is {text!r}: use one of {', '.join(choices)}")
        return type(default)(text)
    if isinstance(default, bool):
        if text not in ("true", "false"):
            raise ChoiceError(f"{field} is {text!r}: use true or false")
        return text == "true"
    if isinstance(default, int):
        if not text.isdecimal():
            raise ChoiceError(f"{field} is {text!r}: use a whole number")
        return int(text)
    return text
