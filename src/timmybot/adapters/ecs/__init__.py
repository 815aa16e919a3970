"""What the bot does with the ECS service that runs it: wake it, protect a task from scale-in, know its revision."""

from timmybot.adapters.ecs.scaler import EcsServiceScaler
from timmybot.adapters.ecs.task import NoProtection, TaskProtection, seconds_since_pull, task_protection, task_revision

__all__ = [
    "EcsServiceScaler",
    "NoProtection",
    "TaskProtection",
    "seconds_since_pull",
    "task_protection",
    "task_revision",
]
