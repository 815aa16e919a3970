"""Small files that ask for much: memory for tables and for what is packed, computing for tags, and other files."""

from __future__ import annotations

import gzip
import io
import struct
import zlib
from collections.abc import Callable

import av

from sandbox.recording import Format
from tests.integration.sources.hostile import EBML, FTYP, MIB, OPUS_HEAD, UNKNOWN, atom, id3_of_many
from tests.integration.sources.media_server import Behaviour, Handler, content

ELSEWHERE = "/named/by/a/file"
"""A path that the playlists below name: nobody may ask for it."""


def packed_zeros(mib: int) -> bytes:
    """A zlib stream of that many MiB of zeros, in a thousandth of it."""
    packing = zlib.compressobj(9)
    first, other = (packing.compress(bytes(MIB)) + packing.flush(zlib.Z_FULL_FLUSH) for _ in range(2))
    adler = mib * MIB % 65_521 << 16 | 1
    return first + other * (mib - 1) + b"\x03\0" + struct.pack(">I", adler)


# MP4


def packed_index(mib: int) -> bytes:
    packed = atom(b"dcom", b"zlib") + atom(b"cmvd", struct.pack(">I", mib * MIB) + packed_zeros(mib))
    return FTYP + atom(b"moov", atom(b"cmov", packed))


def track(handler: bytes, entry: bytes, samples: int, place: int = 0) -> bytes:
    """Whose ``samples`` of a byte each lie in a row at ``place``: to say so takes the same room for any number."""
    tables = (
        atom(b"stsd", struct.pack(">II", 0, 1) + entry),
        atom(b"stts", struct.pack(">IIII", 0, 1, samples, 1024)),
        atom(b"stsz", struct.pack(">III", 0, 1, samples)),
        atom(b"stsc", struct.pack(">IIIII", 0, 1, 1, samples, 1)),
        atom(b"stco", struct.pack(">III", 0, 1, place)),
    )
    hdlr = atom(b"hdlr", bytes(8) + handler + bytes(13))
    mdhd = atom(b"mdhd", bytes(12) + struct.pack(">II", 48_000, 0xFFFFFFFF) + bytes(4))
    return atom(b"trak", atom(b"mdia", mdhd + hdlr + atom(b"minf", atom(b"stbl", b"".join(tables)))))


MP3_ENTRY = atom(b".mp3", bytes(6) + struct.pack(">H", 1) + bytes(8) + struct.pack(">HHHHI", 2, 16, 0, 0, 48_000 << 16))
PNG_ENTRY = atom(b"png ", bytes(7) + b"\1" + bytes(16) + struct.pack(">HHIIIH", 65_535, 65_535, 0, 0, 0, 1) + bytes(36))


def large_index(samples: int, tracks: int = 1) -> bytes:
    return FTYP + atom(b"moov", track(b"soun", MP3_ENTRY, samples) * tracks)


def with_huge_picture(m4a: bytes) -> bytes:
    """An honest file whose index comes last, with a track of one picture that unpacks to 17 GB."""
    chunk = b"IHDR" + struct.pack(">IIBBBBB", 65_535, 65_535, 8, 6, 0, 0, 0)
    png = b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + chunk + struct.pack(">I", zlib.crc32(chunk))
    picture = png + atom(b"IDAT", packed_zeros(100))
    begin = m4a.rindex(b"moov") - 4
    (size,) = struct.unpack(">I", m4a[begin : begin + 4])
    moov = m4a[begin + 8 : begin + size] + track(b"vide", PNG_ENTRY, 1, begin + 8)
    return m4a[:begin] + atom(b"mdat", picture) + atom(b"moov", moov)


def in_fragments(m4a: bytes, seconds: float) -> bytes:
    """The same sound, as long, and each second with an index of its own."""
    made = io.BytesIO()
    options = {"movflags": "frag_keyframe+empty_moov+default_base_moof+skip_trailer", "frag_duration": "1000000"}
    with av.open(io.BytesIO(m4a), "r") as source, av.open(made, "w", format="mp4", options=options) as output:
        stream = output.add_stream_from_template(source.streams.audio[0])
        for packet in source.demux(source.streams.audio[0]):
            if packet.pts is not None and packet.time_base and packet.pts * packet.time_base < seconds:
                packet.stream = stream
                output.mux(packet)
    return made.getvalue()


