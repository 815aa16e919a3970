"""How a month is used: what the prices are multiplied with, and why each figure is what it is."""

from __future__ import annotations

from dataclasses import dataclass

from timmybot.domain.cost import HOURS_PER_MONTH


@dataclass(frozen=True)
class Habits:
    """One month of one environment. What is said an hour is said of an hour in which one task runs."""

    task_hours: float
    """Hours in which a task runs, summed over tasks: 0 is asleep all month."""
    writes_per_task_hour: float
    """DynamoDB write units. Heartbeats, for the most part."""
    reads_per_task_hour: float
    """DynamoDB read units. Looks at the inbox and at other workers, for the most part."""
    commands_per_task_hour: float = 30.0
    """Interactions a listening hour. With one guild that is a command every two minutes."""
    seconds_per_command: float = 0.15
    """Of the front door, warm; a cold start once an hour is in it."""
    bit_rate: int = 128_000
    """Bits a second of one player. What is heard goes to Discord over the internet."""
    players: float = 1.0
    """Players that sound while a task runs."""
    log_mb_per_task_hour: float = 0.5
    """A metrics line every 15 s is 0.25 MB an hour."""
    stored_gb: float = 0.05
    """In all tables: a thousand guilds with a queue of a hundred entries."""
    image_gb: float = 0.1
    """The container image, compressed."""
    flow_log_gb: float = 0.1
    """Of refused traffic, where flow logs are on: what the internet knocks on a public address with."""
    mails: float = 10.0
    own_metrics: int = 9
    """Of ours that a worker emits while it runs; CloudWatch bills by the hour in which one is emitted."""

    @property
    def awake(self) -> float:
        """The part of the month in which some task runs, were they to run one after the other."""
        return min(self.task_hours / HOURS_PER_MONTH, 1.0)

    @property
    def sent_gb(self) -> float:
        """To Discord."""
        return self.task_hours * self.players * self.bit_rate / 8 * 3_600 / 1e9

    @property
    def commands(self) -> float:
        return self.task_hours * self.commands_per_task_hour
