"""ARNs of resources that other stacks own, written from their names.

Names keep stacks apart: no export holds one hostage to another.
"""

from __future__ import annotations

import aws_cdk as cdk
from constructs import Construct

from infra.environments import Environment


class Arns:
    """The ARNs of one environment's resources, as seen from a construct's stack."""

    def __init__(self, scope: Construct, choices: Environment) -> None:
        self._stack = cdk.Stack.of(scope)
        self._names = choices.names

    def table(self, table: str) -> str:
        return self._stack.format_arn(service="dynamodb", resource="table", resource_name=self._names.table(table))

    def index(self, table: str, index: str) -> str:
        return f"{self.table(table)}/index/{index}"

    def secret(self, secret: str) -> str:
        """For a policy: Secrets Manager ends each ARN with a hyphen and six characters of its own."""
        return f"{self.secret_by_name(secret)}-??????"

    def secret_by_name(self, secret: str) -> str:
        """For a request: the ARN without its ending, which finds the secret by name.

        Not for ``oauth-client``, whose last hyphen and six letters Secrets Manager would take for that ending
        (https://docs.aws.amazon.com/secretsmanager/latest/userguide/troubleshoot.html).
        """
        return self._stack.format_arn(
            service="secretsmanager",
            resource="secret",
            resource_name=self._names.secret(secret),
            arn_format=cdk.ArnFormat.COLON_RESOURCE_NAME,
        )

    def cluster(self) -> str:
        return self._stack.format_arn(service="ecs", resource="cluster", resource_name=self._names.cluster)

    def worker_service(self) -> str:
        return self._stack.format_arn(
            service="ecs", resource="service", resource_name=f"{self._names.cluster}/{self._names.worker_service}"
        )
