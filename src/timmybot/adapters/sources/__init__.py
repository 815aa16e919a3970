"""Direct audio URLs: what is there, and its sound as 20 ms Opus packets.

addresses   which addresses may be fetched from
urls        which texts are URLs that may be asked for
exchange, bounded    asking a server at such an address, and reading no more of its answer than honest ones send
answers, refusals    what it says about the file, and why that cannot be had
content     the bytes of a URL from any place on, across connections that break
fetch       a file made of those, seekable, that FFmpeg reads instead of the network
allowance   what it may cost without sound coming of it
containers  opening that file as an audio container, and nothing else
probe       what is there: title, duration, whether its packets can be passed through
demux       packets passed through untouched
matroska, ogg, takeover    those packets without FFmpeg, from where it has begun
remembering a file that remembers what FFmpeg has read for that
transcode   everything else, decoded and encoded
effects     what is done to samples between those two: volume, speed, filters, ramps
tape        the last packets, kept so that their sound can be made anew
reel        an opened file, and the frames made of it, passed through or transcoded
playback    the frames of a URL, across seeks, changes and broken stations
stream      the buffer between those and the pacing thread
stretch     what is in it: frames in one sound
filling     the few threads that fill all buffers, shared fairly
loudness    how loud a track is
looking_apart, looking_child    ``probe`` in a process of its own, which can be ended
http        the source that joins them
"""

from timmybot.adapters.sources.http import HttpTrackSource
from timmybot.adapters.sources.looking_apart import LookingApart

__all__ = ["HttpTrackSource", "LookingApart"]
