"""What a document says exists and does not. Each check returns the wrong claims, so that a test can show it object."""

from __future__ import annotations

import re

from infra.environments import OVERRIDABLE
from tests.docs import program
from tests.docs.documents import ROOT, Document, document

_ROOMS = ("src/", "infra/", "sandbox/", "tests/", "docs/", "requirements/")
_PATH = re.compile(r"[\w.\-/]+")


def dead_links(page: Document) -> list[str]:
    """Relative links to a file or an anchor that is not there."""
    return [target for target in page.links if not _leads_somewhere(page, target)]


def missing_paths(page: Document) -> list[str]:
    """Paths of this repository, written as code, that are not there."""
    named = (code for code in page.code if code.startswith(_ROOMS) and _PATH.fullmatch(code))
    return [path for path in named if not (ROOT / path).exists()]


def unknown_make_targets(page: Document) -> list[str]:
    named = (target for code in page.code for target in re.findall(r"(?:^|\$ )make ([a-z]\w*)", code))
    return [target for target in named if target not in program.make_targets()]


def unknown_timmybot_commands(page: Document) -> list[str]:
    """``timmybot …`` with a subcommand or an option that it does not have."""
    known = program.subcommands()
    wrong = []
    for code in page.code:
        for subcommand, rest in re.findall(r"^(?:\$ )?(?:\.venv/bin/)?timmybot ([a-z][\w-]*)(.*)", code):
            options = set(re.findall(r"--[a-z-]+", rest))
            if subcommand not in known or not options <= known[subcommand]:
                wrong.append(code)
    return wrong


def unknown_slash_commands(page: Document) -> list[str]:
    named = (name for code in page.code for name in re.findall(r"^/([a-z]+)(?: |$)", code))
    return [name for name in named if name not in program.slash_commands()]


def unknown_variables(page: Document) -> list[str]:
    known = program.settings().keys() | program.secrets()
    named = re.findall(r"\bTIMMYBOT_[A-Z_]*[A-Z]\b", page.text)
    return [variable for variable in named if variable not in known]


def unknown_choices(page: Document) -> list[str]:
    named = (field for code in page.code for field in re.findall(r"-c (\w+)=", code))
    return [field for field in named if field not in OVERRIDABLE | {"env", "field"}]


def missing_modules(page: Document) -> list[str]:
    """``python -m …`` of ours that has no file."""
    named = (name for code in page.code for name in re.findall(r"-m ((?:sandbox|infra|timmybot)[\w.]*)", code))
    return [name for name in named if not _is_module(name)]


CHECKS = (
    dead_links,
    missing_paths,
    unknown_make_targets,
    unknown_timmybot_commands,
    unknown_slash_commands,
    unknown_variables,
    unknown_choices,
    missing_modules,
)


def _leads_somewhere(page: Document, target: str) -> bool:
    name, _, anchor = target.partition("#")
    path = (page.path.parent / name).resolve() if name else page.path
    if not path.exists():
        return False
    there = page if path == page.path else document(str(path.relative_to(ROOT))) if path.suffix == ".md" else None
    return not anchor or (there is not None and anchor in there.anchors)


def _is_module(name: str) -> bool:
    path = ROOT / ("src" if name.startswith("timmybot") else "") / name.replace(".", "/")
    return path.with_suffix(".py").exists() or (path / "__main__.py").exists()
