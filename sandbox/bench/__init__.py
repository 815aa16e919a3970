"""What a frame, a player and a core are worth, measured beside the peers, in one run on one machine.

``python -m sandbox.bench`` prints a table and writes ``build/bench.json``; ``--quick`` takes a minute and is for
seeing that it works, not for quoting; ``--only NAME`` runs one part. Linux only.

Every sender is a process of its own (a "stand") that is told over its standard input how many streams to play; it sends
through real UDP sockets to one sink, which notes the kernel's time of each arrival. The bench itself, the sink and the
web server with the song are outside whatever quota a stand is under.

The stands of the frames and of the density have real DAVE sessions, ciphers, sockets, pacing, demuxing and buffers, but
their voice connections are brought about without a voice gateway (see ``dave``): hundreds of players then need no
handshakes, and no heartbeats are in those figures, neither in ours nor in the peers'. The others are in real calls.

heap          what is in use of it, and not only kept
figures       names, values, units and targets; the table; ``build/bench.json``
extent        how much is measured
song          the file that everybody plays
dave          DAVE sessions that are ready
sink          counts what arrives, by kernel time
punctuality   which frames were in their slots
stand         a sender as the bench sees it: told what to play, its CPU, memory, threads and descriptors
standing      the same from inside
quota         a share of a core, and a limit of memory
search        the largest number that holds
density       how many streams a stand holds under a quota
room          where the stands play
calls         the fake Discord, for those that play in calls
parts         what is measured, part by part; ``streams_held``, ``task``, ``wishes``, ``transcoding`` and ``crash`` have
              some of them
compare       passed-through streams of an earlier commit and of this one, in turns

The stands: ours, ours_transcoded, ours_joined, ours_whole, peer_discordpy, peer_discordpy_transcoded, peer_discordjs,
floor.
"""