def growing_index(m4a: bytes) -> bytes:
    return in_fragments(m4a, 3.0) + fragment_of(1_600_000) * 100


def fragment_of(samples: int) -> bytes:
    tfhd = atom(b"tfhd", struct.pack(">IIII", 0x020018, 1, 1024, 1))
    trun = atom(b"trun", struct.pack(">II", 0, samples))
    moof = atom(b"moof", atom(b"mfhd", struct.pack(">II", 0, 99)) + atom(b"traf", tfhd + trun))
    return moof + atom(b"mdat", bytes(100_000))


# Matroska


def element(name: str, *parts: bytes) -> bytes:
    body = b"".join(parts)
    return bytes.fromhex(name) + (1 << 56 | len(body)).to_bytes(8, "big") + body


def matroska(
    codec: bytes, block: bytes, *, private: bytes = b"", tracks: int = 1, packed: int = 0, tags: int = 0
) -> bytes:
    """``packed`` says what is: 1 the blocks, 2 the ``private`` head of each track."""
    packing = element("6d80", element("6240", element("5032", bytes([packed])), element("5034", b"\x42\x54\x81\0")))
    entries = [
        element(
            "ae",
            element("d7", number.to_bytes(3, "big")),
            element("73c5", number.to_bytes(3, "big")),
            element("83", b"\2"),
            element("86", codec),
            element("63a2", private),
            element("e1", element("b5", struct.pack(">f", 48_000.0)), element("9f", b"\2"), element("6264", b"\x10")),
            packing if packed else b"",
        )
        for number in range(1, tracks + 1)
    ]
    texts = [b"\x67\xc8\x8d\x45\xa3\x86%06x\x44\x87\x81x" % number for number in range(tags)]
    blocks = [element("a3", b"\x81" + struct.pack(">h", number * 20) + b"\x80" + block) for number in range(200)]
    return b"".join(
        (
            EBML + b"\x18\x53\x80\x67" + UNKNOWN,
            element("1549a966", element("2ad7b1", b"\x0f\x42\x40")),
            element("1654ae6b", *entries),
            element("1254c367", element("7373", element("63c0"), *texts)),
            element("1f43b675", element("e7", b"\0"), *blocks),
        )
    )


# Tags


def comments(count: int) -> bytes:
    """Vorbis comments. FFmpeg takes them in all at once, however many."""
    texts = b"".join(struct.pack("<I", 8) + b"%06x=x" % number for number in range(count))
    return struct.pack("<I", 0) + struct.pack("<I", count) + texts


def flac_of_many(count: int) -> bytes:
    """A FLAC file with ``count`` texts, of 12 bytes each, and no sound."""
    head = bytes.fromhex("10001000000000000000 0bb802f0 00000000") + bytes(16)
    texts = comments(count)
    return b"fLaC\0\0\0\x22" + head[:34] + b"\x84" + len(texts).to_bytes(3, "big") + texts


def ogg_stream(serial: int, texts: int, frames: int) -> bytes:
    """A whole Opus stream in Ogg, with checksums that fit."""
    packets = [OPUS_HEAD, b"OpusTags" + comments(texts), *[b"\xfc\xff\xfe"] * frames]
    pages: list[bytes] = []
    for number, packet in enumerate(packets):
        segments = b"\xff" * (len(packet) // 255) + bytes([len(packet) % 255])
        for begin in range(0, len(segments), 255):
            part = segments[begin : begin + 255]
            ends = begin + 255 >= len(segments)
            flags = (begin > 0) | (number == 0) << 1 | (number == len(packets) - 1) << 2
            granule = max(0, number - 1) * 960 if ends else -1
            place = begin * 255
            head = struct.pack("<4sBBqIIIB", b"OggS", 0, flags, granule, serial, len(pages), 0, len(part))
            pages.append(_summed(head + part + packet[place : place + sum(part)]))
    return b"".join(pages)


_REVERSED = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))


def _summed(page: bytes) -> bytes:
    """With its checksum, which is zlib's with all bits in the other order and nothing inverted. Source: RFC 3533."""
    found = zlib.crc32(page.translate(_REVERSED), 0xFFFFFFFF) ^ 0xFFFFFFFF
    return page[:22] + found.to_bytes(4, "big").translate(_REVERSED) + page[26:]


