"""Which choices make no sense, each with the sentence that says so. Asked before anything is synthesised."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from ipaddress import IPv4Network
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from infra.environments import Environment

TASK_SIZES: Mapping[int, tuple[int, ...]] = {
    256: (512, 1024, 2048),
    512: tuple(range(1024, 4096 + 1, 1024)),
    1024: tuple(range(2048, 8192 + 1, 1024)),
}
"""Fargate's pairs of CPU units and MB, as far as one Python process can use them."""

RETENTIONS = (1, 3, 5, 7, 14, 30, 60, 90, 180, 365)
"""The days for which CloudWatch Logs keeps a line, up to a year."""

PYTHONS = ("3.11", "3.12", "3.13", "3.14")
"""Lambda's runtimes that the pinned wheels fit."""


REPOSITORY = re.compile(r"[\w.-]+/[\w.-]+|[\w.-]+@\d+/[\w.-]+@\d+")
"""By names, or by names and ids, and then of both."""


def nonsense(chosen: Environment) -> Iterator[str]:
    """Every objection to an environment's choices. None: they make sense."""
    yield from _of_place_and_network(chosen)
    yield from _of_tasks(chosen)
    yield from _of_functions(chosen)
    yield from _of_image(chosen)
    yield from _of_people(chosen)


def _of_place_and_network(chosen: Environment) -> Iterator[str]:
    if not re.fullmatch(r"[a-z]{2}(-[a-z]+)+-\d", chosen.region):
        yield f"region is {chosen.region!r}: name one of AWS's, like eu-central-1"
    if not 1 <= chosen.availability_zones <= 3:
        yield f"availability_zones is {chosen.availability_zones}: use 1, 2 or 3"
    try:
        network = IPv4Network(chosen.vpc_cidr)
    except ValueError:
        yield f"vpc_cidr is {chosen.vpc_cidr!r}: write a network as 10.42.0.0/20"
        return
    if not network.is_private or not 16 <= network.prefixlen <= 21:
        yield f"vpc_cidr is {chosen.vpc_cidr}: use a private network of /16 to /21, which has room for the subnets"
    if chosen.nat_image is not None and chosen.egress.value != "nat_instance":
        yield f"nat_image is for egress nat_instance, not {chosen.egress.value}: leave it out"


def _of_tasks(chosen: Environment) -> Iterator[str]:
    if not 1 <= chosen.tasks_max <= 5:
        yield f"tasks_max is {chosen.tasks_max}: the bot is made for 1 to 5 tasks"
    if chosen.task_memory not in TASK_SIZES.get(chosen.task_cpu, ()):
        sizes = ", ".join(f"{cpu} with {memory[0]} to {memory[-1]}" for cpu, memory in TASK_SIZES.items())
        yield f"task_cpu {chosen.task_cpu} with task_memory {chosen.task_memory} is no Fargate size: {sizes}"
    if chosen.shard_count < 1:
        yield f"shard_count is {chosen.shard_count}: use 1 or more"
    if chosen.players_per_task < 1:
        yield f"players_per_task is {chosen.players_per_task}: use 1 or more"
    if not 1 <= chosen.idle_minutes <= 60:
        yield f"idle_minutes is {chosen.idle_minutes}: use 1 to 60"


def _of_functions(chosen: Environment) -> Iterator[str]:
    if not 512 <= chosen.function_memory <= 10_240:
        yield f"function_memory is {chosen.function_memory}: give 512 (a cold start must answer in 3 s) to 10240"
    if not 3 <= chosen.function_timeout_seconds <= 900:
        yield f"function_timeout_seconds is {chosen.function_timeout_seconds}: use 3, which Discord waits, to 900"
    if chosen.function_python is not None and chosen.function_python not in PYTHONS:
        yield f"function_python is {chosen.function_python!r}: use one of {', '.join(PYTHONS)}"


def _of_image(chosen: Environment) -> Iterator[str]:
    if chosen.image is None:
        return
    if not re.search(r"@sha256:[0-9a-f]{64}$", chosen.image):
        yield f"image is {chosen.image!r}: pin it by digest (repository@sha256:…), or a deploy may run what nobody saw"
    if chosen.image_variant.value != "plain":
        yield f"image_variant {chosen.image_variant.value} is for an image built from here, not for {chosen.image}"


def _of_people(chosen: Environment) -> Iterator[str]:
    if chosen.log_retention_days not in RETENTIONS:
        yield f"log_retention_days is {chosen.log_retention_days}: use one of {RETENTIONS}"
    if chosen.monthly_budget < 1:
        yield f"monthly_budget is {chosen.monthly_budget}: use 1 or more"
    if chosen.alarm_email is not None and not re.fullmatch(r"[^@\s]+@[^@\s]+", chosen.alarm_email):
        yield f"alarm_email is {chosen.alarm_email!r}: write it as you@example.org"
    if chosen.github_repository is not None and not REPOSITORY.fullmatch(chosen.github_repository):
        yield f"github_repository is {chosen.github_repository!r}: write it as owner/name or owner@id/name@id"
