"""Temporary credentials of a role, as STS gives them and as a container is told of them.

Source: "Amazon ECS task IAM role" (Amazon ECS developer guide).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any


@dataclass(frozen=True)
class RoleCredentials:
    """What a role's bearer signs with until ``expires_at``."""

    role_arn: str
    access_key_id: str
    secret_access_key: str = field(repr=False)
    session_token: str = field(repr=False)
    expires_at: datetime

    def client_arguments(self) -> dict[str, str]:
        """For ``boto3.client``."""
        return {
            "aws_access_key_id": self.access_key_id,
            "aws_secret_access_key": self.secret_access_key,
            "aws_session_token": self.session_token,
        }

    def for_container(self) -> Mapping[str, str]:
        """The answer of ECS's credentials endpoint."""
        return {
            "RoleArn": self.role_arn,
            "AccessKeyId": self.access_key_id,
            "SecretAccessKey": self.secret_access_key,
            "Token": self.session_token,
            "Expiration": self.expires_at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        }


Assume = Callable[[str, str], RoleCredentials]
"""From a role's ARN and a session name. Blocking."""


def assume(sts: Any, role_arn: str, session: str) -> RoleCredentials:
    """Assume a role for an hour. Blocking; raises botocore's ``ClientError`` if there is none or it trusts nobody."""
    given = sts.assume_role(RoleArn=role_arn, RoleSessionName=session)["Credentials"]
    return RoleCredentials(
        role_arn, given["AccessKeyId"], given["SecretAccessKey"], given["SessionToken"], given["Expiration"]
    )
