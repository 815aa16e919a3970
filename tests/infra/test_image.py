"""The image, as far as it can be judged without building it."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

from tests.infra.templates import Templates

ROOT = Path(__file__).parents[2]
DOCKERFILE = (ROOT / "Dockerfile").read_text()
HADOLINT = Path(sys.prefix) / "bin" / "hadolint"


def lint(text: str) -> int:
    return subprocess.run([HADOLINT, "-"], input=text, text=True, check=False, capture_output=True).returncode


def test_hadolint_finds_nothing() -> None:
    assert lint(DOCKERFILE) == 0


def test_hadolint_would_find_an_image_without_a_version() -> None:
    assert lint(re.sub(r"python:\S+", "python", DOCKERFILE).replace("${BASE}", "python")) != 0


def test_its_base_is_pinned_by_digest_and_every_stage_has_that_base() -> None:
    assert re.search(r"^ARG BASE=python:[\d.]+-slim-\w+@sha256:[0-9a-f]{64}$", DOCKERFILE, re.MULTILINE)
    assert {line.split()[1] for line in DOCKERFILE.splitlines() if line.startswith("FROM")} == {"${BASE}"}


def test_only_hashed_wheels_are_installed_and_nothing_is_compiled_from_source() -> None:
    (install,) = re.findall(r"pip install .*", DOCKERFILE)
    assert {"--require-hashes", "--only-binary=:all:", "--no-deps"} <= set(install.split())
    assert "apt" not in DOCKERFILE


def test_it_runs_one_process_that_is_nobody_in_particular() -> None:
    final = DOCKERFILE.rsplit("FROM", 1)[1]
    assert "USER 10001:10001" in final
    assert 'ENTRYPOINT ["timmybot"]' in final
    assert "RUN" not in final.replace("RUNNING", "")


def test_what_ecs_checks_is_what_the_image_checks() -> None:
    assert "TIMMYBOT_ALIVE_FILE=/tmp/timmybot-alive" in DOCKERFILE
    assert "-mmin -1" in DOCKERFILE
    assert "VOLUME /tmp" in DOCKERFILE


def test_it_is_built_from_what_the_dockerfile_copies_and_nothing_else(dev: Templates) -> None:
    assets = json.loads((dev.assembly / f"{dev.names.prefix}-ecs.assets.json").read_text())["dockerImages"]
    (source,) = (dev.assembly / image["source"]["directory"] for image in assets.values())
    given = {str(path.relative_to(source)) for path in source.rglob("*") if path.is_file()}
    copied = re.findall(r"^COPY (?!--from)(\S+)", DOCKERFILE, re.MULTILINE)
    assert copied == ["requirements/worker.txt", "src/timmybot"]
    assert all((source / each).exists() for each in copied)
    outside = {name for name in given if not name.startswith(tuple(copied))}
    assert outside == {".dockerignore", "Dockerfile"}
    assert not [name for name in given if "__pycache__" in name]
