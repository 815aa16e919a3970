"""A fake Discord in this process, faithful enough that clients we did not write play music through it.

    async with FakeDiscord(directory) as discord:
        app = discord.create_application("TimmyBot")      # .bot_token, .public_key, .application_id
        guild = discord.create_guild("A", app, shard=3, of=16)
        alice = guild.add_member("alice")
        await alice.join(guild.voice_channel)
        # start a bot with discord.api_url, app.bot_token and SSL_CERT_FILE=discord.ca_file, then:
        shown = await alice.command("play", url="http://...")
        await shown.wait_for(lambda text: "Now playing" in text, timeout=10)
        await alice.ear.wait_for_sound(timeout=10, seconds=3)
        recognise(alice.ear.heard, melody)                # sandbox.melody

What it speaks: REST v10, gateway v10, interactions over HTTP or the gateway, voice gateway v8 over TLS, voice UDP, and
end-to-end encryption (DAVE, version 1).
What it keeps: :attr:`FakeDiscord.log` (identifies, resumes, op 4s, REST calls, closes), what each member was shown
(:class:`Shown`) and heard (:class:`Ear`; :func:`measure` makes :class:`PlayFigures` of its packets), and what came by
UDP, ``discord.voice.history[i].arrivals`` (:class:`Arrivals`).

What a test can do to it, beside using it:

- ``discord.gateway``: ``close_all(code)``, ``ask_all_to_reconnect()``, ``invalidate_all()``, ``budget(app)``,
  ``heartbeat_interval_seconds``, ``resumable_seconds``; ``sessions`` are those alive, connected or not.
- ``discord.voice``: ``close_all(code)``, ``modes``, ``udp.deaf``, ``udp.move()``, ``heartbeat_interval_seconds``.
- ``discord.rest.limits.limit(method, route, requests, seconds)``.
- ``guild``: ``kick_bot_from_voice()``, ``move_bot(channel)``, ``mute_bot()``, ``unmute_bot()``,
  ``delete_channel(channel)``, ``permit(channel, permissions)``, ``change_roles(everyone=, bot_role=)``,
  ``time_bot_out(seconds)``, ``go_away()`` and ``come_back()`` (an outage), ``remove_bot()``.
- ``discord.world.voice_states``: ``withdraw_server(guild, app)`` (``endpoint: null``),
  ``send_server_update(guild, app)``.

End-to-end encryption is on wherever every client in a channel can do it; stages have none. Members are real
participants: they hear what they have the key to, and nothing that is not encrypted in a call that is.

- Other clients are closed with 4017, as Discord does; ``discord.voice.require_dave = False`` lets them in.
- ``guild.add_member("old", dave=False)``: once this one joins, the call goes down to version 0, and up when it leaves.
- ``call = discord.voice.call(channel)``: ``call.recreate()`` starts over with a new group (epoch 1);
  ``call.spoilt.add(user_id)`` damages the next commit or welcome to a user (a bot's id, or a member's), who then asks
  to be added anew; ``call.version``, ``call.group.epoch``.
- ``member.dave`` (:class:`DaveMember`): ``await wait_until(lambda dave: app.bot_user_id in dave.keyed_with)`` before
  expecting sound; ``commits = False`` lets the bot's commits win; ``answers = False`` is a client that hangs (others
  wait 2 s for it at each transition); counts ``opened``, ``undecryptable``, ``refused_plain``, ``recoveries``;
  ``epoch``, ``privacy_code``.
- ``arrivals.end_to_end`` counts encrypted frames by session; ``discord.log.dave_transitions`` and ``dave_refusals`` say
  what was executed, and which commits were not taken.

Time can be a :class:`ManualClock`; packet arrivals are always ``time.monotonic()``.
"""

from sandbox.discord.clock import Clock, ManualClock, SystemClock
from sandbox.discord.commands import NotOffered
from sandbox.discord.dave_call import DaveCall
from sandbox.discord.dave_member import DaveMember
from sandbox.discord.ear import Ear, Window
from sandbox.discord.figures import PlayFigures, measure
from sandbox.discord.log import Log
from sandbox.discord.members import Member
from sandbox.discord.permissions import EVERYONE, Permission
from sandbox.discord.rtp import AES_GCM, XCHACHA, Packet
from sandbox.discord.server import FakeDiscord
from sandbox.discord.shown import Shown
from sandbox.discord.snowflakes import shard_of
from sandbox.discord.voice_session import Arrivals
from sandbox.discord.world import Application, Channel, Guild

__all__ = [
    "AES_GCM",
    "EVERYONE",
    "XCHACHA",
    "Application",
    "Arrivals",
    "Channel",
    "Clock",
    "DaveCall",
    "DaveMember",
    "Ear",
    "FakeDiscord",
    "Guild",
    "Log",
    "ManualClock",
    "Member",
    "NotOffered",
    "Packet",
    "Permission",
    "PlayFigures",
    "Shown",
    "SystemClock",
    "Window",
    "measure",
    "shard_of",
]
