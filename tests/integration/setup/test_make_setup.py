"""``make setup`` on other machines: which Python it takes, what it says where there is none, and two at once."""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
PATIENCE_SECONDS = 60
RUNS_NOTHING = 'echo "the version manager: $0: no such version is chosen" >&2; exit 127'
RUNS = f'exec "{sys.executable}" "$@"'
TOO_OLD = "exit 1"
"""What it answers to being asked whether it is new enough."""
WITHOUT_VENV = f"""case "$2" in *ensurepip*) echo "No module named 'ensurepip'" >&2; exit 1;; esac; {RUNS}"""
"""Debian's, without python3-venv."""


@pytest.fixture
def machine(tmp_path: Path) -> Path:
    """A checkout of the Makefile alone, beside a folder of names that is all the path there is."""
    (tmp_path / "bin").mkdir()
    for tool in ("bash", "sh", "make", "mkdir", "flock", "env"):
        if found := shutil.which(tool):
            (tmp_path / "bin" / tool).symlink_to(found)
    shutil.copy(ROOT / "Makefile", tmp_path)
    return tmp_path


def has(machine: Path, name: str, does: str) -> Path:
    path = machine / "bin" / name
    path.write_text(f"#!/bin/sh\n{does}\n")
    path.chmod(0o755)
    return path


CACHES = ("npm_config_cache", "PIP_CACHE_DIR")


def make(machine: Path, *arguments: str, **more: str) -> subprocess.Popen[str]:
    without = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("MAKE", "MFLAGS", "PYTHON")) and name not in CACHES
    }
    return subprocess.Popen(
        ["make", *arguments],
        cwd=machine,
        env=without | {"PATH": str(machine / "bin")} | more,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def said(machine: Path, *arguments: str, **more: str) -> str:
    with make(machine, *arguments, **more) as process:
        return process.communicate(timeout=PATIENCE_SECONDS)[0].strip()


def taken(machine: Path) -> str:
    return said(machine, "--eval", "taken: ; @echo $(PYTHON)", "taken")


def test_the_newest_python_that_runs_is_taken_and_not_the_newest_name(machine: Path) -> None:
    has(machine, "python3.13", RUNS_NOTHING)
    twelve = has(machine, "python3.12", RUNS)
    has(machine, "python3.11", RUNS)
    assert taken(machine) == str(twelve)


def test_a_python_that_is_too_old_or_makes_no_environments_is_passed_over(machine: Path) -> None:
    has(machine, "python3.13", WITHOUT_VENV)
    has(machine, "python3.12", TOO_OLD)
    eleven = has(machine, "python3.11", RUNS)
    assert taken(machine) == str(eleven)


def test_where_no_python_makes_environments_debians_package_is_named(machine: Path) -> None:
    has(machine, "python3", WITHOUT_VENV)
    assert "python3-venv" in said(machine, ".venv/bin/python")


def test_one_that_was_chosen_and_makes_none_is_named_with_that_package(machine: Path) -> None:
    chosen = has(machine, "python3.12", WITHOUT_VENV)
    answer = said(machine, ".venv/bin/python", f"PYTHON={chosen}")
    assert f"{chosen} cannot make environments" in answer
    assert "python3-venv" in answer


def installing(machine: Path, **more: str) -> str:
    """What a stand-in for npm says, which stops where it cannot write to its cache, and what pip's cache is."""
    (machine / ".venv" / "bin").mkdir(parents=True)
    for made in (".venv/.node", "package.json", "package-lock.json"):
        (machine / made).touch()
    npm = machine / ".venv" / "bin" / "npm"
    npm.write_text(
        "#!/bin/sh\n"
        'mkdir -p "${npm_config_cache:-$HOME/.npm}" || exit 1\n'
        'echo "npm in $npm_config_cache, pip in $PIP_CACHE_DIR"\n'
    )
    npm.chmod(0o755)
    return said(machine, "-o", ".venv/.node", ".venv/.cdk", **more)


def test_a_home_that_cannot_be_written_to_stops_nothing_as_caches_are_in_the_checkout_then(machine: Path) -> None:
    home = machine / "a file where the home should be"
    home.touch(mode=0o444)
    told = installing(machine, HOME=str(home / "not there"))
    assert f"npm in {machine}/build/npm, pip in {machine}/build/pip" in told


def test_a_cache_that_was_chosen_is_used_and_pips_own_where_there_is_a_home(machine: Path) -> None:
    chosen = machine / "chosen"
    assert f"npm in {chosen}, pip in \n" in installing(machine, HOME=str(machine), npm_config_cache=str(chosen))


@pytest.mark.skipif(not shutil.which("flock"), reason="without flock nobody waits")
def test_of_two_at_once_one_waits_and_says_so(machine: Path) -> None:
    (machine / "build").mkdir()
    with (machine / "build" / ".setup-lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with make(machine, "setup") as process:
            assert process.stdout
            assert process.stdout.readline() == "waiting for another make that installs here\n"
            assert process.poll() is None
            fcntl.flock(lock, fcntl.LOCK_UN)
            rest, _ = process.communicate(timeout=PATIENCE_SECONDS)
    assert rest, "then it goes on, as far as it gets where there is nothing to install"
