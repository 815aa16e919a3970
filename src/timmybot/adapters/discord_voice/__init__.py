"""Our own sender on Discord's voice gateway, v8: control is asynchronous, sound goes out on one thread.

machine         the states of a connection and what leads from one to the next: a table
close_codes     what a close code means
frames          what is sent over a websocket
session         the voice gateway's protocol, without I/O
dave            end-to-end encryption: our part in a call's group
discovery       the 74 bytes that tell our own address
ciphers         transport encryption
rtp             from an Opus frame to a datagram, and what every way of sending promises: ``PacketStream``, ``Sender``
direct          sending in Python, a datagram at a time
batched         sending a slot's frames in one call of ``sender.c``
connection      one websocket with its UDP socket: ``VoiceConnection``
patience        how long a lost connection is pursued
presence        being in a channel: runs the table
lane            what one player has to send in each slot
pacer           the thread that gives every lane its slot, every 20 ms
player          one guild's player
watchdog        heals players that should send and do not
players         the players of this worker: ``VoicePlayers``
"""

from timmybot.adapters.discord_voice.players import VoicePlayers

__all__ = ["VoicePlayers"]
