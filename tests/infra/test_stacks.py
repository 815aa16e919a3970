"""The stacks as a whole: named by environment, apart from each other, and made without asking anyone."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from infra.synthesis import STAMP, synthesise
from tests.infra.templates import PARTS, Templates


def test_no_stack_holds_another_hostage_by_an_export(either: Templates) -> None:
    assert "Fn::ImportValue" not in either.text
    exports = [o for t in either.stacks.values() for o in t.get("Outputs", {}).values() if "Export" in o]
    assert exports == []


def test_both_environments_fit_in_one_account(dev: Templates, prod: Templates) -> None:
    def given_names(templates: Templates) -> set[str]:
        keys = ("TableName", "FunctionName", "ClusterName", "ServiceName", "AlarmName", "TopicName", "LogGroupName")
        return {
            properties[key]
            for template in templates.stacks.values()
            for resource in template["Resources"].values()
            for properties in [resource.get("Properties", {})]
            for key in keys
            if isinstance(properties.get(key), str)
        }

    assert len(given_names(dev)) > 10
    assert not given_names(dev) & given_names(prod)


def test_what_must_exist_first_is_deployed_first(either: Templates) -> None:
    manifest = json.loads((either.assembly / "manifest.json").read_text())["artifacts"]
    prefix = either.names.prefix
    needs = {
        part: {
            name.removeprefix(f"{prefix}-")
            for name in manifest[f"{prefix}-{part}"]["dependencies"]
            if name.removeprefix(f"{prefix}-") in PARTS
        }
        for part in PARTS
    }
    assert needs["ecs"] == {"networking", "database", "security", "monitoring"}
    assert needs["front-door"] == {"database", "security", "monitoring"}
    assert all(needs[first] == set() for first in ("networking", "database", "security", "monitoring"))


def test_prod_refuses_to_be_deleted_by_accident(dev: Templates, prod: Templates) -> None:
    for templates, protected in ((dev, False), (prod, True)):
        manifest = json.loads((templates.assembly / "manifest.json").read_text())["artifacts"]
        for part in PARTS:
            stack = manifest[f"{templates.names.prefix}-{part}"]["properties"]
            assert stack["terminationProtection"] is protected


def test_no_account_is_written_down(either: Templates) -> None:
    manifest = json.loads((either.assembly / "manifest.json").read_text())["artifacts"]
    stacks = [a for a in manifest.values() if a["type"] == "aws:cloudformation:stack"]
    assert {stack["environment"] for stack in stacks} == {"aws://unknown-account/eu-central-1"}


def test_every_resource_can_be_found_by_its_environment(either: Templates) -> None:
    tags = {"Key": "environment", "Value": either.environment}
    for kind in ("AWS::DynamoDB::Table", "AWS::SecretsManager::Secret", "AWS::Lambda::Function", "AWS::ECS::Service"):
        assert all(tags in properties["Tags"] for properties in either.all(kind))


class CountingApp:
    """Stands for the CDK application: counts how often it is run, and writes an assembly that says so."""

    def __init__(self) -> None:
        self.runs = 0

    def __call__(self, context: Mapping[str, str], assembly: Path) -> None:
        self.runs += 1
        assembly.mkdir(parents=True)
        (assembly / "manifest.json").write_text(f"{self.runs}")


def test_nothing_is_synthesised_twice_unless_it_is_asked_for_differently(tmp_path: Path) -> None:
    app = CountingApp()
    for _ in range(2):
        synthesise("dev", directory=tmp_path / "assembly", run_app=app)
    assert app.runs == 1
    assembly = synthesise("dev", {"egress": "single_nat"}, tmp_path / "assembly", run_app=app)
    assert app.runs == 2
    assert (assembly / "manifest.json").read_text() == "2"


def test_an_assembly_that_was_not_finished_is_made_anew(tmp_path: Path) -> None:
    app = CountingApp()
    assembly = synthesise("dev", directory=tmp_path / "assembly", run_app=app)
    (assembly / STAMP).unlink()
    synthesise("dev", directory=assembly, run_app=app)
    assert app.runs == 2
