"""The choices that neither dev nor prod makes, all in one synthesis: they too pass every rule."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from infra.components.deploy_role import _subjects
from infra.synthesis import synthesise
from tests.infra.templates import Templates
from timmybot.domain.egress import Egress, chosen_egress
from timmybot.entrypoints.cost import costs

CHOICES = {
    "egress": "nat_instance",
    "capacity": "spot",
    "container_insights": "standard",
    "function_concurrency": "5",
    "shard_count": "32",
    "github_repository": "owner@12/name@345",
    "alarm_email": "operator@example.org",
    "flow_logs": "true",
    "image_variant": "js_runtime",
}


@pytest.fixture(scope="session")
def other(dev: Templates) -> Templates:
    return Templates("dev", synthesise("dev", CHOICES, dev.assembly.with_name("tests-other-choices")))


@pytest.fixture
def deploy_role(other: Templates) -> list[dict[str, Any]]:
    template = json.loads((other.assembly / "timmybot-dev-deploy-role.template.json").read_text())
    return list(template["Resources"].values())


def test_one_branch_of_one_repository_may_deploy(deploy_role: list[dict[str, Any]]) -> None:
    (role,) = (each["Properties"] for each in deploy_role if each["Type"] == "AWS::IAM::Role")
    (trust,) = role["AssumeRolePolicyDocument"]["Statement"]
    assert trust["Action"] == "sts:AssumeRoleWithWebIdentity"
    assert trust["Condition"] == {
        "StringEquals": {
            "token.actions.githubusercontent.com:aud": "sts.amazonaws.com",
            "token.actions.githubusercontent.com:sub": [
                "repo:owner@12/name@345:ref:refs/heads/main",
                "repo:owner/name:ref:refs/heads/main",
            ],
        }
    }


def test_a_repository_without_ids_is_known_by_its_names_alone() -> None:
    assert _subjects("owner/name", "main") == ["repo:owner/name:ref:refs/heads/main"]


def test_it_may_take_the_bootstraps_roles_and_nothing_else(deploy_role: list[dict[str, Any]]) -> None:
    (policy,) = (each["Properties"] for each in deploy_role if each["Type"] == "AWS::IAM::Policy")
    (statement,) = policy["PolicyDocument"]["Statement"]
    assert statement["Action"] == "sts:AssumeRole"
    roles = ["".join(p if isinstance(p, str) else "*" for p in each["Fn::Join"][1]) for each in statement["Resource"]]
    assert len(roles) == 4
    assert all(":role/cdk-hnb659fds-" in role and "cfn-exec" not in role for role in roles)


def test_without_a_repository_there_is_no_such_role(dev: Templates) -> None:
    assert list(Path(dev.assembly).glob("*deploy-role*")) == []


def test_tasks_run_on_spot_and_the_front_door_has_its_share(other: Templates) -> None:
    (strategy,) = other.one("AWS::ECS::Service")["CapacityProviderStrategy"]
    assert strategy["CapacityProvider"] == "FARGATE_SPOT"
    assert other.function("front-door")["ReservedConcurrentExecutions"] == 5
    assert other.one("AWS::ECS::Cluster")["ClusterSettings"] == [{"Name": "containerInsights", "Value": "enabled"}]
    assert other.one("AWS::SNS::Subscription")["Endpoint"] == "operator@example.org"
    assert other.function("task-stopped")["Environment"]["Variables"]["TIMMYBOT_SHARD_COUNT"] == "32"


def test_the_image_is_built_with_a_javascript_runtime(other: Templates) -> None:
    assert other.image["dockerBuildArgs"] == {"REQUIREMENTS": "js-runtime.txt"}


def test_a_nat_instance_takes_the_networks_own_traffic_and_no_other(other: Templates) -> None:
    groups = other.all("AWS::EC2::SecurityGroup")
    ingress = [rule for group in groups for rule in group.get("SecurityGroupIngress", [])]
    ingress += other.all("AWS::EC2::SecurityGroupIngress")
    assert ingress
    for rule in ingress:
        assert "0.0.0.0/0" not in json.dumps(rule)
    assert other.all("AWS::EC2::NatGateway") == []
    assert "NatImage" in other.stacks["networking"]["Parameters"], "looked up by nobody, given by who deploys"


def test_spot_has_no_price_and_says_so(other: Templates) -> None:
    found = costs("dev", other.assembly)
    kinds = [each.kind for each in found.assembly.resources]
    assert chosen_egress({kind: kinds.count(kind) for kind in kinds}) is Egress.NAT_INSTANCE
    assert set(found.bill(60).unpriced) == {
        "Fargate vCPU: no price is established",
        "Fargate memory: no price is established",
    }
