"""What a function carries is what it reaches by import."""

from __future__ import annotations

from pathlib import Path

import pytest

from infra.components.import_closure import reached_modules


@pytest.fixture
def source(tmp_path: Path) -> Path:
    files = {
        "bot/__init__.py": "",
        "bot/door.py": "from bot.domain import queue\nimport json\n",
        "bot/domain/__init__.py": "",
        "bot/domain/queue.py": "def late():\n    from bot.prices import table\n",
        "bot/prices/__init__.py": "",
        "bot/prices/table.py": "",
        "bot/prices/prices.json": "{}",
        "bot/voice.py": "import av\n",
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    return tmp_path


def test_modules_are_followed_through_packages_and_into_functions(source: Path) -> None:
    reached = {str(path.relative_to(source)) for path in reached_modules(source, "bot.door")}
    assert reached == {
        "bot/__init__.py",
        "bot/door.py",
        "bot/domain/__init__.py",
        "bot/domain/queue.py",
        "bot/prices/__init__.py",
        "bot/prices/table.py",
        "bot/prices/prices.json",
    }


def test_a_relative_import_is_refused_rather_than_missed(source: Path) -> None:
    (source / "bot/door.py").write_text("from . import voice\n")
    with pytest.raises(ValueError, match=r"door\.py:1: relative imports cannot be followed"):
        reached_modules(source, "bot.door")


def test_a_handler_that_does_not_exist_is_named(source: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"no module bot\.attic"):
        reached_modules(source, "bot.attic")
