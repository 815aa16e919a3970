"""A limit is written where the kernel reads it, and a machine that has no cgroup v1 is told so."""

from __future__ import annotations

from pathlib import Path

import pytest

from sandbox.bench.quota import MemoryUse, NoQuota, Quota

MIB = 1024**2


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Where the kernel would have its controllers: here they are only directories."""
    for controller in ("cpu", "memory"):
        (tmp_path / controller).mkdir()
    return tmp_path


def group(root: Path, controller: str) -> Path:
    (made,) = (root / controller).iterdir()
    return made


def test_a_process_is_put_under_both_limits(root: Path) -> None:
    quota = Quota("task", memory_bytes=512 * MIB, root=root)
    quota.take(7)
    quota.allow(0.25)
    assert (group(root, "cpu") / "cpu.cfs_quota_us").read_text() == "25000"
    assert (group(root, "memory") / "memory.limit_in_bytes").read_text() == str(512 * MIB)
    assert {(group(root, name) / "cgroup.procs").read_text() for name in ("cpu", "memory")} == {"7"}


def test_a_share_of_a_core_alone_leaves_memory_alone(root: Path) -> None:
    Quota("@discordjs/voice", root=root).allow(None)
    assert (group(root, "cpu") / "cpu.cfs_quota_us").read_text() == "-1"
    assert not list((root / "memory").iterdir())


def test_what_the_kernel_says_of_memory_is_read(root: Path) -> None:
    quota = Quota("task", memory_bytes=512 * MIB, root=root)
    told = group(root, "memory")
    (told / "memory.max_usage_in_bytes").write_text(f"{130 * MIB}\n")
    (told / "memory.failcnt").write_text("3\n")
    (told / "memory.oom_control").write_text("oom_kill_disable 0\nunder_oom 0\noom_kill 1\n")
    assert quota.memory() == MemoryUse(peak_bytes=130 * MIB, tcp_peak_bytes=0, refused=3, killed=1)


def test_a_controller_that_is_not_there_is_named(root: Path) -> None:
    (root / "memory").rmdir()
    Quota("streams", root=root)
    with pytest.raises(NoQuota, match="memory controller"):
        Quota("task", memory_bytes=512 * MIB, root=root)
