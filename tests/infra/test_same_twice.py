"""The same choices give the same assembly, to the byte: templates, assets, metadata and reports."""

from __future__ import annotations

import hashlib
from pathlib import Path

from infra.synthesis import STAMP, synthesise
from tests.infra.templates import Templates


def fingerprint(assembly: Path) -> dict[str, str]:
    files = (path for path in assembly.rglob("*") if path.is_file() and path.name != STAMP)
    return {str(path.relative_to(assembly)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def test_synthesised_twice_it_is_the_same_to_the_byte(dev: Templates, tmp_path: Path) -> None:
    again = fingerprint(synthesise("dev", directory=tmp_path / "again"))
    assert len(again) > 100
    assert again == fingerprint(dev.assembly)


def test_a_time_stamp_in_a_template_would_be_noticed(dev: Templates, tmp_path: Path) -> None:
    (tmp_path / "one.json").write_text('{"made": 1}')
    before = fingerprint(tmp_path)
    (tmp_path / "one.json").write_text('{"made": 2}')
    assert fingerprint(tmp_path) != before
