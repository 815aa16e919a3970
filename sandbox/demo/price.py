"""What a month of what just ran would cost on AWS."""

from __future__ import annotations

from pathlib import Path

from infra.synthesis import ASSEMBLIES
from timmybot.domain.cost import HOURS_PER_MONTH
from timmybot.entrypoints.cost import LISTENING_HOURS, costs


def price_of(assembly: Path = ASSEMBLIES / "sandbox-dev") -> list[str]:
    """Sentences with the month's price: asleep, with some listening, and always on."""
    found = costs("dev", assembly)
    sentences = []
    for label, hours in (
        ("asleep all month", 0.0),
        (f"{LISTENING_HOURS:.0f} listening hours", LISTENING_HOURS),
        ("awake all month", HOURS_PER_MONTH),
    ):
        bill = found.bill(hours)
        dearest = ", ".join(f"{item.name} {item.usd:.2f}" for item in bill.items[:3] if item.usd)
        sentences.append(f"a month of dev, {label}: {bill.total:.2f} USD before tax ({dearest})")
    return sentences
