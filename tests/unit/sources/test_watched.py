"""A file of many streams is bounded in memory, and reads as it is."""

from __future__ import annotations

import io

import pytest

from tests.integration.sources import bombs
from tests.integration.sources.hostile import OPUS_HEAD
from timmybot.adapters.sources.children.media.packed_heads import MOST_TRACKS
from timmybot.adapters.sources.children.media.watched import FEW_TRACKS, MANY_TRACKS_BYTES, WatchedFile
from timmybot.ports.track_source import TrackError


def read_through(file: WatchedFile, size: int = 4_096) -> bytes:
    return b"".join(iter(lambda: file.read(size), b""))


class Growing:
    """A process that grows by so much with every look at it."""

    def __init__(self, step: int) -> None:
        self._size, self._step = 0, step

    def __call__(self) -> int:
        self._size += self._step
        return self._size


@pytest.mark.parametrize("tracks", [1, FEW_TRACKS, 20])
@pytest.mark.parametrize("size", [1, 3, 100, 4_096, 100_000])
def test_what_is_read_is_what_is_in_the_file(tracks: int, size: int) -> None:
    data = bombs.large_index(10, tracks=tracks)

    assert read_through(WatchedFile(io.BytesIO(data), lambda: 0), size) == data


@pytest.mark.parametrize("place", [0, 5, 40, 33_000])
def test_after_going_to_a_place_what_is_there_is_read(place: int) -> None:
    data = bombs.large_index(10, tracks=200)
    file = WatchedFile(io.BytesIO(data), lambda: 0)
    file.read(10)

    assert file.seek(place) == place
    assert file.read(1) == data[place : place + 1]
    assert file.tell() == place + 1
    assert file.seek(0, io.SEEK_END) == len(data)
    assert file.seek(place) == place
    assert read_through(file) == data[place:]


@pytest.mark.parametrize(("tracks", "is_refused"), [(FEW_TRACKS, False), (FEW_TRACKS + 1, True), (20, True)])
@pytest.mark.parametrize("size", [1, 4_096, 100_000])
def test_an_mp4_of_many_tracks_may_not_have_the_process_grow(tracks: int, size: int, *, is_refused: bool) -> None:
    data = bombs.large_index(10, tracks=tracks)
    file = WatchedFile(io.BytesIO(data), Growing(MANY_TRACKS_BYTES + 1))

    if is_refused:
        with pytest.raises(TrackError, match="holds too much besides its sound"):
            read_through(file, size)
        assert file.read(size) == b"", "FFmpeg asks again after an error"
    else:
        assert read_through(file, size) == data


def test_ffmpeg_comes_back_before_every_track() -> None:
    data = bombs.large_index(10, tracks=20)
    file = WatchedFile(io.BytesIO(data), lambda: 0)

    pieces = list(iter(lambda: file.read(100_000), b""))

    assert len(pieces) == 21
    assert all(piece.startswith(b"trak") for piece in pieces[1:])


@pytest.mark.parametrize(("packed", "is_refused"), [(0, False), (1, False), (2, True), (3, True)])
@pytest.mark.parametrize("size", [7, 4_096, 100_000])
def test_a_matroska_whose_heads_are_packed_is_refused(packed: int, size: int, *, is_refused: bool) -> None:
    data = bombs.matroska(b"A_OPUS", b"\xfc\xff\xfe", private=OPUS_HEAD, tracks=9, packed=packed)
    file = WatchedFile(io.BytesIO(data), lambda: 0)

    if is_refused:
        with pytest.raises(TrackError, match="holds too much besides its sound"):
            read_through(file, size)
    else:
        assert read_through(file, size) == data


@pytest.mark.parametrize("size", [1, 7, 4_096, 100_000])
def test_a_head_may_hold_the_bytes_that_elsewhere_say_it_is_packed(size: int) -> None:
    by_chance = b"\x50\x32\x81\x03" * 40
    index = bombs.element("114d9b74", bombs.element("4dbb", b"\x53\xab\x84\x16\x54\xae\x6b\x53\xac\x81\x40"))
    matroska = bombs.matroska(b"A_VORBIS", by_chance, private=by_chance, tracks=2, packed=1)
    head = matroska.index(bytes.fromhex("1549a966"))
    data = matroska[:head] + index + matroska[head:]

    assert read_through(WatchedFile(io.BytesIO(data), lambda: 0), size) == data


@pytest.mark.parametrize("size", [1, 7, 4_096])
def test_packed_heads_are_seen_behind_a_head_that_ffmpeg_leaps_over(size: int) -> None:
    data = bombs.matroska(b"A_OPUS", b"\xfc\xff\xfe", private=bytes(200_000), packed=2)
    file = WatchedFile(io.BytesIO(data), lambda: 0)
    file.read(100)
    place = data.index(bytes.fromhex("63a2"))
    while file.tell() < place + 10:
        file.read(size)
    file.seek(place + 200_000)

    with pytest.raises(TrackError, match="holds too much besides its sound"):
        read_through(file, size)


def test_a_file_of_many_lists_of_tracks_is_refused() -> None:
    data = b"\x1a\x45\xdf\xa3" + bytes.fromhex("1654ae6b80") * (MOST_TRACKS + 1)

    with pytest.raises(TrackError, match="holds too much besides its sound"):
        read_through(WatchedFile(io.BytesIO(data), lambda: 0), 5)


def test_an_index_that_is_packed_is_refused() -> None:
    with pytest.raises(TrackError, match="holds too much besides its sound"):
        read_through(WatchedFile(io.BytesIO(bombs.packed_index(1))))