def packed_id3(mib: int, count: int) -> bytes:
    """A tag of ``count`` pictures, each packed. Source: ID3v2.4, 4.1.2, flags k and p."""
    packed = (mib * MIB).to_bytes(4, "big") + packed_zeros(mib)
    frame = b"APIC" + _synchsafe(len(packed)) + b"\0\x09" + packed
    return b"ID3\x04\0\0" + _synchsafe(len(frame) * count) + frame * count


def _synchsafe(size: int) -> bytes:
    return bytes((size >> shift) & 0x7F for shift in (21, 14, 7, 0))


# Other files


def playlists(url: str) -> dict[str, bytes]:
    target = f"#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXT-X-MEDIA-SEQUENCE:0\n#EXTINF:10,\n{url}\n#EXT-X-ENDLIST\n"
    dref = atom(b"dref", struct.pack(">II", 0, 1) + atom(b"alis", bytes(4) + b"/etc/passwd".ljust(150, b"\0")))
    return {
        "a playlist of another address": target.encode(),
        "a playlist of a file of ours": target.replace(url, "file:///etc/passwd").encode(),
        "a playlist of itself in a data URL": target.replace(url, "data:audio/mpeg;base64,SUQz").encode(),
        "a script that joins other files": f"ffconcat version 1.0\nfile {url}\nfile /etc/passwd\n".encode(),
        "an MP4 whose sound is in a file of ours": FTYP + atom(b"moov", track(b"soun", MP3_ENTRY, 9)) + dref,
    }


def zipped(data: bytes) -> Behaviour:
    """An answer that is compressed, and says so."""

    def behave(request: Handler) -> None:
        request.begin(200, Content_Type="audio/mpeg", Content_Encoding="gzip", Content_Length=str(len(data)))
        request.wfile.write(data)

    return behave


def files(recorded: Callable[[Format], bytes], url: str) -> dict[str, Behaviour]:
    """Those that cost little whoever opens them. ``url`` is another address to name in them."""
    mp3, aac, m4a = (recorded(form) for form in (Format.MP3, Format.AAC, Format.M4A))
    made = {
        "an MP4 with a picture of 65,535 pixels each way": with_huge_picture(m4a),
        "an MP4 whose index is 1.9 GB, packed": packed_index(1_900),
        "an MP4 of 500 bytes and 80 million samples": large_index(80_000_000),
        "an MP4 that goes on with 80 million samples": in_fragments(m4a, 3.0) + fragment_of(80_000_000),
        "an MP4 that goes on with 160 million samples": growing_index(m4a),
        "a Matroska of packed samples": matroska(b"A_PCM/INT/LIT", packed_zeros(9), packed=1),
        "a Matroska of packed Opus": matroska(b"A_OPUS", packed_zeros(9), private=OPUS_HEAD, packed=1),
        "a Matroska of 20,000 tracks": matroska(b"A_OPUS", b"\xfc\xff\xfe", private=OPUS_HEAD, tracks=20_000),
        "an MP3 of 100 packed pictures": packed_id3(30, 100) + mp3,
        "an MP3 with a packed picture of 200 MB": packed_id3(200, 1) + mp3,
        "an AAC with 100,000 texts midway": aac[:40_000] + id3_of_many(100_000) + aac,
        "an Ogg that begins anew with 100,000 texts": ogg_stream(7, 0, 150) + ogg_stream(8, 100_000, 150),
        **playlists(url),
    }
    return {name: content(data) for name, data in made.items()} | {
        "a small file, zipped": zipped(gzip.compress(mp3)),
        "a gigabyte, zipped": zipped(gzip.compress(b"")[:10] + packed_zeros(1_000)[2:]),
    }


def for_the_process_apart() -> dict[str, Behaviour]:
    """Those that FFmpeg cannot be kept from computing over or keeping: the process that looks at them is bounded."""
    made = {
        "an MP4 of eight tracks with large indexes": large_index(1_600_000, tracks=8),
        "a Matroska of packed heads": matroska(b"A_OPUS", b"x", private=packed_zeros(9), tracks=60, packed=2),
        "a Matroska of 60,000 texts": matroska(b"A_OPUS", b"\xfc\xff\xfe", private=OPUS_HEAD, tags=60_000),
        "a FLAC of 60,000 texts": flac_of_many(60_000),
        "an Ogg of 60,000 texts": ogg_stream(7, 60_000, 150),
    }
    return {name: content(data) for name, data in made.items()}
