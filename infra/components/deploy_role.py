"""The role that a workflow of one repository and branch takes to run ``cdk deploy``, and nothing else.

It holds no rights of its own over what is deployed: it may only take the roles that ``cdk bootstrap`` made, which is
all that ``cdk deploy`` does. Source: GitHub, "Configuring OpenID Connect in Amazon Web Services"; AWS CDK, Developer
Guide, "Bootstrapping".
"""

from __future__ import annotations

import re

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from constructs import Construct

from infra.environments import Environment

ISSUER = "token.actions.githubusercontent.com"
AUDIENCE = "sts.amazonaws.com"

BOOTSTRAP_QUALIFIER = "hnb659fds"
"""What ``cdk bootstrap`` puts into its roles' names unless it is told otherwise."""

TAKEN = ("deploy-role", "file-publishing-role", "image-publishing-role", "lookup-role")
"""Of the bootstrap's roles, those that the command itself takes; CloudFormation takes the fifth."""

SESSION_HOURS = 1


class DeployRole(Construct):
    """``role`` trusts GitHub's identity provider, which must exist in the account (one an account)."""

    def __init__(self, scope: Construct, construct_id: str, choices: Environment, repository: str) -> None:
        super().__init__(scope, construct_id)
        stack = cdk.Stack.of(self)
        provider = stack.format_arn(service="iam", region="", resource="oidc-provider", resource_name=ISSUER)
        self.role = iam.Role(
            self,
            "role",
            role_name=f"{choices.names.prefix}-deploy",
            description=f"Runs cdk deploy from {repository}, branch {choices.github_branch}",
            max_session_duration=cdk.Duration.hours(SESSION_HOURS),
            assumed_by=iam.WebIdentityPrincipal(
                provider,
                {
                    "StringEquals": {
                        f"{ISSUER}:aud": AUDIENCE,
                        f"{ISSUER}:sub": _subjects(repository, choices.github_branch),
                    }
                },
            ),
        )
        self.role.add_to_policy(
            iam.PolicyStatement(
                actions=["sts:AssumeRole"],
                resources=[
                    stack.format_arn(
                        service="iam",
                        region="",
                        resource="role",
                        resource_name=f"cdk-{BOOTSTRAP_QUALIFIER}-{name}-{stack.account}-{choices.region}",
                    )
                    for name in TAKEN
                ],
            )
        )


def _subjects(repository: str, branch: str) -> list[str]:
    """What GitHub says of the branch: names for a repository from before July 2026, names and ids for one that was
    made, renamed or transferred since. Nobody else's can be called by the names alone.

    Source: GitHub changelog, 2026-04-23, "Immutable subject claims".
    """
    names = (repository, re.sub(r"@\d+", "", repository))
    return [f"repo:{name}:ref:refs/heads/{branch}" for name in dict.fromkeys(names)]
