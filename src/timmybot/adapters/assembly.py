"""Synthesised templates, read as files: what ``make synth`` wrote."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from timmybot.domain.resources import Resource

SUFFIX = ".template.json"


class NoAssembly(Exception):
    """There are no templates. The message says how to get them."""


@dataclass(frozen=True)
class Assembly:
    """Every resource of one environment's stacks, and the region they are for."""

    region: str
    resources: tuple[Resource, ...]


def read_assembly(directory: Path) -> Assembly:
    """Raises :class:`NoAssembly`."""
    templates = sorted(directory.glob(f"*{SUFFIX}"))
    if not templates:
        raise NoAssembly(f"There are no templates in {directory}: run `make synth ENV={directory.name}` first.")
    resources = [
        Resource(path.name.removesuffix(SUFFIX), logical_id, each["Type"], each.get("Properties", {}))
        for path in templates
        for logical_id, each in json.loads(path.read_text())["Resources"].items()
    ]
    return Assembly(_region(directory), tuple(resources))


def _region(directory: Path) -> str:
    """From the stacks' environment, ``aws://account/region``."""
    try:
        artifacts = json.loads((directory / "manifest.json").read_text())["artifacts"].values()
        return next(str(each["environment"]).rsplit("/", 1)[-1] for each in artifacts if "environment" in each)
    except (OSError, ValueError, KeyError, StopIteration) as error:
        raise NoAssembly(
            f"{directory} is no finished synthesis: run `make synth ENV={directory.name}` again."
        ) from error
