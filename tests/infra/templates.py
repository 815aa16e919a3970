"""The synthesised templates, as tests ask about them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from timmybot.settings import ResourceNames

Properties = Mapping[str, Any]

PARTS = ("networking", "database", "security", "monitoring", "ecs", "front-door")


@dataclass(frozen=True)
class Templates:
    """Every stack of one environment."""

    environment: str
    assembly: Path

    @property
    def names(self) -> ResourceNames:
        return ResourceNames(self.environment)

    @cached_property
    def stacks(self) -> Mapping[str, Mapping[str, Any]]:
        """Part of the system to template."""
        return {
            part: json.loads((self.assembly / f"{self.names.prefix}-{part}.template.json").read_text())
            for part in PARTS
        }

    @property
    def text(self) -> str:
        return json.dumps(self.stacks)

    @property
    def image(self) -> Mapping[str, Any]:
        """What ``cdk deploy`` is told of the worker's image: ``directory`` under the assembly, ``dockerBuildArgs``."""
        assets = json.loads((self.assembly / f"{self.names.prefix}-ecs.assets.json").read_text())
        (image,) = assets["dockerImages"].values()
        source: Mapping[str, Any] = image["source"]
        return source

    def resources(self, kind: str) -> list[Mapping[str, Any]]:
        """Every resource of a type in any stack, whole."""
        return [
            resource
            for template in self.stacks.values()
            for resource in template["Resources"].values()
            if resource["Type"] == kind
        ]

    def all(self, kind: str) -> list[Properties]:
        """The properties of every resource of a type."""
        return [resource.get("Properties", {}) for resource in self.resources(kind)]

    def one(self, kind: str, **properties: object) -> Properties:
        """The properties of the only resource of a type that has these."""
        found = [p for p in self.all(kind) if all(p.get(name) == value for name, value in properties.items())]
        assert len(found) == 1, f"{len(found)} resources of {kind} with {properties}"
        return found[0]

    def function(self, name: str) -> Properties:
        """The properties of the function called so behind the environment's prefix."""
        return self.one("AWS::Lambda::Function", FunctionName=f"{self.names.prefix}-{name}")

    def rights(self, part: str, role: str) -> set[tuple[str, str]]:
        """Every (action, resource) pair that policies of the stack allow the role whose logical id begins so."""
        resources = self.stacks[part]["Resources"]
        pairs: set[tuple[str, str]] = set()
        for resource in resources.values():
            if resource["Type"] != "AWS::IAM::Policy":
                continue
            (reference,) = resource["Properties"]["Roles"]
            if not reference["Ref"].startswith(role):
                continue
            for statement in resource["Properties"]["PolicyDocument"]["Statement"]:
                assert statement["Effect"] == "Allow"
                pairs |= {
                    (action, plain(target))
                    for action in as_list(statement["Action"])
                    for target in as_list(statement["Resource"])
                }
        return pairs


def as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def plain(value: Any) -> str:
    """An ARN without account and region, as a person would say it: ``dynamodb:table/timmybot-dev-coordination``."""
    if isinstance(value, dict) and "Fn::Join" in value:
        value = "".join(part if isinstance(part, str) else "*" for part in value["Fn::Join"][1])
    assert isinstance(value, str), value
    if not value.startswith("arn:"):
        return value
    _, _, service, _, _, resource = value.split(":", 5)
    return f"{service}:{resource}"
