"""A command, option, setting, target, stack, choice, alarm, metric or decision that no document names fails here."""

from __future__ import annotations

from enum import Enum

from infra.environments import DEV, OVERRIDABLE, PROD
from sandbox.simulator.safeguards import SAFEGUARDS
from tests.docs import program
from tests.docs.documents import ROOT, document

README = document("README.md")
OPERATIONS = document("docs/operations.md")
DEPLOYMENT = document("docs/deployment.md")


def test_every_slash_command_is_in_the_readme() -> None:
    shown = {cells[0].strip("`").split()[0] for cells in README.rows() if cells[0].startswith("`/")}
    assert shown == {f"/{command}" for command in program.slash_commands()}


def test_every_subcommand_and_option_is_in_the_operations_guide() -> None:
    assert program.subcommands()
    for subcommand, options in program.subcommands().items():
        told = " ".join(OPERATIONS.row(f"`timmybot {subcommand}`"))
        assert told, f"timmybot {subcommand} is not in the table"
        assert {option for option in options - {"--help"} if option not in told} == set()


def test_every_setting_is_in_the_operations_guide_with_its_default() -> None:
    assert program.settings()
    for variable, default in program.settings().items():
        told = OPERATIONS.row(f"`{variable}`")
        assert told, f"{variable} is not in the table"
        assert told[0] == (f"`{default}`" if default else "(none)"), variable


def test_every_secret_that_is_read_is_in_the_operations_guide() -> None:
    assert [variable for variable in program.secrets() if not OPERATIONS.row(f"`{variable}`")] == []


def test_every_safeguard_is_in_the_table_of_what_breaks_without_it() -> None:
    table = document("docs/safeguards.md")
    assert [safeguard.name for safeguard in SAFEGUARDS if not table.row(safeguard.name)] == []
    assert "not tested" not in table.text


def test_every_make_target_is_in_the_readme() -> None:
    targets = program.make_targets() - {"help"}
    assert len(targets) > 4
    assert [target for target in sorted(targets) if not README.row(f"`make {target}`")] == []


def test_every_stack_is_in_the_deployment_guide() -> None:
    assert len(program.stacks()) > 4
    assert [stack for stack in program.stacks() if f"`timmybot-dev-{stack}`" not in DEPLOYMENT.text] == []


def test_every_choice_of_an_environment_is_in_the_deployment_guide_with_its_values() -> None:
    for field in OVERRIDABLE:
        told = DEPLOYMENT.row(f"`{field}`")
        assert told, f"{field} is not in the table"
        assert [cell.strip("`") for cell in told[:2]] == [_written(getattr(each, field)) for each in (DEV, PROD)], field


def test_every_alarm_is_in_the_operations_guide() -> None:
    assert {"idle", "front-door-errors"} <= program.alarms()
    assert [alarm for alarm in program.alarms() if not OPERATIONS.row(f"`timmybot-<env>-{alarm}`")] == []


def test_every_metric_is_in_the_operations_guide_and_whether_anyone_emits_it() -> None:
    emitted = program.emitted_metrics()
    assert {"Players", "Active"} <= emitted <= program.known_metrics()
    for metric in program.known_metrics():
        told = " ".join(OPERATIONS.row(f"`{metric}`"))
        assert told, f"{metric} is not in the table"
        assert ("not emitted yet" in told) == (metric not in emitted), metric


def test_every_decision_is_in_the_index() -> None:
    index = document("docs/decisions/README.md")
    decisions = {path.name for path in (ROOT / "docs" / "decisions").glob("[0-9]*.md")}
    assert {target for target in index.links if target[0].isdigit()} == decisions
    assert sorted(name[:4] for name in decisions) == [f"{number:04d}" for number in range(1, len(decisions) + 1)]


def test_every_document_can_be_reached_from_the_readme() -> None:
    reached, todo = set(), [ROOT / "README.md"]
    while todo:
        path = todo.pop()
        if path not in reached and path.suffix == ".md":
            reached.add(path)
            links = document(str(path.relative_to(ROOT))).links
            todo += [(path.parent / target.split("#")[0]).resolve() for target in links if not target.startswith("#")]
    assert {path for path in (ROOT / "docs").rglob("*.md")} - reached == set()


def _written(value: object) -> str:
    match value:
        case None:
            return "none"
        case bool():
            return str(value).lower()
        case Enum():
            return str(value.value)
    return str(value)
