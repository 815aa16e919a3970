"""What others look for: cfn-lint finds nothing, and cdk-nag ran and found nothing that is not acknowledged."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.infra.templates import Templates

ROOT = Path(__file__).parents[2]


def lint(*templates: Path) -> subprocess.CompletedProcess[str]:
    command = [str(Path(sys.prefix) / "bin" / "cfn-lint"), "--template", *map(str, templates)]
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)


def test_cfn_lint_finds_nothing(dev: Templates, prod: Templates) -> None:
    templates = [path for each in (dev, prod) for path in each.assembly.glob("*.template.json")]
    assert len(templates) == 12
    found = lint(*templates)
    assert (found.returncode, found.stdout) == (0, "")


def test_cfn_lint_would_find_a_retired_runtime(dev: Templates, tmp_path: Path) -> None:
    text = (dev.assembly / "timmybot-dev-front-door.template.json").read_text()
    broken = tmp_path / "broken.template.json"
    broken.write_text(text.replace(dev.function("front-door")["Runtime"], "python3.6"))
    assert lint(broken).returncode != 0


def reports(templates: Templates) -> dict[str, dict[str, object]]:
    text = (templates.assembly / "validation-report.json").read_text()
    return {report["pluginName"]: report for report in json.loads(text)["pluginReports"]}


def test_cdk_nag_looked_and_nothing_is_open(either: Templates) -> None:
    nag = reports(either)["AwsSolutions"]
    assert (nag["conclusion"], nag["violations"]) == ("success", [])


def test_each_acknowledged_finding_has_a_reason(either: Templates) -> None:
    acknowledged = [
        reason
        for path in either.assembly.glob("*.metadata.json")
        for entries in json.loads(path.read_text()).values()
        for entry in entries
        if entry["type"] == "aws:cdk:acknowledged-rules"
        for rule, reason in entry["data"].items()
        if rule.startswith("AwsSolutions")
    ]
    assert len(acknowledged) > 5
    assert all(len(reason.split()) >= 6 for reason in acknowledged)


@pytest.mark.parametrize("word", ["jsii-kernel", str(ROOT)])
def test_an_assembly_names_nothing_of_the_run_that_made_it(either: Templates, word: str) -> None:
    written = [path for path in either.assembly.glob("*.json") if word in path.read_text()]
    assert written == []
