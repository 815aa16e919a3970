"""A document that names a file, link, command, option or variable that is not there fails here."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.docs import claims
from tests.docs.documents import ROOT, Document, documents

Check = Callable[[Document], list[str]]


@pytest.mark.parametrize("page", documents(), ids=lambda page: str(page.path.relative_to(ROOT)))
@pytest.mark.parametrize("check", claims.CHECKS, ids=lambda check: check.__name__)
def test_a_document_claims_nothing_that_is_not_there(page: Document, check: Check) -> None:
    assert check(page) == []


@pytest.mark.parametrize(
    ("check", "text"),
    [
        (claims.dead_links, "See [the map](docs/nowhere.md)."),
        (claims.dead_links, "See [the moon](README.md#the-moon)."),
        (claims.missing_paths, "It is in `src/timmybot/nowhere.py`."),
        (claims.unknown_make_targets, "```\n$ make coffee\n```"),
        (claims.unknown_timmybot_commands, "Say `timmybot dance`."),
        (claims.unknown_timmybot_commands, "Say `.venv/bin/timmybot run --loudly`."),
        (claims.unknown_slash_commands, "Type `/sing url:<link>`."),
        (claims.unknown_variables, "Set `TIMMYBOT_MOOD` to 1."),
        (claims.unknown_choices, "```\ncdk deploy --all -c colour=red\n```"),
        (claims.missing_modules, "Run `python -m sandbox.nowhere`."),
    ],
)
def test_negative_control_each_check_notices_what_is_not_there(check: Check, text: str) -> None:
    assert check(Document(ROOT / "README.md", text)) != []
