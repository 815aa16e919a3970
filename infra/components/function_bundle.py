"""A function's code, wheels and bytecode as one directory, without Docker.

Wheels are fetched for the machine that will run them (``pip install --platform``), hashed, and kept under
``build/`` for as long as the requirements stay the same; our own modules are those that the handler reaches
by import, so a change to the worker's code is no new version of the front door. Assets are fingerprinted by
content, so the same inputs give the same template.

Bytecode is shipped, because ``/var/task`` is read-only: without it every cold start compiles all it imports, which
is half of its CPU (docs/decisions/0009-front-door-cold-start.md). Only this Python's can be made here.
"""

from __future__ import annotations

import hashlib
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from infra.components.import_closure import reached_modules
from infra.environments import DEV, SYNTHESISING, Wheels

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "src"
REQUIREMENTS = ROOT / "requirements" / "frontdoor.txt"
BUNDLES = ROOT / "build" / "functions"

FRONT_DOOR = "timmybot.entrypoints.frontdoor"
TASK_STOPPED = "timmybot.entrypoints.task_stopped"

PLATFORMS = ("manylinux_2_28_aarch64", "manylinux_2_17_aarch64", "manylinux2014_aarch64")
"""Lambda's glibc is 2.26 up to Python 3.11 and 2.34 from 3.12 on (Amazon Linux 2 and 2023): the tags they accept."""
OLDEST_PLATFORMS = PLATFORMS[1:]

SERVICES = ("dynamodb", "ecs", "secretsmanager", "sts")
"""The API models kept of botocore's four hundred: 25 MB that would be unpacked at each cold start."""

DEPLOYED_AT = "/var/task"
"""What a traceback calls the bundle's directory, and what keeps this machine's paths out of the bytecode."""

KEPT_SECONDS = 24 * 3_600.0
"""How long a bundle that nobody asks for stays under ``build/``."""


class BundleError(RuntimeError):
    """The bundle could not be made; the message holds what pip said."""


def function_bundle(handler_module: str, wheels: Wheels, python: str) -> Path:
    """A directory ready to be the code asset of a function on ``python`` (``3.13``). Found, if nothing changed.

    Raises :class:`BundleError`.
    """
    libraries = function_libraries(wheels, python)
    modules = reached_modules(SOURCE, handler_module)
    key = _digest([libraries.name.encode(), *(_identity(path) for path in modules)])
    bundle = BUNDLES / f"bundle-{key}"
    if not bundle.exists():
        with _made_whole(bundle) as unfinished:
            shutil.copytree(libraries, unfinished, dirs_exist_ok=True, copy_function=os.link)
            for path in modules:
                copy = unfinished / path.relative_to(SOURCE)
                copy.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(path, copy)
            if _can_compile(wheels, python):
                _compile(unfinished / "timmybot")
        _prune(keep={bundle, libraries})
    os.utime(bundle)
    os.utime(libraries)
    return bundle


def function_libraries(wheels: Wheels, python: str) -> Path:
    """The functions' libraries, installed. The only step that may need the package index, and only once.

    Raises :class:`BundleError`.
    """
    target = _lambda_arguments(python) if wheels is Wheels.LAMBDA else ()
    host = f"{sys.version_info[:2]}-{sys.platform}-{platform.machine()}" if wheels is Wheels.HOST else ""
    compiled = f"{_can_compile(wheels, python)} {sys.version}"
    described = [" ".join(target), host, repr(SERVICES), compiled]
    key = _digest([REQUIREMENTS.read_bytes(), *(part.encode() for part in described)])
    libraries = BUNDLES / f"wheels-{key}"
    if not libraries.exists():
        with _made_whole(libraries) as unfinished:
            _install(unfinished, target)
            _trim(unfinished)
            if _can_compile(wheels, python):
                _compile(unfinished)
    return libraries


def _lambda_arguments(python: str) -> Sequence[str]:
    accepted = OLDEST_PLATFORMS if python == "3.11" else PLATFORMS
    return [
        *(argument for tag in accepted for argument in ("--platform", tag)),
        *("--python-version", python, "--implementation", "cp"),
    ]


def _can_compile(wheels: Wheels, python: str) -> bool:
    return wheels is Wheels.HOST or python == SYNTHESISING


def _compile(directory: Path) -> None:
    """Compile what is there, the same way each time: no time stamps, no path of this machine, a fixed hash seed."""
    command = [
        *(sys.executable, "-m", "compileall", "-q", "-f", "--invalidation-mode", "unchecked-hash"),
        *("-s", str(directory if directory.name != "timmybot" else directory.parent), "-p", DEPLOYED_AT),
        str(directory),
    ]
    # The seed decides in which order the constants of a set display are written down.
    environ = {"PATH": os.defpath, "PYTHONHASHSEED": "0"}
    result = subprocess.run(command, capture_output=True, text=True, check=False, env=environ)  # noqa: S603  # our own pip
    if result.returncode:
        raise BundleError(f"the function's bytecode could not be made:\n{result.stdout}{result.stderr}")


def _install(directory: Path, target: Sequence[str]) -> None:
    command = [
        *(sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"),
        *("--require-hashes", "--only-binary=:all:", "--no-deps", "--no-compile", "--target", str(directory)),
        *target,
        *("--requirement", str(REQUIREMENTS)),
    ]
    result = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603  # our own pip
    if result.returncode:
        raise BundleError(f"the functions' wheels could not be installed:\n{result.stderr}")


def _trim(directory: Path) -> None:
    """Remove what the function never opens: scripts, install records, and other services' API models."""
    shutil.rmtree(directory / "bin", ignore_errors=True)
    for record in directory.glob("*.dist-info"):
        shutil.rmtree(record)
    for service in (directory / "botocore" / "data").iterdir():
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


def _prune(keep: set[Path]) -> None:
    """Remove bundles and wheels that nobody has asked for in a while, and what an interrupted build left."""
    now = time.time()
    for path in BUNDLES.iterdir():
        with suppress(FileNotFoundError):
            if path not in keep and now - path.stat().st_mtime > KEPT_SECONDS:
                shutil.rmtree(path, ignore_errors=True)


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
        function_libraries(each, DEV.runtime)
