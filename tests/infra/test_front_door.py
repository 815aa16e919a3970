"""The front door: reachable, small, and made for the machine it runs on."""

from __future__ import annotations

import ast
import json
import sys
from importlib.util import MAGIC_NUMBER
from pathlib import Path

from tests.infra.templates import Properties, Templates

UNCHECKED_HASH = 0b01
"""Source: PEP 552."""


def function(templates: Templates) -> Properties:
    return templates.function("front-door")


def bundle(templates: Templates) -> Path:
    key = function(templates)["Code"]["S3Key"].removesuffix(".zip")
    return templates.assembly / f"asset.{key}"


def test_discord_can_call_it(either: Templates) -> None:
    assert either.one("AWS::Lambda::Url")["AuthType"] == "NONE"
    allowed = {
        (permission["Action"], permission.get("FunctionUrlAuthType"), permission.get("InvokedViaFunctionUrl"))
        for permission in either.all("AWS::Lambda::Permission")
        if permission["Principal"] == "*"
    }
    assert allowed == {
        ("lambda:InvokeFunctionUrl", "NONE", None),
        ("lambda:InvokeFunction", None, True),
    }


def test_it_is_told_its_environment_and_shard_count_and_nothing_else(either: Templates) -> None:
    told = {"TIMMYBOT_ENVIRONMENT": either.environment, "TIMMYBOT_SHARD_COUNT": "16"}
    assert function(either)["Environment"] == {"Variables": told}


def test_it_has_the_cpu_for_a_cold_start_that_answers_in_time(either: Templates) -> None:
    assert function(either)["MemorySize"] == 1769, "one vCPU: a cold start is CPU"
    assert function(either)["Timeout"] <= 10


def test_its_log_group_has_a_retention(either: Templates) -> None:
    group = function(either)["LoggingConfig"]["LogGroup"]
    days = {"dev": 7, "prod": 30}[either.environment]
    assert either.one("AWS::Logs::LogGroup", LogGroupName=group)["RetentionInDays"] == days


def test_its_native_wheels_are_for_the_functions_machine_and_python(either: Templates) -> None:
    assert function(either)["Architectures"] == ["arm64"]
    python = function(either)["Runtime"].removeprefix("python").replace(".", "")
    native = [path.name for path in bundle(either).rglob("*.so")]
    assert native
    assert all("aarch64" in name or name.endswith(".abi3.so") for name in native)
    assert any(f"cpython-{python}-aarch64" in name for name in native)


def test_it_carries_bytecode_that_needs_no_source_to_be_looked_at(either: Templates) -> None:
    """Without it, /var/task being read-only, each cold start would compile all that it imports."""
    sources = [path for path in bundle(either).rglob("*.py")]
    compiled = [path for path in bundle(either).rglob("*.pyc")]
    assert len(sources) == len(compiled) > 100
    for path in compiled:
        magic, flags = path.read_bytes()[:4], int.from_bytes(path.read_bytes()[4:8], "little")
        assert (magic, flags) == (MAGIC_NUMBER, UNCHECKED_HASH), path
        assert str(either.assembly).encode() not in path.read_bytes()


def test_its_python_is_the_one_that_these_tests_run_on(either: Templates) -> None:
    assert function(either)["Runtime"] == f"python{sys.version_info.major}.{sys.version_info.minor}"


def test_it_carries_its_handler_and_nothing_that_it_never_reaches(either: Templates) -> None:
    carried = {path.name for path in bundle(either).iterdir()}
    assert {"timmybot", "botocore", "nacl"} <= carried
    assert not carried & {"av", "boto3", "s3transfer", "yt_dlp", "websockets", "cryptography"}
    ours = bundle(either) / "timmybot"
    module, name = function(either)["Handler"].rsplit(".", 1)
    handler = bundle(either) / f"{module.replace('.', '/')}.py"
    defined = {node.name for node in ast.parse(handler.read_text()).body if isinstance(node, ast.FunctionDef)}
    assert name in defined
    adapters = {path.name for path in (ours / "adapters").iterdir()}
    assert not adapters & {"discord_gateway", "discord_voice", "sources", "sqlite"}


def test_it_is_small_enough_to_start_quickly(either: Templates) -> None:
    size = sum(path.stat().st_size for path in bundle(either).rglob("*") if path.is_file())
    assert size < 16_000_000


def test_it_keeps_the_api_models_of_the_services_it_calls(either: Templates) -> None:
    models = bundle(either) / "botocore" / "data"
    services = {path.name for path in models.iterdir() if path.is_dir()}
    assert {"dynamodb", "ecs", "secretsmanager"} <= services
    assert json.loads((models / "endpoints.json").read_text())
