#!/usr/bin/env bash
# Makes the files of this folder anew, by encoders that are not FFmpeg's. Run it from the project's root, after
# make setup. Needs, of Debian 12: opus-tools vorbis-tools lame mkvtoolnix flac wavpack gstreamer1.0-tools and
# gstreamer1.0-plugins-{base,good,bad,ugly}. What is in each: tests/matrix/foreign_files.py.
set -euo pipefail
out="$PWD/tests/matrix/files"
wav="$(mktemp -d)"; trap 'rm -rf "$wav"' EXIT

w() { # w LAYOUT RATE: a WAV file of the score, made once
  local file="$wav/$1-$2.wav"
  [ -e "$file" ] || .venv/bin/python -m tests.matrix.wave "$1" "$2" "$file"
  echo "$file"
}
g() { # g LAYOUT RATE NAME ELEMENTS…: through GStreamer
  local from; from="$(w "$1" "$2")"; local to="$out/$3"; shift 3
  gst-launch-1.0 -q filesrc location="$from" ! wavparse ! audioconvert ! "$@" ! filesink location="$to"
}

# opusenc: every number of channels, packets of all lengths, a low rate
for layout in mono stereo 3.0 quad 5.0 5.1 6.1 7.1; do
  channels=$(.venv/bin/python -c "import sys; from tests.matrix.score import LAYOUTS; print(len(LAYOUTS[sys.argv[1]]))" "$layout")
  opusenc --quiet --bitrate $((channels > 6 ? 24 * channels : 16 + 16 * channels)) "$(w "$layout" 48000)" "$out/opusenc-$channels.opus"
done
opusenc --quiet --bitrate 48 --framesize 60 "$(w stereo 48000)" "$out/opusenc-60ms.opus"
opusenc --quiet --bitrate 96 --framesize 2.5 "$(w stereo 48000)" "$out/opusenc-2.5ms.opus"
opusenc --quiet --bitrate 32 "$(w mono 8000)" "$out/opusenc-8khz.opus"
opusenc --quiet --bitrate 64 --downmix-mono "$(w mono 44100)" "$out/opusenc-44khz.opus"

# oggenc
oggenc -Q -q 1 -o "$out/oggenc-1-8khz.ogg" "$(w mono 8000)"
oggenc -Q -q 1 -o "$out/oggenc-2.ogg" "$(w stereo 44100)"
oggenc -Q -q 1 -o "$out/oggenc-3.ogg" "$(w 3.0 44100)"
oggenc -Q -q 1 -o "$out/oggenc-6.ogg" "$(w 5.1 48000)"
oggenc -Q -q 1 -o "$out/oggenc-8-22khz.ogg" "$(w 7.1 22050)"

# lame: one bit rate and many, with and without its head, each MPEG version
lame --quiet --cbr -b 64 "$(w stereo 44100)" "$out/lame-cbr.mp3"
lame --quiet -V 7 --tt "Tones" --id3v2-only "$(w stereo 48000)" "$out/lame-vbr.mp3"
lame --quiet -t --cbr -b 32 -m m "$(w mono 22050)" "$out/lame-no-head-22khz.mp3"
lame --quiet --cbr -b 24 -m m "$(w mono 8000)" "$out/lame-8khz.mp3"

# flac, also in Ogg
flac -s -f -o "$out/flac-2.flac" "$(w stereo 11025)"
flac -s -f -o "$out/flac-6-8khz.flac" "$(w 5.1 8000)"
flac -s -f --ogg -o "$out/flac-2.oga" "$(w stereo 16000)"

# mkvmerge: into Matroska and WebM, and with a clock that begins at five seconds
mkvmerge -q -w -o "$out/mkvmerge-opus.webm" "$out/opusenc-2.opus"
mkvmerge -q -o "$out/mkvmerge-opus-6.mka" "$out/opusenc-6.opus"
mkvmerge -q -o "$out/mkvmerge-vorbis.mka" "$out/oggenc-2.ogg"
mkvmerge -q -o "$out/mkvmerge-mp3.mka" "$out/lame-cbr.mp3"
mkvmerge -q -o "$out/mkvmerge-flac.mka" "$out/flac-2.flac"
mkvmerge -q -o "$out/mkvmerge-late-clock.mka" --sync 0:5000 "$out/opusenc-2.opus"

# GStreamer
g stereo 48000 gst-opus.webm opusenc bitrate=64000 ! webmmux
g stereo 48000 gst-opus.ogg opusenc bitrate=64000 frame-size=40 ! oggmux
g stereo 44100 gst-vorbis.mka vorbisenc quality=0.1 ! matroskamux
g stereo 44100 gst-aac.m4a voaacenc bitrate=64000 ! aacparse ! mp4mux
g stereo 48000 gst-aac-fragments.mp4 voaacenc bitrate=64000 ! aacparse ! mp4mux fragment-duration=500
g stereo 32000 gst-aac.aac voaacenc bitrate=48000 ! aacparse ! audio/mpeg,stream-format=adts
g stereo 44100 gst-aac.mov voaacenc bitrate=64000 ! aacparse ! qtmux
g mono 16000 gst-flac.flac flacenc
g stereo 44100 gst-lame.mp3 lamemp3enc target=bitrate bitrate=64 cbr=true ! id3v2mux
g stereo 44100 gst-twolame.mp2 twolamemp2enc bitrate=96
g stereo 8000 gst-alaw.wav alawenc ! wavenc
g mono 11025 gst.aiff audioconvert ! audio/x-raw,format=S16BE ! aiffmux

# What is rare: it plays, or is said not to be known
wavpack -q -y "$(w mono 8000)" -o "$out/wavpack.wv"
g mono 16000 gst-speex.ogg speexenc ! oggmux
