"""AWS on this machine: the project's own templates, deployed by the real cdk command, with workers as processes."""

from sandbox.cloud.cloud import REGION, Cloud
from sandbox.cloud.deploy import DeployError, Deployment
from sandbox.cloud.emulator import EmulatorError
from sandbox.cloud.scheduler import Pace, Scheduler
from sandbox.cloud.task import Task

__all__ = [
    "REGION",
    "Cloud",
    "DeployError",
    "Deployment",
    "EmulatorError",
    "Pace",
    "Scheduler",
    "Task",
]
