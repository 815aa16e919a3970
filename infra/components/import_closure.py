"""Which of our modules a module reaches by import, read from the source without running it."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path


def reached_modules(source: Path, root: str) -> list[Path]:
    """The files under ``source`` that importing ``root`` (dotted) can load, sorted; JSON data beside them included.

    Imports inside functions count. Relative imports are refused (the project has none), because resolving
    them wrongly would ship a function that fails at its first request. Raises :class:`FileNotFoundError`
    when there is no such root.
    """
    if _file(source, root) is None:
        raise FileNotFoundError(f"no module {root} under {source}")
    reached: set[Path] = set()
    waiting = [root]
    while waiting:
        for name in _with_parents(waiting.pop()):
            path = _file(source, name)
            if path is not None and path not in reached:
                reached.add(path)
                waiting.extend(_imports(path))
    data = {file for path in reached for file in path.parent.glob("*.json")}
    return sorted(reached | data)


def _with_parents(name: str) -> Iterator[str]:
    parts = name.split(".")
    return (".".join(parts[: length + 1]) for length in range(len(parts)))


def _file(source: Path, name: str) -> Path | None:
    path = source.joinpath(*name.split("."))
    candidates = (path.with_name(f"{path.name}.py"), path / "__init__.py")
    return next((candidate for candidate in candidates if candidate.is_file()), None)


def _imports(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(), str(path))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            if node.level or node.module is None:
                raise ValueError(f"{path}:{node.lineno}: relative imports cannot be followed; name the module in full")
            yield node.module
            # "from package import module" names a module as often as a value.
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
