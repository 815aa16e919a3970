"""What children may use of a container's CPU: less than its quota, so that pacing is never stopped with them."""

from __future__ import annotations

from pathlib import Path

import pytest

from timmybot.adapters.sources.cpu_quota import AHEAD_SECONDS, LONGEST_REST_SECONDS, SHARE, CpuQuota, Thrift

QUARTER = 0.25
FRAME_SECONDS = 0.0002


class Machine:
    """Time passes when somebody computes, and when somebody sleeps."""

    def __init__(self, cores: float | None = QUARTER, worker_share: float = 0.0) -> None:
        self.now = 1_000.0
        self.child = 0.0
        self.cores = cores
        self._worker_share = worker_share
        self.rests: list[float] = []

    def compute(self, seconds: float) -> None:
        self.now += seconds
        self.child += seconds

    def sleep(self, seconds: float) -> None:
        self.rests.append(seconds)
        self.now += seconds

    def used(self) -> float:
        return self.child + (self.now - 1_000.0) * self._worker_share

    def thrift(self) -> Thrift:
        return Thrift(lambda: self.cores, self.used, lambda: self.now, self.sleep)

    def work(self, seconds: float) -> Thrift:
        """Make frames for so long, resting where that is due."""
        thrift = self.thrift()
        ends_at = self.now + seconds
        while self.now < ends_at:
            thrift.rest()
            self.compute(FRAME_SECONDS)
        return thrift


def test_a_child_keeps_within_its_share_of_the_quota() -> None:
    machine = Machine()
    machine.work(10.0)
    assert machine.child == pytest.approx(10.0 * QUARTER * SHARE, rel=0.05)


def test_what_the_worker_uses_is_left_to_it() -> None:
    machine = Machine(worker_share=0.1)
    machine.work(10.0)
    assert machine.child + 1.0 == pytest.approx(10.0 * QUARTER * SHARE, rel=0.05)


def test_no_burst_is_longer_than_a_period_of_pacing_bears() -> None:
    machine = Machine()
    thrift = machine.work(2.0)
    machine.sleep(60.0)  # a long rest saves nothing up
    begun, rests = machine.child, len(machine.rests)
    while len(machine.rests) == rests:
        thrift.rest()
        machine.compute(FRAME_SECONDS)
    assert machine.child - begun < 2 * AHEAD_SECONDS


def test_without_a_quota_nobody_rests() -> None:
    """The control."""
    machine = Machine(cores=None)
    machine.work(10.0)
    assert not machine.rests
    assert machine.child == pytest.approx(10.0, rel=0.01)


def test_a_worker_that_uses_all_of_it_does_not_stop_a_child_for_good() -> None:
    machine = Machine(worker_share=0.5)
    machine.work(10.0)
    assert machine.child > 10.0 / LONGEST_REST_SECONDS * FRAME_SECONDS / 2
    assert max(machine.rests) <= LONGEST_REST_SECONDS


def test_a_quota_that_comes_later_is_noticed() -> None:
    machine = Machine(cores=None)
    thrift = machine.work(1.0)
    machine.cores = QUARTER
    machine.compute(2.0)
    for _ in range(10_000):
        thrift.rest()
        machine.compute(FRAME_SECONDS)
    assert machine.rests


def group(root: Path, path: str, **files: str) -> None:
    folder = root / path
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        (folder / name.replace("__", ".")).write_text(content)


def told(tmp_path: Path, own: str) -> float | None:
    (tmp_path / "own").write_text(own)
    quota = CpuQuota(tmp_path / "groups", tmp_path / "own")
    cores = quota.cores()
    quota.close()
    return cores


def test_the_smallest_quota_around_a_process_counts(tmp_path: Path) -> None:
    group(tmp_path / "groups", "task", cpu__max="25000 100000")
    group(tmp_path / "groups", "task/container", cpu__max="max 100000")
    assert told(tmp_path, "0::/task/container\n") == 0.25


def test_the_first_version_of_groups_is_read_too(tmp_path: Path) -> None:
    group(tmp_path / "groups", "cpu,cpuacct/box", cpu__cfs_quota_us="50000", cpu__cfs_period_us="100000")
    assert told(tmp_path, "4:cpu,cpuacct:/box\n3:memory:/box\n") == 0.5


@pytest.mark.parametrize("content", ["max 100000", "", "nonsense", "-1 100000"])
def test_without_a_number_there_is_no_quota(tmp_path: Path, content: str) -> None:
    group(tmp_path / "groups", "box", cpu__max=content)
    assert told(tmp_path, "0::/box\n") is None


def test_where_no_system_tells_there_is_none(tmp_path: Path) -> None:
    assert CpuQuota(tmp_path / "groups", tmp_path / "nothing").cores() is None
