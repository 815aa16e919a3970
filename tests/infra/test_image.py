"""The image, as far as it can be judged without building it."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from infra.components.image import REQUIREMENTS
from infra.environments import ImageVariant
from tests.infra.templates import Templates

ROOT = Path(__file__).parents[2]
DOCKERFILE = (ROOT / "Dockerfile").read_text()
PIN = re.compile(r"^([\w.-]+==\S+)", re.MULTILINE)
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


def test_only_hashed_wheels_are_installed() -> None:
    installs = re.findall(r"pip install .*", DOCKERFILE)
    assert len(installs) == 2
    for install in installs:
        assert {"--require-hashes", "--only-binary=:all:", "--no-deps"} <= set(install.split())
    assert not re.search(r"\bapt(-get)?\b", DOCKERFILE)


def test_the_sender_is_compiled_for_any_processor_as_it_is_here_and_its_compiler_stays_behind() -> None:
    compiling = re.compile(r"-m ziglang cc[\s\\]+(-.*) -o")
    (here,), (there,) = compiling.findall((ROOT / "Makefile").read_text()), compiling.findall(DOCKERFILE)
    assert here == there
    assert "-mcpu=baseline" in here
    final = DOCKERFILE.rsplit("FROM", 1)[1]
    assert re.findall(r"COPY --from=(\w+)", final) == ["install", "install"]
    assert "COPY --from=sender /sender/sender.so /app/timmybot/adapters/discord_voice/sender.so" in DOCKERFILE


@pytest.mark.parametrize("machine", ["x86_64", "aarch64"])
def test_the_sender_compiles_for_both_kinds_of_task(machine: str, tmp_path: Path) -> None:
    source = ROOT / "src/timmybot/adapters/discord_voice/sender.c"
    flags = ("-target", f"{machine}-linux-gnu", "-mcpu=baseline", "-O2", "-Wall", "-Wextra", "-Werror", "-fPIC")
    caches = {name: str(ROOT / "build/zig") for name in ("ZIG_GLOBAL_CACHE_DIR", "ZIG_LOCAL_CACHE_DIR")}
    command = (sys.executable, "-m", "ziglang", "cc", *flags, "-c", source, "-o", tmp_path / "sender.o")
    subprocess.run(command, check=True, env=os.environ | caches)


def test_it_runs_one_process_that_is_nobody_in_particular() -> None:
    final = DOCKERFILE.rsplit("FROM", 1)[1]
    assert "USER 10001:10001" in final
    assert 'ENTRYPOINT ["timmybot"]' in final
    assert "RUN" not in final.replace("RUNNING", "")


def test_what_ecs_checks_is_what_the_image_checks() -> None:
    assert "TIMMYBOT_ALIVE_FILE=/tmp/timmybot-alive" in DOCKERFILE
    assert "-mmin -1" in DOCKERFILE
    assert "VOLUME /tmp" in DOCKERFILE


def pins(name: str) -> set[str]:
    return set(PIN.findall((ROOT / "requirements" / name).read_text()))


def test_it_is_built_from_what_the_dockerfile_copies_and_nothing_else(dev: Templates) -> None:
    source = dev.assembly / dev.image["directory"]
    given = {str(path.relative_to(source)) for path in source.rglob("*") if path.is_file()}
    assert re.findall(r"^COPY (?!--from)(\S+)", DOCKERFILE, re.MULTILINE) == [
        "requirements/native.txt",
        "src/timmybot/adapters/discord_voice/sender.c",
        "requirements/${REQUIREMENTS}",
        "src/timmybot",
    ]
    copied = (*(f"requirements/{name}" for name in ("native.txt", *REQUIREMENTS.values())), "src/timmybot")
    assert all((source / each).exists() for each in copied)
    outside = {name for name in given if not name.startswith(tuple(copied))}
    assert outside == {".dockerignore", "Dockerfile"}
    assert not [name for name in given if "__pycache__" in name or name.endswith(".so")]


def test_both_environments_are_built_plain(either: Templates) -> None:
    assert either.image["dockerBuildArgs"] == {"REQUIREMENTS": "worker.txt"}


def test_the_dockerfile_is_plain_unless_it_is_told_otherwise() -> None:
    assert re.findall(r"^ARG REQUIREMENTS=(\S+)", DOCKERFILE, re.MULTILINE) == [REQUIREMENTS[ImageVariant.PLAIN]]


@pytest.mark.parametrize("variant", ImageVariant)
def test_each_variant_has_a_hashed_list_of_its_own(variant: ImageVariant) -> None:
    assert pins(REQUIREMENTS[variant])
    assert "--hash=sha256:" in (ROOT / "requirements" / REQUIREMENTS[variant]).read_text()


def test_the_javascript_runtime_is_all_that_its_variant_adds() -> None:
    plain, more = (pins(REQUIREMENTS[variant]) for variant in (ImageVariant.PLAIN, ImageVariant.JS_RUNTIME))
    assert plain < more
    (runtime,) = (pin.partition("==")[0] for pin in more - plain)
    assert runtime == "deno"
    # Its program is kept, where yt-dlp looks for it: on the path.
    assert f"find /app/bin -name {runtime} -exec mv -t /install/bin {{}} + && rm -r /app/bin" in DOCKERFILE
    assert "COPY --from=install /install/bin /usr/local/bin" in DOCKERFILE
