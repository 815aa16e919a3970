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

tone 2 48000
# Eight planar channels
f -i "$t" -af "$all8" -c:a aac -b:a 32k surround71.m4a
f -i "$t" -af "$all8" -c:a libvorbis -q:a -1 surround71.ogg
f -i "$t" -af "$all8" "$work/eight.wav"
opusenc --quiet --bitrate 40 "$work/eight.wav" surround71.opus

tone 4 16000
# Films, and songs with pictures
f -f lavfi -i testsrc=s=32x18:r=2:d=8 -c:v libx264 -bf 0 -g 2 -preset veryslow "$work/picture.mp4"
f -i "$t" -ac 1 -c:a aac -b:a 16k "$work/tone.m4a"
subs=()
for lang in eng ger fre spa; do
    printf '1\n00:00:01,000 --> 00:00:02,000\nline\n' > "$work/$lang.srt"
    subs+=(--language "0:$lang" "$work/$lang.srt")
done
mkvmerge -q -o film_six_tracks.mkv "$work/picture.mp4" --track-name 0:Surround "$work/tone.m4a" "${subs[@]}"
f -i "$work/picture.mp4" -i "$t" -map 0 -map 1 -map 1 -map 1 -map 1 -map 1 -map 1 -t 2 -c:v copy -c:a aac -ac 1 -b:a 8k film_six_sounds.mp4
f -i "$work/picture.mp4" -i "$t" -c:v copy -c:a aac -b:a 32k film_longer_than_its_sound.mkv
for i in 1 2 3 4 5; do f -f lavfi -i "color=s=16x1$i:d=1" -frames:v 1 -c:v mjpeg "$work/$i.jpg"; done
j="$work"
f -t 2 -i "$t" -ac 1 -ar 8000 "$work/short.wav"
flac -s -f --picture="3||||$j/1.jpg" --picture="4||||$j/2.jpg" --picture="5||||$j/3.jpg" --picture="6||||$j/4.jpg" --picture="7||||$j/5.jpg" "$work/short.wav" -o five_pictures.flac
lame --quiet -b 32 "$t" "$work/tone.mp3"
f -i "$work/tone.mp3" -i "$j/1.jpg" -i "$j/2.jpg" -i "$j/3.jpg" -i "$j/4.jpg" -i "$j/5.jpg" -map 0 -map 1 -map 2 -map 3 -map 4 -map 5 -c copy five_pictures.mp3
f -i "$work/tone.m4a" -i "$j/1.jpg" -i "$j/2.jpg" -i "$j/3.jpg" -i "$j/4.jpg" -i "$j/5.jpg" -map 0 -map 1 -map 2 -map 3 -map 4 -map 5 -c copy -disposition:v attached_pic five_pictures.m4a

# MP4 in fragments: with a table of them at the end, with an index of segments, with neither; and a film
frag=frag_keyframe+empty_moov+default_base_moof
f -i "$work/tone.m4a" -c copy -movflags $frag -frag_duration 1000000 fragments.m4a
f -i "$work/tone.m4a" -c copy -movflags dash+global_sidx+skip_trailer -frag_duration 1000000 -f mp4 fragments_indexed.m4a
f -i "$work/tone.m4a" -c copy -movflags $frag+skip_trailer -frag_duration 1000000 fragments_bare.m4a
f -i "$work/picture.mp4" -i "$work/tone.m4a" -c copy -movflags $frag -frag_duration 1000000 fragments_film.mp4

# Clocks that begin at 100 s, and lengths that nobody tells
f -i "$t" -c:a libopus -ac 1 -b:a 12k -output_ts_offset 100 late.webm
f -i "$work/tone.m4a" -c copy -output_ts_offset 100 late.mkv
f -i "$t" -c:a libopus -ac 1 -b:a 12k -output_ts_offset 100 late.opus
f -i "$t" -c:a libopus -ac 1 -b:a 12k -f webm - > untold.webm
f -t 2 -i "$work/tone.m4a" -c copy -f matroska - > untold.mkv
f -t 2 -i "$t" -ac 1 -ar 8000 -c:a flac -f flac - > untold.flac
f -f lavfi -i anullsrc=r=16000:cl=stereo -i "$t" -filter_complex '[0]atrim=end=4[s];[s][1]concat=n=2:v=0:a=1' "$work/late.wav"
lame --quiet -t -V 4 "$work/late.wav" untold.mp3

# Other formats
f -t 2 -i "$t" -ac 1 -ar 8000 "$work/mono.wav"
wavpack -q -y "$work/mono.wav" -o other.wv
f -i "$work/mono.wav" -c:a tta other.tta
f -i "$work/mono.wav" -c:a wmav2 -b:a 32k other.wma
f -i "$work/mono.wav" -ar 8000 -c:a pcm_mulaw other.au
f -i "$work/mono.wav" -ar 48000 -c:a ac3 -b:a 32k other.ac3
f -i "$work/mono.wav" -ac 1 -c:a libspeex other.spx
