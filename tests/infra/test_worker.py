"""The worker: what it is told, how it is confined, and when there is one."""

from __future__ import annotations

import os
import subprocess
from dataclasses import fields
from pathlib import Path

from infra.synthesis import synthesise
from tests.infra.templates import Properties, Templates, plain
from timmybot.entrypoints.liveness import TOUCH_SECONDS
from timmybot.settings import PREFIX, Settings

FUNCTIONS = ("front-door", "task-stopped")


def container(templates: Templates) -> Properties:
    (only,) = templates.one("AWS::ECS::TaskDefinition")["ContainerDefinitions"]
    assert isinstance(only, dict)
    return only


def test_a_deploy_never_resets_the_live_desired_count(either: Templates) -> None:
    assert "DesiredCount" not in either.one("AWS::ECS::Service")


def test_the_container_is_told_its_environment_and_nothing_secret(either: Templates) -> None:
    told = {variable["Name"]: variable["Value"] for variable in container(either)["Environment"]}
    assert told == {
        "TIMMYBOT_ENVIRONMENT": either.environment,
        "TIMMYBOT_SHARD_COUNT": "16",
        "TIMMYBOT_ALIVE_FILE": "/tmp/timmybot-alive",
    }
    assert told.keys() <= {f"{PREFIX}{field.name.upper()}" for field in fields(Settings)}


def test_all_who_route_guilds_are_told_the_same_shard_count(either: Templates) -> None:
    told = {variable["Name"]: variable["Value"] for variable in container(either)["Environment"]}
    counts = {either.function(name)["Environment"]["Variables"]["TIMMYBOT_SHARD_COUNT"] for name in FUNCTIONS}
    assert counts == {told["TIMMYBOT_SHARD_COUNT"]}


def test_a_worker_that_makes_no_progress_is_replaced(either: Templates) -> None:
    check = container(either)["HealthCheck"]
    shell, command = check["Command"]
    file = next(v["Value"] for v in container(either)["Environment"] if v["Name"] == "TIMMYBOT_ALIVE_FILE")
    assert (shell, command) == ("CMD-SHELL", f'test -n "$(find {file} -mmin -1)"')
    assert TOUCH_SECONDS * 5 <= 60, "stale means several touches were missed"


def test_the_health_check_fails_for_a_file_that_is_stale_or_missing(either: Templates, tmp_path: Path) -> None:
    command = container(either)["HealthCheck"]["Command"][1]
    file = tmp_path / "timmybot-alive"
    command = command.replace("/tmp/timmybot-alive", str(file))
    assert subprocess.run(["sh", "-c", command], check=False, capture_output=True).returncode == 1
    file.touch()
    assert subprocess.run(["sh", "-c", command], check=False).returncode == 0
    an_hour_ago = file.stat().st_mtime - 3_600
    os.utime(file, (an_hour_ago, an_hour_ago))
    assert subprocess.run(["sh", "-c", command], check=False).returncode == 1


def test_only_tmp_can_be_written(either: Templates) -> None:
    assert container(either)["MountPoints"] == [{"ContainerPath": "/tmp", "ReadOnly": False, "SourceVolume": "scratch"}]
    assert either.one("AWS::ECS::TaskDefinition")["Volumes"] == [{"Name": "scratch"}]


def test_nobody_can_open_a_shell_in_a_task(either: Templates) -> None:
    assert either.one("AWS::ECS::Service")["EnableExecuteCommand"] is False


def test_tasks_are_paid_on_demand_unless_spot_is_chosen(either: Templates) -> None:
    strategy = either.one("AWS::ECS::Service")["CapacityProviderStrategy"]
    assert strategy == [{"CapacityProvider": "FARGATE", "Weight": 1}]
    providers = either.one("AWS::ECS::ClusterCapacityProviderAssociations")["CapacityProviders"]
    assert providers == ["FARGATE", "FARGATE_SPOT"]


def test_a_task_that_stopped_is_looked_after(either: Templates) -> None:
    rule = either.one("AWS::Events::Rule")
    assert rule["EventPattern"]["detail-type"] == ["ECS Task State Change"]
    assert rule["EventPattern"]["detail"]["lastStatus"] == ["STOPPED"]
    assert rule["EventPattern"]["detail"]["group"] == [f"service:{either.names.worker_service}"]
    allowed = either.one("AWS::Lambda::Permission", Principal="events.amazonaws.com")
    assert allowed["SourceArn"]
    assert either.function("task-stopped")["Handler"] == "timmybot.entrypoints.task_stopped.handler"


