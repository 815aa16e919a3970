"""Servers whose later answers do not keep what the first one said."""

from __future__ import annotations

import gzip
from collections.abc import Iterator

import pytest

from tests.integration.sources.media_server import Behaviour, Handler, MediaServer, content
from timmybot.adapters.sources.addresses import AddressPolicy
from timmybot.adapters.sources.fetch import HttpFile
from timmybot.ports.track_source import TrackError

DATA = bytes(range(251)) * 4_000
FAR = 900_000


def then(behaviour: Behaviour) -> Behaviour:
    """A good server's answer, and ``behaviour`` from the second request on."""

    def behave(request: Handler) -> None:
        (content(DATA) if len(request.server.requests) == 1 else behaviour)(request)

    return behave


def part(span: str | None, begin: int = FAR, **headers: str) -> Behaviour:
    def behave(request: Handler) -> None:
        told = {} if span is None else {"Content_Range": span}
        request.begin(206, Content_Length=str(len(DATA) - begin), **told, **headers)
        request.wfile.write(DATA[begin:])

    return behave


@pytest.fixture
def files() -> Iterator[list[HttpFile]]:
    made: list[HttpFile] = []
    yield made
    for one in made:
        one.close()


def far_into(server: MediaServer, files: list[HttpFile], behaviour: Behaviour) -> bytes:
    file = HttpFile(server.serve("/a", then(behaviour)), AddressPolicy(server.allowed), pauses=())
    files.append(file)
    assert file.read(10) == DATA[:10]
    file.seek(FAR)
    return file.read(10)


WHOLE = len(DATA)
STILL_READ = {
    "the whole instead of a part": content(DATA, ranges=False),
    "a part that begins before": part(f"bytes {FAR - 9}-{WHOLE - 1}/{WHOLE}", FAR - 9),
    "a part in capitals": part(f"BYTES {FAR}-{WHOLE - 1}/{WHOLE}"),
    "a part that says to end elsewhere": part(f"bytes {FAR}-5/{WHOLE}"),
}


@pytest.mark.parametrize("name", STILL_READ)
def test_what_can_be_read_all_the_same_is_read_from_the_right_place(
    server: MediaServer, files: list[HttpFile], name: str
) -> None:
    assert far_into(server, files, STILL_READ[name]) == DATA[FAR : FAR + 10]


ANOTHER = "another part of the file"
CHANGED = "changed while I was reading it"
REFUSED = {
    "a part that begins behind": (part(f"bytes {FAR + 1}-{WHOLE - 1}/{WHOLE}", FAR + 1), ANOTHER),
    "a part that does not say where it begins": (part(f"bytes */{WHOLE}"), ANOTHER),
    "a part that begins nowhere": (part(f"bytes x-y/{WHOLE}"), ANOTHER),
    "a part of something else": (part(f"pages {FAR}-{WHOLE - 1}/{WHOLE}"), ANOTHER),
    "a part that begins at 5,000 digits": (part(f"bytes {'9' * 5_000}-/{WHOLE}"), ANOTHER),
    "a part without a word": (part(None), CHANGED),
    "a part of another file": (part(f"bytes {FAR}-{WHOLE}/{WHOLE + 1}"), CHANGED),
    "the whole of another file": (content(DATA + b"more", ranges=False), CHANGED),
    "a part that is compressed": (
        part(f"bytes {FAR}-{WHOLE - 1}/{WHOLE}", Content_Encoding="gzip"),
        "sends the file compressed",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_would_be_heard_from_another_place_is_refused(
    server: MediaServer, files: list[HttpFile], name: str
) -> None:
    behaviour, sentence = REFUSED[name]

    with pytest.raises(TrackError, match=sentence):
        far_into(server, files, behaviour)


def test_a_first_answer_that_is_compressed_is_refused(server: MediaServer, files: list[HttpFile]) -> None:
    def zipped(request: Handler) -> None:
        assert request.headers["Accept-Encoding"] == "identity"
        data = gzip.compress(DATA)
        request.begin(200, Content_Encoding="gzip", Content_Length=str(len(data)))
        request.wfile.write(data)

    files.append(HttpFile(server.serve("/a", zipped), AddressPolicy(server.allowed)))
    with pytest.raises(TrackError, match="sends the file compressed"):
        files[0].open()


@pytest.mark.parametrize("span", [None, "", "nonsense", "bytes */*", "bytes 5"])
def test_a_first_part_that_does_not_say_where_it_begins_is_read_from_its_beginning(
    server: MediaServer, files: list[HttpFile], span: str | None
) -> None:
    files.append(HttpFile(server.serve("/a", part(span, 0)), AddressPolicy(server.allowed)))

    assert files[0].read(10) == DATA[:10]
    assert not files[0].open().ranges
