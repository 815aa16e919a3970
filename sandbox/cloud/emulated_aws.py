"""The emulator's own process: ministack, with the resource types it lacks registered.

Run as ``python -P sandbox/cloud/emulated_aws.py``; configured by environment variables (see ``emulator.py``).
It stops when its standard input closes, so it cannot outlive whoever started it.

The types added are recorded, not acted out: CloudFormation then creates, updates and deletes them as it would on
AWS, and whoever needs what they say (the scaling policies) reads it from the deployed template.
"""

from __future__ import annotations

import json
import os
import runpy
import signal
import sys
import threading
import uuid
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from ministack.core import iam_actions, iam_evaluator, lambda_runtime  # type: ignore[import-untyped]
from ministack.services.cloudformation import provisioners  # type: ignore[import-untyped]

Properties = Mapping[str, Any]
Attributes = Mapping[str, str]


def recorded(
    physical_id: Callable[[Properties], str],
    attributes: Callable[[str, Properties], Attributes] = lambda physical_id, properties: {},
) -> dict[str, Callable[..., Any]]:
    """A handler, as ministack's CloudFormation wants one, for a resource that only has to exist."""

    def create(logical_id: str, properties: Properties, stack_name: str) -> tuple[str, Attributes]:
        identity = physical_id(properties)
        return identity, attributes(identity, properties)

    def update(identity: str, old: Properties, new: Properties, stack_name: str) -> tuple[str, Attributes]:
        return identity, attributes(identity, new)

    return {"create": create, "update": update, "delete": lambda identity, properties: None}


def _made_up(prefix: str) -> Callable[[Properties], str]:
    return lambda properties: f"{prefix}-{uuid.uuid4().hex[:17]}"


def _policy_arn(properties: Properties) -> str:
    return f"arn:aws:autoscaling:::scalingPolicy:{uuid.uuid4()}:policyName/{properties['PolicyName']}"


def _target_id(properties: Properties) -> str:
    return f"{properties['ResourceId']}|{properties['ScalableDimension']}|{properties['ServiceNamespace']}"


MISSING_TYPES = {
    # 203.0.113.0/24 is set aside for documentation (RFC 5737).
    "AWS::EC2::EIP": recorded(_made_up("eipalloc"), lambda i, p: {"AllocationId": i, "PublicIp": "203.0.113.1"}),
    "AWS::EC2::NatGateway": recorded(_made_up("nat"), lambda i, p: {"NatGatewayId": i}),
    "AWS::EC2::FlowLog": recorded(_made_up("fl"), lambda i, p: {"Id": i}),
    "AWS::ApplicationAutoScaling::ScalableTarget": recorded(_target_id, lambda i, p: {"Id": i}),
    "AWS::ApplicationAutoScaling::ScalingPolicy": recorded(_policy_arn, lambda i, p: {"Arn": i}),
    "AWS::ECS::ClusterCapacityProviderAssociations": recorded(_made_up("providers")),
    "AWS::Budgets::Budget": recorded(_made_up("budget")),
}


def register_missing_types() -> None:
    """Add what this release of ministack refuses; a type it has learnt meanwhile keeps its own handler."""
    for resource_type, handler in MISSING_TYPES.items():
        provisioners._RESOURCE_HANDLERS.setdefault(resource_type, handler)


def spell_container_secrets() -> None:
    """Give a container's secrets the spelling of the ECS API; ministack leaves CloudFormation's."""
    normalise = provisioners._normalize_container_defs

    def normalised(definitions: list[Properties]) -> list[dict[str, Any]]:
        containers: list[dict[str, Any]] = normalise(definitions)
        for container in containers:
            container["secrets"] = provisioners._pascal_to_camel(container.get("secrets", []))
        return containers

    provisioners._normalize_container_defs = normalised


def name_resources() -> None:
    """Check a call against the service, task or log stream that it names.

    ministack checks every ECS call against its cluster, and every call about logs against the group. Source: "Actions,
    resources, and condition keys" for Amazon ECS and for CloudWatch Logs (Service Authorization Reference). Limit: a
    call that names several services or tasks is checked against all of the cluster's.
    """
    resource_arn = iam_actions.extract_resource_arn

    def named(service: str, *request: Any) -> str:
        _method, _path, _headers, body, _query, region, account = request
        found: str = resource_arn(service, *request)
        name = {"ecs": _ecs_resource, "logs": _log_stream}.get(service, lambda fields: None)(_fields(body))
        return f"arn:aws:{service}:{region}:{account}:{name}" if name else found

    iam_actions.extract_resource_arn = named


def _fields(body: bytes) -> Mapping[str, Any]:
    try:
        fields = json.loads(body or b"{}")
    except ValueError:
        return {}
    return fields if isinstance(fields, dict) else {}


def _ecs_resource(request: Mapping[str, Any]) -> str | None:
    cluster = str(request.get("cluster") or "default").rsplit("/", 1)[-1]
    for kind in ("service", "task"):
        named = request.get(f"{kind}s") or [name for name in (request.get(kind), request.get(f"{kind}Name")) if name]
        if isinstance(named, list) and named:
            name = str(named[0]).rsplit("/", 1)[-1] if len(named) == 1 else "*"
            return f"{kind}/{cluster}/{name}"
    return None


def _log_stream(request: Mapping[str, Any]) -> str | None:
    if "logGroupName" not in request or "logStreamName" not in request:
        return None
    return f"log-group:{request['logGroupName']}:log-stream:{request['logStreamName']}"


def count_loopback_as_tls() -> None:
    """Let ``aws:SecureTransport`` be true: nothing leaves this machine, and the bucket that ``cdk bootstrap`` makes
    refuses whoever comes without TLS."""
    pin = iam_evaluator.pin_request_origin
    iam_evaluator.pin_request_origin = lambda source_ip, secure_transport: pin(source_ip, True)


def isolate_functions(directory: Path) -> None:
    """Run functions without this Python's site-packages, so that a wheel missing from a bundle is missed.

    ministack runs every Python function on its own interpreter, virtual environment included.
    """
    interpreter = directory / "function-python"
    interpreter.write_text(f'#!/bin/sh\nexec "{sys.executable}" -S "$@"\n')
    interpreter.chmod(0o755)
    detect = lambda_runtime._detect_runtime_binary

    def detect_isolated(runtime: str) -> tuple[str, str]:
        binary, script = detect(runtime)
        return (str(interpreter), script) if runtime.startswith("python") else (binary, script)

    lambda_runtime._detect_runtime_binary = detect_isolated


def stop_with_parent() -> None:
    """End this process when standard input closes, however whoever started it came to its end."""

    def wait() -> None:
        sys.stdin.buffer.read()
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=wait, daemon=True, name="stop-with-parent").start()


if __name__ == "__main__":
    stop_with_parent()
    register_missing_types()
    spell_container_secrets()
    name_resources()
    count_loopback_as_tls()
    isolate_functions(Path(os.environ["TMPDIR"]))
    sys.argv = ["ministack"]
    runpy.run_module("ministack", run_name="__main__")
