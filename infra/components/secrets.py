"""Secrets with placeholders: the template holds no secret value, only what an operator is to put there.

A value that begins with ``PLACEHOLDER-`` is not set yet; the bot refuses it with a clear message.
CloudFormation writes a secret's value only when the template's text changes, so the operator's stays.
"""

from __future__ import annotations

import json
from collections.abc import Mapping

import aws_cdk as cdk
from aws_cdk import aws_secretsmanager as secretsmanager
from constructs import Construct

from infra.environments import Environment

PLACEHOLDER = "PLACEHOLDER-"

BOT_TOKEN, OAUTH_CLIENT, DATABASE, APPLICATION = "bot-token", "oauth-client", "database", "application"

PLACEHOLDERS: Mapping[str, str] = {
    BOT_TOKEN: f"{PLACEHOLDER}the bot token from the Discord developer portal",
    OAUTH_CLIENT: json.dumps(
        {
            "client_id": f"{PLACEHOLDER}the OAuth client id from the Discord developer portal",
            "client_secret": f"{PLACEHOLDER}the OAuth client secret from the Discord developer portal",
        }
    ),
    APPLICATION: json.dumps(
        {
            "application_id": f"{PLACEHOLDER}the application id from the Discord developer portal",
            "public_key": f"{PLACEHOLDER}the interactions public key from the Discord developer portal",
        }
    ),
}

USER_TOKEN_KEY = "user_token_key"  # noqa: S105  # the name of a field, not what is in it
"""The field of the database secret that AWS generates: the key under which users' own tokens are encrypted."""


class Secrets(Construct):
    """The environment's four secrets, by the names that ``timmybot.settings`` gives them."""

    def __init__(self, scope: Construct, construct_id: str, choices: Environment) -> None:
        super().__init__(scope, construct_id)
        policy = cdk.RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE if choices.retain_data else cdk.RemovalPolicy.DESTROY
        for name, placeholder in PLACEHOLDERS.items():
            secretsmanager.Secret(
                self,
                name,
                secret_name=choices.names.secret(name),
                secret_string_value=cdk.SecretValue.unsafe_plain_text(placeholder),
                removal_policy=policy,
            )
        secretsmanager.Secret(
            self,
            DATABASE,
            secret_name=choices.names.secret(DATABASE),
            generate_secret_string=secretsmanager.SecretStringGenerator(
                secret_string_template=json.dumps({"version": "1"}),
                generate_string_key=USER_TOKEN_KEY,
                password_length=64,
                exclude_punctuation=True,
            ),
            removal_policy=policy,
        )
