"""DAVE sessions that are ready to encrypt, without a voice gateway.

Two real sessions go through the real handshake: the listener commits the sender that a voice server's key proposed,
and the sender is welcomed. The listener is then forgotten. What is left is what a player has after joining a channel.
"""

from __future__ import annotations

from itertools import count

import davey

from sandbox.discord.mls import ExternalSender, read_key_package
from sandbox.discord.mls_wire import vector

_CHANNEL = 123456789012345678
_users = count(1000)


def ready_session() -> davey.DaveSession:
    """A session whose ``encrypt_opus`` encrypts. Takes some 15 ms of CPU: not while something is measured."""
    server = ExternalSender()
    sender = davey.DaveSession(davey.DAVE_PROTOCOL_VERSION, next(_users), _CHANNEL)
    listener = davey.DaveSession(davey.DAVE_PROTOCOL_VERSION, next(_users), _CHANNEL)
    for session in (sender, listener):
        session.set_external_sender(server.package)
    listener.get_serialized_key_package()
    package = read_key_package(sender.get_serialized_key_package())
    proposal = server.propose_add(_CHANNEL.to_bytes(8, "big"), 0, package)
    outcome = listener.process_proposals(davey.ProposalsOperationType.append, vector(proposal.message))
    assert outcome is not None
    assert outcome.welcome is not None
    sender.process_welcome(outcome.welcome)
    if not sender.ready:
        raise RuntimeError("a DAVE session did not become ready")
    return sender
