"""Under which SSM parameter names the network is published."""

from __future__ import annotations

from dataclasses import dataclass

from infra.environments import Environment


@dataclass(frozen=True)
class NetworkNames:
    """The parameter names of one environment's network."""

    choices: Environment

    @property
    def security_group(self) -> str:
        """The tasks' security group: no ingress."""
        return self._name("task-security-group")

    @property
    def task_subnets(self) -> tuple[str, ...]:
        """One name a zone: the subnets tasks are placed in, public or private as the egress demands."""
        return tuple(self._name(f"task-subnet-{zone[-1]}") for zone in self.choices.zones)

    def _name(self, part: str) -> str:
        return f"/timmybot/{self.choices.name}/network/{part}"