def test_ecs_injects_the_secrets_and_the_template_shows_none(either: Templates) -> None:
    injected = {secret["Name"]: plain(secret["ValueFrom"]) for secret in container(either)["Secrets"]}
    prefix = f"secretsmanager:secret:timmybot/{either.environment}"
    assert injected == {
        "TIMMYBOT_BOT_TOKEN": f"{prefix}/bot-token",
        "TIMMYBOT_APPLICATION_ID": f"{prefix}/application:application_id::",
    }


def test_the_container_is_confined(either: Templates) -> None:
    confined = container(either)
    assert confined["ReadonlyRootFilesystem"] is True
    assert confined["User"] == "10001:10001"
    assert confined["LinuxParameters"]["Capabilities"] == {"Drop": ["ALL"]}
    assert "Privileged" not in confined


def test_a_worker_has_longer_to_leave_than_it_takes_to_drain(either: Templates) -> None:
    assert container(either)["StopTimeout"] == 120 > Settings().drain_seconds


def test_the_smallest_task_on_arm(either: Templates) -> None:
    task = either.one("AWS::ECS::TaskDefinition")
    assert (task["Cpu"], task["Memory"]) == ("256", "512")
    assert task["RuntimePlatform"]["CpuArchitecture"] == "ARM64"


def test_a_deployment_hands_over_without_a_gap_and_rolls_back(either: Templates) -> None:
    deployment = either.one("AWS::ECS::Service")["DeploymentConfiguration"]
    assert (deployment["MinimumHealthyPercent"], deployment["MaximumPercent"]) == (100, 200)
    assert deployment["DeploymentCircuitBreaker"] == {"Enable": True, "Rollback": True}


def test_the_service_scales_between_none_and_five(either: Templates) -> None:
    target = either.one("AWS::ApplicationAutoScaling::ScalableTarget")
    assert (target["MinCapacity"], target["MaxCapacity"]) == (0, 5)
    assert target["ResourceId"] == f"service/{either.names.cluster}/{either.names.worker_service}"


def test_it_spreads_by_players_per_task(either: Templates) -> None:
    policy = either.one("AWS::ApplicationAutoScaling::ScalingPolicy", PolicyType="TargetTrackingScaling")
    tracking = policy["TargetTrackingScalingPolicyConfiguration"]
    assert tracking["TargetValue"] == 100
    assert tracking["ScaleOutCooldown"] == 180, "or tasks that emit nothing yet would be ordered twice"
    players, floor = tracking["CustomizedMetricSpecification"]["Metrics"]
    assert players["MetricStat"] == {
        "Metric": {
            "Namespace": "TimmyBot",
            "MetricName": "Players",
            "Dimensions": [{"Name": "Environment", "Value": either.environment}],
        },
        "Stat": "Average",
    }
    assert floor["Expression"] == "IF(players < 1, 1, players)", "or no player would mean no task, at once"
    assert (players["ReturnData"], floor["ReturnData"]) == (False, True)


def test_ten_idle_minutes_put_it_to_sleep_and_silence_does_not(either: Templates) -> None:
    alarm = either.one("AWS::CloudWatch::Alarm", MetricName="Active")
    assert (alarm["Statistic"], alarm["ComparisonOperator"], alarm["Threshold"]) == (
        "Maximum",
        "LessThanOrEqualToThreshold",
        0,
    )
    assert (alarm["Period"], alarm["EvaluationPeriods"], alarm["DatapointsToAlarm"]) == (60, 10, 10)
    assert alarm["TreatMissingData"] == "notBreaching"
    policy = either.one("AWS::ApplicationAutoScaling::ScalingPolicy", PolicyType="StepScaling")
    step = policy["StepScalingPolicyConfiguration"]
    assert step["AdjustmentType"] == "ExactCapacity"
    assert step["Cooldown"] >= 300
    assert step["StepAdjustments"] == [{"MetricIntervalUpperBound": 0, "ScalingAdjustment": 0}]


def test_an_image_pinned_by_digest_takes_the_place_of_a_build() -> None:
    """And nothing else of the template changes: it is how the sandbox deploys."""
    image = f"registry.invalid/timmybot@sha256:{'0' * 64}"
    built = Templates("dev", synthesise("dev"))
    assembly = built.assembly.with_name("tests-pinned-image")
    pinned = Templates("dev", synthesise("dev", {"image": image}, assembly))
    assert container(pinned)["Image"] == image
    assert {**container(pinned), "Image": None} == {**container(built), "Image": None}
    assert pinned.stacks["front-door"] == built.stacks["front-door"]
