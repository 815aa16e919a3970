#!/usr/bin/env bash
# Makes the files of this folder, each from tones, with encoders other than those that PyAV carries.
# Needs Debian's ffmpeg, opus-tools, mkvtoolnix, flac, vorbis-tools and wavpack (bookworm). In second n a tone of 300 + 20 n Hz is heard.
set -euo pipefail
cd "${1:-$(dirname "$0")}"
f() { ffmpeg -v error -nostdin -y "$@"; }
work=$(mktemp -d)
trap 'rm -r "$work"' EXIT
tone() { # SECONDS RATE
    python3 - "$1" "$2" "$work/tone.wav" <<'P'
import math, struct, sys, wave
seconds, rate = int(sys.argv[1]), int(sys.argv[2])
with wave.open(sys.argv[3], 'wb') as w:
    w.setnchannels(2); w.setsampwidth(2); w.setframerate(rate)
    phase = 0.0; data = bytearray()
    for i in range(seconds * rate):
        phase += 2 * math.pi * (300 + 20 * (i // rate)) / rate
        v = int(9000 * math.sin(phase)); data += struct.pack('<hh', v, v)
    w.writeframes(bytes(data))
P
}
t="$work/tone.wav"
all8='pan=7.1|c0=c0|c1=c0|c2=c0|c3=c0|c4=c0|c5=c0|c6=c0|c7=c0'

tone 3 48000
# Eight planar channels
f -i "$t" -af "$all8" -c:a aac -b:a 64k surround71.m4a
f -i "$t" -af "$all8" -c:a libvorbis -q:a -1 surround71.ogg
f -i "$t" -af "$all8" "$work/eight.wav"
opusenc --quiet --bitrate 96 "$work/eight.wav" surround71.opus
