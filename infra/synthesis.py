"""Templates without the cdk command, made only when something they are made from has changed.

``python -m infra.synthesis dev`` writes a cloud assembly that ``cdk deploy --app <directory>`` takes as it is.
Several processes may ask for the same assembly at once: one makes it, the others wait.
"""

from __future__ import annotations

import argparse
import asyncio
import fcntl
import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from infra.components.function_bundle import FRONT_DOOR, ROOT, SOURCE, TASK_STOPPED
from infra.components.import_closure import reached_modules

ASSEMBLIES = ROOT / "build" / "cdk.out"

INPUTS = ("cdk.json", "requirements/frontdoor.txt", "infra", "src/timmybot/settings.py")
IMAGE_INPUTS = (
    ".dockerignore",
    "Dockerfile",
    "requirements/js-runtime.txt",
    "requirements/native.txt",
    "requirements/worker.txt",
    "src",
)
"""What only an image built from here depends on: with ``image`` chosen, a change to the worker is no new assembly."""

STAMP = "inputs.sha256"


class SynthesisError(RuntimeError):
    """The CDK application did not finish; it has said why on standard error."""


def synthesise(
    environment: str,
    choices: Mapping[str, str] | None = None,
    directory: Path | None = None,
    *,
    run_app: Callable[[Mapping[str, str], Path], None] | None = None,
) -> Path:
    """The assembly of an environment, in ``build/cdk.out/<environment>`` unless told otherwise.

    ``choices`` are what ``-c`` would override. Takes a fraction of a second when nothing changed, else
    some ten seconds. Raises :class:`SynthesisError`.
    """
    context = {"env": environment, **(choices or {})}
    assembly = directory or ASSEMBLIES / environment
    wanted = _digest(context)
    with _locked(assembly):
        if not _is_current(assembly, wanted):
            shutil.rmtree(assembly, ignore_errors=True)
            (run_app or _run_app)(context, assembly)
            (assembly / STAMP).write_text(wanted)
    return assembly


async def synthesise_in_child(environment: str, choices: Mapping[str, str], directory: Path) -> Path:
    """:func:`synthesise` in a process of its own, which ends when the caller is cancelled. Raises as that does."""
    context = [argument for name, value in choices.items() for argument in ("-c", f"{name}={value}")]
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "infra.synthesis", environment, "--output", str(directory), *context),
        cwd=ROOT,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        status = await process.wait()
    finally:
        if process.returncode is None:
            # The app and jsii's node are in its group. What they leave has no stamp, and is made anew.
            os.killpg(process.pid, signal.SIGKILL)
            await process.wait()
    if status:
        raise SynthesisError(f"synthesis of {environment} failed")
    return directory


def _run_app(context: Mapping[str, str], assembly: Path) -> None:
    """What ``cdk synth`` does: run the app with its context and output directory in the environment."""
    settings = json.loads((ROOT / "cdk.json").read_text())
    full = {
        **settings["context"],
        "aws:cdk:enable-path-metadata": False,
        "aws:cdk:enable-asset-metadata": False,
        "aws:cdk:version-reporting": False,
        # A trace names jsii's temporary directory, and no two assemblies would be the same.
        "aws:cdk:disable-stack-trace": True,
        **context,
    }
    environ = {**os.environ, "CDK_OUTDIR": str(assembly), "CDK_CONTEXT_JSON": json.dumps(full)}
    environ["CDK_DISABLE_STACK_TRACE"] = "1"
    # jsii starts the first node on PATH: ours, from the virtual environment.
    environ["PATH"] = os.pathsep.join([str(Path(sys.prefix) / "bin"), environ.get("PATH", os.defpath)])
    if subprocess.run([sys.executable, "-m", "infra.app"], cwd=ROOT, env=environ, check=False).returncode:
        raise SynthesisError(f"synthesis of {context['env']} failed")


def _is_current(assembly: Path, wanted: str) -> bool:
    stamp = assembly / STAMP
    return stamp.exists() and stamp.read_text() == wanted


def _digest(context: Mapping[str, str]) -> str:
    digest = hashlib.sha256(json.dumps(context, sort_keys=True).encode())
    for path in sorted(_input_files(built_image="image" not in context)):
        digest.update(str(path.relative_to(ROOT)).encode())
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


def _input_files(*, built_image: bool) -> Iterator[Path]:
    for handler in (FRONT_DOOR, TASK_STOPPED):
        yield from reached_modules(SOURCE, handler)
    for name in (*INPUTS, *(IMAGE_INPUTS if built_image else ())):
        path = ROOT / name
        if path.is_file():
            yield path
            continue
        yield from (file for file in path.rglob("*") if file.is_file() and not _is_by_product(file))


def _is_by_product(path: Path) -> bool:
    return any(part == "__pycache__" or part.endswith((".egg-info", ".so")) for part in path.parts)


@contextmanager
def _locked(assembly: Path) -> Iterator[None]:
    assembly.parent.mkdir(parents=True, exist_ok=True)
    with assembly.with_name(f".{assembly.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def main() -> int:
    parser = argparse.ArgumentParser(description="Write an environment's templates under build/cdk.out")
    parser.add_argument("environment")
    parser.add_argument("--output", type=Path, metavar="DIR", help="where to (default: build/cdk.out/ENVIRONMENT)")
    parser.add_argument("-c", "--context", action="append", default=[], metavar="NAME=VALUE")
    arguments = parser.parse_args()
    try:
        choices = dict(choice.split("=", 1) for choice in arguments.context)
        assembly = synthesise(arguments.environment, choices, arguments.output)
    except SynthesisError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    print(f"templates of {arguments.environment} are in {os.path.relpath(assembly)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
