"""Media files made to cost memory or time, or to crash whoever reads them."""

from __future__ import annotations

import struct
from collections.abc import Callable

from tests.integration.sources.media_server import Behaviour, Handler, content

MIB = 1024**2


def repeated(head: bytes, piece: bytes, size: int, kind: str = "audio/mpeg") -> Behaviour:
    """A file of ``size`` bytes, ranges and all: ``head``, and ``piece`` over and over. Kept by nobody."""
    block = piece * (MIB // len(piece) or 1)

    def behave(request: Handler) -> None:
        asked = request.headers.get("Range", "bytes=0-")
        place = int(asked.removeprefix("bytes=").removesuffix("-"))
        span = f"bytes {place}-{size - 1}/{size}"
        request.begin(206, Content_Type=kind, Content_Length=str(size - place), Content_Range=span)
        while place < size:
            part = head[place:] if place < len(head) else block[(place - len(head)) % len(piece) :]
            part = part[: size - place]
            request.wfile.write(part)
            place += len(part)

    return behave


def id3_of(size: int) -> bytes:
    """The head of an ID3v2.3 tag that says it is ``size`` bytes long, and that it is one picture."""
    synchsafe = bytes((size >> shift) & 0x7F for shift in (21, 14, 7, 0))
    return b"ID3\x03\0\0" + synchsafe + b"APIC" + struct.pack(">I", size - 10) + b"\0\0\0image/png\0\x03\0"


def id3_of_many(count: int) -> bytes:
    """A tag of many small texts of one's own."""
    frames = b"".join(
        b"TXXX" + struct.pack(">I", 30) + b"\0\0\0" + f"{number:020d}".encode() + b"\0" + b"x" * 8
        for number in range(count)
    )
    size = len(frames)
    return b"ID3\x03\0\0" + bytes((size >> shift) & 0x7F for shift in (21, 14, 7, 0)) + frames


def atom(kind: bytes, body: bytes, size: int | None = None) -> bytes:
    return struct.pack(">I", len(body) + 8 if size is None else size) + kind + body


def huge_atom(kind: bytes, size: int) -> bytes:
    return struct.pack(">I", 1) + kind + struct.pack(">Q", size)


FTYP = atom(b"ftyp", b"M4A \0\0\0\0M4A mp42isom")


def nested_atoms(depth: int) -> bytes:
    body = b""
    for number in range(depth):
        body = atom((b"moov", b"trak", b"mdia", b"udta")[number % 4], body)
    return FTYP + body


def sample_table(entries: int) -> bytes:
    """A sound track whose tables claim ``entries`` samples of a byte each, and do not hold them."""
    stts = atom(b"stts", struct.pack(">III", 0, entries, 0))
    stsz = atom(b"stsz", struct.pack(">III", 0, 0, entries))
    stco = atom(b"stco", struct.pack(">II", 0, entries))
    stsc = atom(b"stsc", struct.pack(">II", 0, entries))
    stbl = atom(b"stbl", stts + stsz + stco + stsc)
    hdlr = atom(b"hdlr", b"\0" * 8 + b"soun" + b"\0" * 13)
    mdhd = atom(b"mdhd", b"\0" * 12 + struct.pack(">II", 48_000, 0xFFFFFFFF) + b"\0" * 4)
    return FTYP + atom(b"moov", atom(b"trak", atom(b"mdia", mdhd + hdlr + atom(b"minf", stbl))))


def ogg_page(granule: int, serial: int, flags: int, segments: bytes, body: bytes) -> bytes:
    """Without a checksum that fits: FFmpeg checks it only sometimes."""
    return (
        b"OggS\0"
        + bytes([flags])
        + struct.pack("<qIII", granule, serial, 0, 0)
        + bytes([len(segments)])
        + segments
        + body
    )


OPUS_HEAD = b"OpusHead\x01\x02\x38\x01\x80\xbb\0\0\0\0\0"


def many_ogg_streams(count: int) -> bytes:
    return b"".join(ogg_page(0, serial, 2, bytes([len(OPUS_HEAD)]), OPUS_HEAD) for serial in range(count))


def absurd_granules() -> bytes:
    head = ogg_page(0, 7, 2, bytes([len(OPUS_HEAD)]), OPUS_HEAD)
    tags = b"OpusTags" + struct.pack("<I", 0xFFFFFFF0)
    pages = b"".join(
        ogg_page(granule, 7, 0, b"\x03" * 200, b"\xfc\xff\xfe" * 200)
        for granule in (2**62, -(2**62), 5, 2**63 - 1, -1, 0) * 200
    )
    return head + ogg_page(0, 7, 0, bytes([len(tags)]), tags) + pages


EBML = bytes.fromhex("1a45dfa39f4286810142f7810142f2810442f381084282847765626d42878104428581 02".replace(" ", ""))
UNKNOWN = b"\x01" + b"\xff" * 7


def webm_of_clusters() -> tuple[bytes, bytes]:
    """A head without tracks, and a cluster of unknown size with nothing in it, to be repeated."""
    return EBML + b"\x18\x53\x80\x67" + UNKNOWN, b"\x1f\x43\xb6\x75" + UNKNOWN + b"\xe7\x81\x00"


def nested_ebml(depth: int) -> bytes:
    return EBML + b"\x18\x53\x80\x67" + UNKNOWN + (b"\x12\x54\xc3\x67" + UNKNOWN) * depth


def wav_of(channels: int, hertz: int, data_size: int) -> bytes:
    form = struct.pack("<HHIIHH", 1, channels, hertz, hertz * channels * 2 & 0xFFFFFFFF, channels * 2 & 0xFFFF, 16)
    return (
        b"RIFF\xff\xff\xff\xffWAVEfmt " + struct.pack("<I", len(form)) + form + b"data" + struct.pack("<I", data_size)
    )


def flac_of_picture(size: int) -> bytes:
    """A FLAC file whose cover says it is ``size`` bytes long and 65,535 pixels wide and high."""
    streaminfo = bytes.fromhex("10001000000000000000 0bb802f0 00000000".replace(" ", "")) + bytes(16)
    picture = struct.pack(">II", 3, 9) + b"image/png" + struct.pack(">IIIIII", 0, 65_535, 65_535, 24, 0, size)
    return (
        b"fLaC\0"
        + struct.pack(">I", 34)[1:]
        + streaminfo[:34]
        + b"\x86"
        + struct.pack(">I", min(size, 2**24 - 1))[1:]
        + picture
    )


def files(mp3: bytes, opus: bytes) -> dict[str, Behaviour]:
    """Every one by name. ``mp3`` and ``opus`` are honest files to be made bad."""
    make: dict[str, Callable[[], Behaviour]] = {
        "a picture of 100 MB before the sound": lambda: repeated(id3_of(100 * MIB), b"\0" * 4096, 101 * MIB),
        "a picture of 250 MB and no sound": lambda: repeated(id3_of(250 * MIB), b"\xff" * 4096, 2_000 * MIB),
        "a tag of 30,000 texts": lambda: content(id3_of_many(30_000) + mp3),
        "ten hours of MP3": lambda: repeated(b"", mp3, 10 * 3600 * 12_000),
        "an MP4 whose atom is 8 exabytes": lambda: content(FTYP + huge_atom(b"moov", 2**63 - 1) + bytes(100_000)),
        "an MP4 whose atom is 3 GB": lambda: repeated(
            FTYP + huge_atom(b"moov", 3 * 1024**3), b"\0" * 4096, 3_500 * MIB
        ),
        "an MP4 of 20,000 atoms in each other": lambda: content(nested_atoms(20_000)),
        "an MP4 that claims 4 billion samples": lambda: content(sample_table(0xFFFFFFF0)),
        "an MP4 whose samples go on and on": lambda: repeated(sample_table(300_000_000), b"\0\0\0\1", 3_500 * MIB),
        "an Ogg of 20,000 streams": lambda: content(many_ogg_streams(20_000)),
        "an Ogg of absurd granules": lambda: content(absurd_granules()),
        "an Opus file whose tags never end": lambda: repeated(
            ogg_page(0, 7, 2, bytes([19]), OPUS_HEAD), ogg_page(-1, 7, 1, b"\xff" * 255, b"x" * 255 * 255), 3_500 * MIB
        ),
        "a WebM of clusters of unknown size": lambda: repeated(*webm_of_clusters(), 3_500 * MIB),
        "a WebM of 100,000 elements in each other": lambda: content(nested_ebml(100_000)),
        "a WAV of 65,535 channels": lambda: repeated(wav_of(65_535, 48_000, 2**32 - 1), b"\1\2", 3_500 * MIB),
        "a WAV at 4 GHz": lambda: repeated(wav_of(2, 2**32 - 1, 2**32 - 1), b"\1\2", 3_500 * MIB),
        "a FLAC whose cover is huge": lambda: repeated(flac_of_picture(2**31), b"\0" * 4096, 3_500 * MIB),
        "an MP3 called WebM": lambda: content(mp3, "video/webm"),
        "Opus that turns into noise": lambda: content(opus[:30_000] + bytes(range(256)) * 20_000),
        "an MP3 of nothing but sync words": lambda: repeated(b"", b"\xff\xfb\x90\x64", 3_500 * MIB),
        "a zip": lambda: repeated(b"PK\x03\x04" + b"\0" * 26, b"\0" * 4096, 3_500 * MIB),
    }
    return {name: one() for name, one in make.items()}
