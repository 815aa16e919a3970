"""What costs money or safety, per environment: read this page to know what a month of dev or prod will be like.

Every field can be overridden on the command line (``cdk deploy --all -c env=dev -c egress=single_nat``);
a value that makes no sense is refused with a sentence before anything is synthesised.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from enum import Enum

from infra.nonsense import PYTHONS, nonsense
from timmybot.settings import ResourceNames, Settings


class ChoiceError(ValueError):
    """A choice that makes no sense. The message says which, and what would."""


class Egress(Enum):
    """How tasks reach Discord and the media hosts. Nothing ever reaches them from outside."""

    NAT_PER_AZ = "nat_per_az"
    """A NAT gateway in each zone: survives the loss of one; the dearest."""
    SINGLE_NAT = "single_nat"
    """One NAT gateway: half the price, and music stops with its zone."""
    NAT_INSTANCE = "nat_instance"
    """One fck-nat instance that replaces itself when it fails: a tenth of a gateway, minutes of silence then."""
    PUBLIC_IP = "public_ip"
    """Tasks in public subnets with an address of their own and no ingress: no NAT to pay for."""


class Wheels(Enum):
    """For which machine the front door's wheels are bundled."""

    LAMBDA = "lambda"
    """Linux on ARM64 with the function's own Python: what AWS runs."""
    HOST = "host"
    """This machine and this Python: what the sandbox runs."""


class Insights(Enum):
    """What Container Insights measures. Its metrics are billed like our own."""

    OFF = "off"
    """Nothing: tasks are counted by the samples of a free metric, players by our own."""
    STANDARD = "standard"
    """Cluster, service and task family."""
    ENHANCED = "enhanced"
    """Also each task and container."""


class Capacity(Enum):
    """On what tasks run."""

    ON_DEMAND = "on_demand"
    SPOT = "spot"
    """A third of the price; AWS may take a task back with two minutes' notice, which is a hand-over."""


class ImageVariant(Enum):
    """What the image that is built from here carries. Its size is pulled at each start, so it is time to wake."""

    PLAIN = "plain"
    """What the worker imports, and nothing else."""
    JS_RUNTIME = "js_runtime"
    """Also a JavaScript runtime for yt-dlp (deno), without which it gets nothing from YouTube: 86 MB more."""


SYNTHESISING = f"{sys.version_info.major}.{sys.version_info.minor}"


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
    """Whether what the network refused is logged."""
    nat_image: str | None = None
    """The fck-nat AMI of ``egress=nat_instance``. None makes it a parameter of the networking stack, to be given at
    deployment: looking it up would need credentials at synthesis, and could change what was reviewed."""
    container_insights: Insights = Insights.OFF

    shard_count: int = Settings.shard_count
    """Shards that guilds are routed over: told to whoever routes, here and nowhere else."""

    task_cpu: int = 256
    """CPU units; 1,024 are one vCPU."""
    task_memory: int = 512
    capacity: Capacity = Capacity.ON_DEMAND
    tasks_max: int = 5
    players_per_task: int = 100
    """What target tracking aims at: half of what one quarter-vCPU task has been measured to hold."""
    idle_minutes: int = 10
    """How long no player may be active before the service sleeps."""

    function_memory: int = 1769
    """MB. CPU follows memory, and this is one vCPU: a cold start is CPU, and a command costs the same or less."""
    function_timeout_seconds: int = 10
    function_concurrency: int = 0
    """How many commands may be answered at once, reserved for the front door; 0 reserves none. A new account has ten
    in all, of which none may be reserved."""
    function_python: str | None = None
    """The functions' runtime. None takes the Python that synthesises, which is the one the tests ran on and the only
    one whose bytecode can be shipped; without bytecode a cold start takes twice the CPU."""

    image: str | None = None
    """A digest-pinned image (``repository@sha256:…``). None builds the project's Dockerfile."""
    image_variant: ImageVariant = ImageVariant.PLAIN
    wheels: Wheels = Wheels.LAMBDA
    alarm_email: str | None = None
    """Who is told about alarms and the budget. None leaves the topic without a reader."""
    github_repository: str | None = None
    """``owner/name``: adds a role that this repository's workflow may take to deploy. None adds none."""
    github_branch: str = "main"
    """The one branch that may take it."""
    worker_settings: tuple[tuple[str, str], ...] = ()
    """Settings of the worker that differ from ``timmybot.settings``: ``(("TIMMYBOT_SCAN_SECONDS", "20"),)``."""

    def __post_init__(self) -> None:
        for sentence in nonsense(self):
            raise ChoiceError(sentence)

    @property
    def names(self) -> ResourceNames:
        return ResourceNames(self.name)

    @property
    def runtime(self) -> str:
        """The Python of the functions, as ``3.13``."""
        return self.function_python or (SYNTHESISING if SYNTHESISING in PYTHONS else PYTHONS[-1])

    @property
    def zones(self) -> tuple[str, ...]:
        """Pinned by name: looking them up would need credentials, and could move a subnet when AWS adds a zone."""
        return tuple(f"{self.region}{letter}" for letter in "abc"[: self.availability_zones])


DEV = Environment(name="dev", egress=Egress.PUBLIC_IP, retain_data=False, log_retention_days=7, monthly_budget=10)
PROD = Environment(
    name="prod",
    egress=Egress.SINGLE_NAT,
    retain_data=True,
    log_retention_days=30,
    monthly_budget=75,
    flow_logs=True,
    container_insights=Insights.ENHANCED,
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
