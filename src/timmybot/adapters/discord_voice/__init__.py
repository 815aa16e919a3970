"""Our own sender on Discord's voice gateway, v8: control is asynchronous, sound goes out on one thread.

close_codes     what a close code asks for
session         the voice gateway's protocol, without I/O
discovery       the 74 bytes that tell our own address
ciphers         transport encryption
rtp             from an Opus frame to a datagram: ``PacketStream``
connection      one websocket with its UDP socket: ``VoiceConnection``
lane            what one player has to send in each slot
pacer           the thread that gives every lane its slot, every 20 ms
healing         how a lost connection is brought back
player          one guild's player
players         the players of this worker: ``VoicePlayers``
"""

from timmybot.adapters.discord_voice.players import VoicePlayers

__all__ = ["VoicePlayers"]
