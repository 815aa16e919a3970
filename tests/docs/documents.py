"""The project's documents as things that can be checked: code, links, tables and headings."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]

_FENCE = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)
_SPAN = re.compile(r"`([^`\n]+)`")
_LINK = re.compile(r"(?<!!)\[[^\]]*\]\(([^)\s]+)\)")
_HEADING = re.compile(r"^#{1,6} (.+)$", re.MULTILINE)


@dataclass(frozen=True)
class Document:
    """One Markdown file. ``path`` is what its relative links start from."""

    path: Path
    text: str

    @property
    def prose(self) -> str:
        """Everything but fenced blocks."""
        return _FENCE.sub("", self.text)

    @property
    def code(self) -> list[str]:
        """What stands as code: each span, and each line of each fenced block."""
        spans: list[str] = _SPAN.findall(self.prose)
        return spans + [line for block in _FENCE.findall(self.text) for line in block.splitlines()[1:-1]]

    @property
    def links(self) -> list[str]:
        """The targets of links, other than those that lead to the web."""
        found: list[str] = _LINK.findall(self.prose)
        return [target for target in found if "://" not in target]

    @property
    def anchors(self) -> set[str]:
        """What ``#…`` may name, the way GitHub makes anchors of headings."""
        headings = (heading.lower().replace("`", "") for heading in _HEADING.findall(self.prose))
        return {re.sub(r"[^\w\- ]", "", heading).strip().replace(" ", "-") for heading in headings}

    def rows(self) -> Iterator[list[str]]:
        """The cells of every table row, backquotes kept."""
        for line in self.prose.splitlines():
            if line.startswith("|") and not set(line) <= set("|- "):
                yield [cell.strip() for cell in line.strip("|").split("|")]

    def row(self, first: str) -> list[str]:
        """The cells behind the first one of the row that begins with ``first``; empty if there is none."""
        return next((cells[1:] for cells in self.rows() if cells[0] == first), [])


def document(name: str) -> Document:
    path = ROOT / name
    return Document(path, path.read_text(encoding="utf-8"))


def documents() -> list[Document]:
    paths = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").rglob("*.md"))]
    return [document(str(path.relative_to(ROOT))) for path in paths]
