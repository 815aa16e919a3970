"""Direct audio URLs: what is there, and its sound as 20 ms Opus packets.

The package imports nothing by itself: media children import it too, and need neither the network nor the rest.

addresses   which addresses may be fetched from
urls        which texts are URLs that may be asked for
exchange, bounded    asking a server at such an address, and reading no more of its answer than honest ones send
answers, refusals    what it says about the file, and why that cannot be had
content     the bytes of a URL from any place on, across connections that break
fetch       a file made of those, seekable, that a media child reads instead of the network
allowance   what it may cost without sound coming of it
remembering a file that remembers what FFmpeg has read, for who reads on without FFmpeg
naming      what a track is called
matroska, ogg, takeover    packets passed through without FFmpeg, from where it has begun
packets, passthrough       Opus packets, as long as each is a frame
row         where each packet stands in what is heard
tape        the last packets, kept so that their sound can be made anew
ramp        a change of loudness that does not click
children    what runs in child processes: FFmpeg
media_pool, media_child    the few media children: which stream works where, and what follows when one dies
media_session, media_messages, media_mark, handover    the worker's half of a stream in one
refusal     why a child refuses a file
media_load  how much work encoding may spend
reel        an opened file, and the frames made of it: passed through here, or made in a child
playback    the frames of a URL, across seeks, breaks and children that die
stream      the buffer between those and the pacing thread
stretch     what is in it: frames in one sound
filling     the few threads that fill all buffers, shared fairly
http        the source that joins them
"""
