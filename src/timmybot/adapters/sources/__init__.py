"""Direct audio URLs: what is there, and its sound as 20 ms Opus packets.

addresses   which addresses may be fetched from
urls        which texts are URLs that may be asked for
fetch       a file over HTTP, seekable, that FFmpeg reads instead of the network
containers  opening that file as an audio container, and nothing else
probe       what is there: title, duration, whether its packets can be passed through
demux       packets passed through untouched
transcode   everything else, decoded and encoded
playback    choosing between those two, and going to the position
stream      the buffer between those and the pacing thread
filling     the few threads that fill all buffers
http        the source that joins them
"""

from timmybot.adapters.sources.http import HttpTrackSource

__all__ = ["HttpTrackSource"]
