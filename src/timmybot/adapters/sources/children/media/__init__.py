"""The media child: FFmpeg, apart from the worker. The worker sends bytes of a file and gets Opus frames back.

process        the process: its limits, and a thread for each stream
confinement    what the process may not do: sockets, files, other processes, more memory
work           one stream is at work at a time, and shared memory says which
session        one stream's requests and replies
remote_file    a file whose bytes the worker fetches
opened_track   an opened file: its packets, and the frames that are made of them
opus_encoder   libopus, whose complexity follows the load
containers     opening a file as an audio container, and nothing else
probe          what a file is: title and duration
demux          packets out of a container, and going to a place in it
mp3            going to a place in a large MP3, which has no index
transcode      packets decoded, and encoded as 20 ms Opus frames
stereo         any sound brought to 48 kHz stereo
effects        volume, speed, filters and ramps
loudness       how loud a track is
"""
