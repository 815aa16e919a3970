"""The front door's code and wheels as one directory, without Docker.

Wheels are fetched for the machine that will run them (``pip install --platform``), hashed, and kept under
``build/`` for as long as the requirements stay the same; our own modules are those that the handler reaches
by import, so a change to the worker's code is no new version of the function. Assets are fingerprinted by
content, so the same inputs give the same template.
"""

from __future__ import annotations

import hashlib
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from infra.components.import_closure import reached_modules
from infra.environments import Wheels

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "src"
REQUIREMENTS = ROOT / "requirements" / "frontdoor.txt"
BUNDLES = ROOT / "build" / "front-door"

HANDLER_MODULE = "timmybot.entrypoints.frontdoor"
PYTHON_VERSION = "3.14"
"""The newest runtime that Lambda has and every pinned wheel supports: the longest until it must be changed."""

PLATFORMS = ("manylinux_2_28_aarch64", "manylinux_2_17_aarch64", "manylinux2014_aarch64")
"""Lambda's Amazon Linux 2023 has glibc 2.34; these are the tags such a system accepts."""

SERVICES = ("dynamodb", "ecs", "secretsmanager", "sts")
"""The API models kept of botocore's four hundred: 25 MB that would be unpacked at each cold start."""


class BundleError(RuntimeError):
    """The bundle could not be made; the message holds what pip said."""


def front_door_bundle(wheels: Wheels) -> Path:
    """A directory ready to be the function's code asset. Built when its inputs changed, else found."""
    libraries = front_door_libraries(wheels)
    modules = reached_modules(SOURCE, HANDLER_MODULE)
    key = _digest([libraries.name.encode(), *(_identity(path) for path in modules)])
    bundle = BUNDLES / f"bundle-{key}"
    if not bundle.exists():
        with _made_whole(bundle) as unfinished:
            shutil.copytree(libraries, unfinished, dirs_exist_ok=True, copy_function=os.link)
            for path in modules:
                copy = unfinished / path.relative_to(SOURCE)
                copy.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(path, copy)
    return bundle


def front_door_libraries(wheels: Wheels) -> Path:
    """The function's libraries, installed. The only step that may need the package index, and only once.

    Raises :class:`BundleError`.
    """
    target = _lambda_arguments() if wheels is Wheels.LAMBDA else ()
    host = f"{sys.version_info[:2]}-{sys.platform}-{platform.machine()}" if wheels is Wheels.HOST else ""
    key = _digest([REQUIREMENTS.read_bytes(), " ".join(target).encode(), host.encode(), repr(SERVICES).encode()])
    libraries = BUNDLES / f"wheels-{key}"
    if not libraries.exists():
        with _made_whole(libraries) as unfinished:
            _install(unfinished, target)
            _trim(unfinished)
    return libraries


def _lambda_arguments() -> Sequence[str]:
    return [
        *(argument for tag in PLATFORMS for argument in ("--platform", tag)),
        *("--python-version", PYTHON_VERSION, "--implementation", "cp"),
    ]


def _install(directory: Path, target: Sequence[str]) -> None:
    command = [
        *(sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"),
        *("--require-hashes", "--only-binary=:all:", "--no-deps", "--no-compile", "--target", str(directory)),
        *target,
        *("--requirement", str(REQUIREMENTS)),
    ]
    result = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603  # our own pip
    if result.returncode:
        raise BundleError(f"the front door's wheels could not be installed:\n{result.stderr}")


def _trim(directory: Path) -> None:
    """Remove what the function never opens: scripts, install records, and other services' API models."""
    shutil.rmtree(directory / "bin", ignore_errors=True)
    for record in directory.glob("*.dist-info"):
        shutil.rmtree(record)
    for models in (directory / "botocore" / "data", directory / "boto3" / "data"):
        for service in models.iterdir():
            if service.is_dir() and service.name not in SERVICES:
                shutil.rmtree(service)


@contextmanager
def _made_whole(final: Path) -> Iterator[Path]:
    """A directory that appears under its name only when it is finished.

    An interrupted build leaves no half one, and of two that race the first to finish stays.
    """
    final.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="unfinished-", dir=final.parent) as outer:
        unfinished = Path(outer) / final.name
        unfinished.mkdir()
        yield unfinished
        with suppress(OSError):
            unfinished.rename(final)
    if not final.is_dir():
        raise BundleError(f"{final} could not be written")


def _identity(path: Path) -> bytes:
    return str(path.relative_to(SOURCE)).encode() + b"\0" + path.read_bytes()


def _digest(parts: Sequence[bytes]) -> str:
    digest = hashlib.sha256()
    for part in parts:
        digest.update(hashlib.sha256(part).digest())
    return digest.hexdigest()[:16]


if __name__ == "__main__":
    # Set-up fetches the wheels, so that synthesis needs no network.
    for each in Wheels:
        front_door_libraries(each)
