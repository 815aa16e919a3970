"""The tracker claims nothing without saying where it is proven."""

from __future__ import annotations

import re

from tests.docs.documents import document

STATES = ("done", "partly", "not yet")


def promises() -> list[tuple[str, str, str]]:
    """Promise, proof and state of every row but headings."""
    rows = [cells for cells in document("docs/TRACKER.md").rows() if len(cells) == 3 and cells[2]]
    return [(promise, proof, state) for promise, proof, state in rows[1:]]


def test_every_promise_is_done_partly_done_or_not_yet() -> None:
    assert len(promises()) > 20
    assert [promise for promise, _, state in promises() if not state.startswith(STATES)] == []


def test_what_is_done_says_where_it_is_proven() -> None:
    proven = [(promise, proof) for promise, proof, state in promises() if not state.startswith("not yet")]
    assert [promise for promise, proof in proven if not re.search(r"`(tests|sandbox)/", proof)] == []


def test_what_is_partly_done_says_what_is_missing() -> None:
    partly = [state for _, _, state in promises() if state.startswith("partly")]
    assert [state for state in partly if not re.match(r"partly: \w", state)] == []
