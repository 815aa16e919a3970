"""What servers say of a file's size and place, and what they say instead."""

from __future__ import annotations

import pytest
import urllib3

from timmybot.adapters.sources.answers import begin_of, size_of


def answer(**headers: str) -> urllib3.HTTPResponse:
    return urllib3.HTTPResponse(headers={name.replace("_", "-"): value for name, value in headers.items()})


def test_a_part_tells_where_it_begins_and_how_large_the_whole_is() -> None:
    part = answer(Content_Range="bytes 100-199/200", Content_Length="100")

    assert begin_of(part) == 100
    assert size_of(part, partial=True) == 200


def test_a_whole_is_as_large_as_it_is_long() -> None:
    assert size_of(answer(Content_Length="300"), partial=False) == 300


@pytest.mark.parametrize("total", ["*", "", "-1", "+1", "1_000", "\u00b2", "9" * 19, "9" * 5_000])
def test_what_is_no_size_is_none(total: str) -> None:
    """Python itself would take some of these for numbers, and fail over others."""
    assert size_of(answer(Content_Range=f"bytes 0-1/{total}"), partial=True) is None
    assert size_of(answer(Content_Length=total), partial=False) is None


@pytest.mark.parametrize("begin", ["*", "", "9" * 5_000, "\u00b2"])
def test_what_is_no_place_is_the_beginning(begin: str) -> None:
    assert begin_of(answer(Content_Range=f"bytes {begin}-/*")) == 0


def test_what_comes_in_chunks_has_no_length_whatever_it_says_besides() -> None:
    chunked = answer(Content_Length="300", Transfer_Encoding="chunked")

    assert size_of(chunked, partial=False) is None
