"""Our own small client of Discord's gateway, v10: sessions that a successor can resume, and voice signalling.

close_codes     what a close code asks for
resume_url      whether a resume URL may be trusted
send_window     120 sends a minute
session         the session protocol, without I/O
connection      one shard's websocket, kept up
permissions     Discord's permission computation, on numbers alone
guild_facts     the little that is remembered of a guild
entry_check     why the bot may not enter and speak in a channel
voice_state     what Discord has said about the bot's own voice in one guild
gateway         the parts joined: ``Gateway``
"""

from timmybot.adapters.discord_gateway.gateway import Gateway

__all__ = ["Gateway"]
