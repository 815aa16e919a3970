"""Who may deploy from outside: one branch of one repository, and only if an environment names it."""

from __future__ import annotations

from typing import Any

import aws_cdk as cdk
from constructs import Construct

from infra.components.deploy_role import DeployRole
from infra.environments import Environment


class DeployRoleStack(cdk.Stack):
    """A role that GitHub's workflows can take without any key being stored anywhere."""

    def __init__(self, scope: Construct, construct_id: str, choices: Environment, **stack: Any) -> None:
        super().__init__(scope, construct_id, **stack)
        assert choices.github_repository is not None, "made only for an environment that names a repository"
        deploy = DeployRole(self, "deploy", choices, choices.github_repository)
        cdk.CfnOutput(
            self,
            "DeployRole",
            value=deploy.role.role_arn,
            description="Set this as the repository's variable AWS_DEPLOY_ROLE",
        )
