"""``timmybot cost``: a month of an environment in USD, from its synthesised templates and the price table."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from timmybot.adapters.assembly import Assembly, read_assembly
from timmybot.adapters.price_table import dated, doubts, prices
from timmybot.domain.cost import HOURS_PER_MONTH, Bill
from timmybot.domain.egress import Egress
from timmybot.domain.habits import Habits
from timmybot.domain.resources import month
from timmybot.settings import Settings

TEMPLATES = Path("build") / "cdk.out"
"""Where ``make synth`` writes, from the repository's root."""

LISTENING_HOURS = 60.0
"""Two hours a day."""

ONE_CENT = 0.01

COMMANDS_SHARE = 1.2
"""Writes beside the heartbeat: commands, and a gateway session saved now and then."""


@dataclass(frozen=True)
class Costs:
    """Bills of one environment."""

    environment: str
    assembly: Assembly

    def bill(self, hours: float, egress: Egress | None = None) -> Bill:
        """A month in which tasks run for ``hours`` in sum, with the templates' way out or another."""
        return month(self.assembly.resources, habits(hours), prices(self.assembly.region), doubts(), egress)


def costs(environment: str, templates: Path | None = None) -> Costs:
    """Raises ``NoAssembly``."""
    return Costs(environment, read_assembly(templates or TEMPLATES / environment))


def habits(hours: float, settings: Settings | None = None) -> Habits:
    """A month with one player for ``hours``, under the settings that workers really run with."""
    chosen = settings or Settings()
    # Consistent looks at heartbeats and leases with each beat; eventually consistent ones at the inbox and every shard.
    reads = (
        2 / chosen.heartbeat_seconds + 0.5 / chosen.inbox_poll_seconds + 0.5 * chosen.shard_count / chosen.scan_seconds
    )
    return Habits(
        task_hours=hours,
        writes_per_task_hour=3_600 / chosen.heartbeat_seconds * COMMANDS_SHARE,
        reads_per_task_hour=3_600 * reads,
    )


def as_json(found: Costs, hours: float, *, free_tier: bool) -> str:
    """``total`` is USD for ``hours`` listening hours; ``unpriced`` names what is not in it, ``estimated`` what is in it
    on a lesser authority than AWS's price list."""
    bill = found.bill(hours)
    return json.dumps(
        {
            "environment": found.environment,
            "region": found.assembly.region,
            "prices_of": dated(),
            "hours": hours,
            "total": _cents(bill.total_with_free_tier if free_tier else bill.total),
            "total_without_free_tier": _cents(bill.total),
            "total_with_free_tier": _cents(bill.total_with_free_tier),
            "items": [asdict(item) for item in bill.items],
            "unpriced": list(bill.unpriced),
            "estimated": list(bill.estimated),
            "egress": {
                choice.value: {str(int(each)): _cents(found.bill(each, choice).total) for each in _months(hours)}
                for choice in Egress
            },
        },
        indent=2,
    )


def as_text(found: Costs, hours: float, *, free_tier: bool) -> str:
    """The same for people: the month asleep, with some listening, and always on, side by side."""
    months = _months(hours or LISTENING_HOURS)
    bills = [found.bill(each) for each in months]
    lines = [
        f"A month of {found.environment} in {found.assembly.region}, USD before tax, one task, prices of {dated()}.",
        "",
        _row("", [f"{each:.0f} h" for each in months]),
    ]
    lines += [_row(name, [_usd(bill, name) for bill in bills]) for name in _names(bills)]
    lines += [_row("total", [f"{bill.total:.2f}" for bill in bills])]
    label = "total with free tiers" if free_tier else "(free tiers would make it)"
    lines += [_row(label, [f"{bill.total_with_free_tier:.2f}" for bill in bills])]
    lines += ["", "The way out of the network, all else the same:"]
    for choice in Egress:
        lines.append(_row(choice.value, [f"{found.bill(each, choice).total:.2f}" for each in months]))
    unpriced = sorted({name for bill in bills for name in bill.unpriced})
    lines += ["", *(f"not priced: {name}" for name in unpriced)] if unpriced else ["", "Every resource is priced."]
    compared = [*bills, *(found.bill(each, choice) for each in months for choice in Egress)]
    lines += [f"estimated: {reason}" for reason in sorted({reason for bill in compared for reason in bill.estimated})]
    return "\n".join(lines)


def _months(hours: float) -> Sequence[float]:
    return sorted({0.0, hours, HOURS_PER_MONTH})


def _names(bills: Sequence[Bill]) -> list[str]:
    """Every line that costs a cent in some month, or that nobody knows the price of; the order of always on."""
    told = {item.name for bill in bills for item in bill.items if item.usd is None or item.usd >= ONE_CENT / 2}
    return [item.name for item in bills[-1].items if item.name in told]


def _usd(bill: Bill, name: str) -> str:
    found = next((item for item in bill.items if item.name == name), None)
    if found is None:
        return "0.00"
    return "?" if found.usd is None else f"{found.usd:.2f}"


def _row(name: str, cells: Sequence[str]) -> str:
    return f"{name:<36}" + "".join(f"{cell:>10}" for cell in cells)


def _cents(usd: float) -> float:
    return round(usd, 4)
