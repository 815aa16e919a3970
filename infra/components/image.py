"""The worker's image: built from the project's Dockerfile, or one that exists, pinned by digest."""

from __future__ import annotations

import re
from pathlib import Path

from aws_cdk import IgnoreMode
from aws_cdk import aws_ecr as ecr
from aws_cdk import aws_ecr_assets as assets
from aws_cdk import aws_ecs as ecs
from constructs import Construct

from infra.environments import Environment, ImageVariant

ROOT = Path(__file__).parents[2]

REQUIREMENTS = {ImageVariant.PLAIN: "worker.txt", ImageVariant.JS_RUNTIME: "js-runtime.txt"}
"""What the Dockerfile installs, by the name of its build argument: a file under ``requirements/``."""

_PRIVATE_ECR = re.compile(
    r"(?P<account>\d{12})\.dkr\.ecr\.(?P<region>[a-z0-9-]+)\.amazonaws\.com/(?P<name>[^@]+)@(?P<digest>sha256:\w+)"
)


def worker_image(scope: Construct, choices: Environment) -> ecs.ContainerImage:
    """The image to run. An ARM64 build from the Dockerfile happens at deploy time, never at synthesis.

    ``.dockerignore`` says what it is built from, to CDK as to Docker.
    """
    if choices.image is None:
        return ecs.ContainerImage.from_asset(
            str(ROOT),
            platform=assets.Platform.LINUX_ARM64,
            build_args={"REQUIREMENTS": REQUIREMENTS[choices.image_variant]},
            ignore_mode=IgnoreMode.DOCKER,
        )
    private = _PRIVATE_ECR.fullmatch(choices.image)
    if private is None:
        return ecs.ContainerImage.from_registry(choices.image)
    repository = ecr.Repository.from_repository_attributes(
        scope,
        "repository",
        repository_name=private["name"],
        repository_arn=f"arn:aws:ecr:{private['region']}:{private['account']}:repository/{private['name']}",
    )
    return ecs.ContainerImage.from_ecr_repository(repository, private["digest"])
