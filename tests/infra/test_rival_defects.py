"""What was wrong with the bot's predecessor on AWS cannot be true of ours, and would be noticed.

Each defect is looked for by the check that guards it, on our templates and on a copy that has been given the defect.
"""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.infra import (
    test_front_door,
    test_monitoring,
    test_price,
    test_same_twice,
    test_stacks,
    test_worker,
)
from tests.infra.templates import PARTS, Templates

WORKFLOW = Path(__file__).parents[2] / ".github" / "workflows" / "deploy.yml"
AN_ACCOUNT = "123456789012"
A_SECRET = "{{resolve:secretsmanager:timmybot/dev/bot-token:SecretString}}"
POLICY = "AWS::ApplicationAutoScaling::ScalingPolicy"

Check = Callable[[Templates], None]
Stack = dict[str, Any]


@dataclass(frozen=True)
class Defect:
    """``give`` puts it into the template of one ``part``; ``check`` then fails."""

    name: str
    part: str
    give: Callable[[Stack], None]
    check: Check


def of_kind(stack: Stack, kind: str) -> list[Stack]:
    return [resource["Properties"] for resource in stack["Resources"].values() if resource["Type"] == kind]


def a_nat_gateway(stack: Stack) -> None:
    stack["Resources"]["nat"] = {"Type": "AWS::EC2::NatGateway", "Properties": {}}


def always_one_task(stack: Stack) -> None:
    (count,) = of_kind(stack, "AWS::ApplicationAutoScaling::ScalableTarget")
    count["MinCapacity"] = 1


def no_scaling_policy(stack: Stack) -> None:
    stack["Resources"] = {name: each for name, each in stack["Resources"].items() if each["Type"] != POLICY}


def an_alarm_on_nothing(stack: Stack) -> None:
    of_kind(stack, "AWS::CloudWatch::Alarm")[0].update(Namespace="AWS/ECS", MetricName="RunningTaskCount")


def a_token_for_the_worker(stack: Stack) -> None:
    (task,) = of_kind(stack, "AWS::ECS::TaskDefinition")
    task["ContainerDefinitions"][0]["Environment"].append({"Name": "TIMMYBOT_BOT_TOKEN", "Value": A_SECRET})


def a_token_for_a_function(stack: Stack) -> None:
    of_kind(stack, "AWS::Lambda::Function")[0]["Environment"]["Variables"]["TIMMYBOT_BOT_TOKEN"] = A_SECRET


def an_account(stack: Stack) -> None:
    of_kind(stack, "AWS::Lambda::Function")[0]["Role"] = f"arn:aws:iam::{AN_ACCOUNT}:role/front-door"


def a_time_stamp(stack: Stack) -> None:
    stack["Description"] = "made 2026-01-01T00:00:00"


def no_account_is_in_a_template(templates: Templates) -> None:
    test_stacks.test_no_account_is_written_down(templates)
    assert re.findall(r"(?<![0-9a-f])\d{12}(?![0-9a-f])", templates.text) == []


def no_variable_holds_a_secret(templates: Templates) -> None:
    test_front_door.test_it_is_told_its_environment_and_shard_count_and_nothing_else(templates)
    test_worker.test_the_container_is_told_its_environment_and_nothing_secret(templates)
    for name, value in variables(templates):
        assert isinstance(value, str), f"{name} is looked up in another resource"
        assert "{{resolve:" not in value, name
        assert not re.search("TOKEN|SECRET|PASSWORD|KEY", name)


def variables(templates: Templates) -> Iterator[tuple[str, Any]]:
    for function in templates.all("AWS::Lambda::Function"):
        yield from function.get("Environment", {}).get("Variables", {}).items()
    for task in templates.all("AWS::ECS::TaskDefinition"):
        for container in task["ContainerDefinitions"]:
            yield from ((variable["Name"], variable["Value"]) for variable in container.get("Environment", []))


DEFECTS = (
    Defect(
        "costs a hundred dollars asleep",
        "networking",
        a_nat_gateway,
        test_price.test_dev_sleeps_for_less_than_two_dollars_a_month,
    ),
    Defect(
        "costs more than its plan when it is used",
        "networking",
        a_nat_gateway,
        test_price.test_sixty_listening_hours_in_dev_cost_less_than_five_dollars,
    ),
    Defect("never scales to zero", "ecs", always_one_task, test_worker.test_the_service_scales_between_none_and_five),
    Defect("has no policy that spreads it", "ecs", no_scaling_policy, test_worker.test_it_spreads_by_players_per_task),
    Defect(
        "has no policy that puts it to sleep",
        "ecs",
        no_scaling_policy,
        test_worker.test_ten_idle_minutes_put_it_to_sleep_and_silence_does_not,
    ),
    Defect(
        "reads a metric that does not exist",
        "monitoring",
        an_alarm_on_nothing,
        test_monitoring.test_every_metric_that_is_looked_at_is_one_that_is_emitted,
    ),
    Defect("tells the worker a secret", "ecs", a_token_for_the_worker, no_variable_holds_a_secret),
    Defect("tells the front door a secret", "front-door", a_token_for_a_function, no_variable_holds_a_secret),
    Defect("tells another function a secret", "ecs", a_token_for_a_function, no_variable_holds_a_secret),
    Defect("names an account", "front-door", an_account, no_account_is_in_a_template),
)


def copy_of(templates: Templates, directory: Path, part: str, give: Callable[[Stack], None]) -> Templates:
    """The same assembly, but for what ``give`` does to the template of one part."""
    copy = Path(shutil.copytree(templates.assembly, directory / templates.environment))
    file = copy / f"{templates.names.prefix}-{part}.template.json"
    stack = json.loads(file.read_text())
    give(stack)
    file.write_text(json.dumps(stack))
    return Templates(templates.environment, copy)


@pytest.mark.parametrize("defect", DEFECTS, ids=lambda defect: defect.name)
def test_it_is_not_true_of_ours_and_would_be_noticed(defect: Defect, dev: Templates, tmp_path: Path) -> None:
    defect.check(dev)
    with pytest.raises(AssertionError):
        defect.check(copy_of(dev, tmp_path, defect.part, defect.give))


def test_an_account_that_a_stack_is_bound_to_would_be_noticed(dev: Templates, tmp_path: Path) -> None:
    copy = copy_of(dev, tmp_path, "ecs", lambda stack: None)
    manifest = copy.assembly / "manifest.json"
    manifest.write_text(manifest.read_text().replace("aws://unknown-account", f"aws://{AN_ACCOUNT}"))
    with pytest.raises(AssertionError):
        no_account_is_in_a_template(copy)


def test_a_template_that_is_another_one_each_time_would_be_noticed(dev: Templates, tmp_path: Path) -> None:
    """What holds for ours is in ``test_same_twice``."""
    same = copy_of(dev, tmp_path / "same", "ecs", lambda stack: None)
    other = copy_of(dev, tmp_path / "other", "ecs", a_time_stamp)
    before, after = (test_same_twice.fingerprint(copy.assembly) for copy in (same, other))
    changed = {name for name, digest in after.items() if digest != before[name]}
    assert changed == {"timmybot-dev-ecs.template.json"}


def stacks_that_no_test_reads(templates: Templates) -> set[str]:
    made = {path.name.removesuffix(".template.json") for path in templates.assembly.glob("*.template.json")}
    return made - {f"{templates.names.prefix}-{part}" for part in PARTS}


def test_no_stack_is_without_tests(either: Templates, tmp_path: Path) -> None:
    assert stacks_that_no_test_reads(either) == set()
    copy = copy_of(either, tmp_path, "ecs", lambda stack: None)
    name = f"{either.names.prefix}-untested"
    (copy.assembly / f"{name}.template.json").write_text("{}")
    assert stacks_that_no_test_reads(copy) == {name}


def jobs_that_deploy_untested(workflow: str) -> list[str]:
    """The jobs of a workflow that run ``cdk deploy`` without waiting for the one that tests."""
    _, *jobs = re.split(r"^  (?=[\w-]+:$)", workflow.split("\njobs:\n", 1)[1], flags=re.MULTILINE)
    return [job.split(":", 1)[0] for job in jobs if "cdk deploy" in job and "    needs: test\n" not in job]


def test_nothing_is_deployed_from_a_push_before_the_tests_have_passed() -> None:
    workflow = WORKFLOW.read_text()
    assert "- run: .ci/run" in workflow
    assert jobs_that_deploy_untested(workflow) == []
    assert jobs_that_deploy_untested(workflow.replace("    needs: test\n", "")) == ["deploy-dev"]


def actions_that_may_change_under_us(workflow: str) -> list[str]:
    """A tag of an action can be moved, and the job that deploys holds a token for AWS."""
    return [used for used in re.findall(r"uses: (\S+)", workflow) if not re.search(r"@[0-9a-f]{40}$", used)]


def test_what_the_workflow_uses_is_pinned_to_a_commit() -> None:
    workflow = WORKFLOW.read_text()
    assert actions_that_may_change_under_us(workflow) == []
    assert actions_that_may_change_under_us(re.sub(r"@[0-9a-f]{40}", "@v4", workflow))
