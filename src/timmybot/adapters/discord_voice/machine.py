"""The voice connection's states, and what leads from one to the next: the whole of it is :data:`ROWS`.

Source: Discord, Opcodes and Status Codes, "Voice Close Event Codes"; Voice Connections; and the failures that other
clients had, named in tests/integration/voice/test_states.py.
"""

from __future__ import annotations

from enum import Enum
from typing import Final


class State(Enum):
    """Where the connection is. Entering a state starts what its name says."""

    OUT = "in no channel"
    JOINING = "asking the gateway for a channel"
    CONNECTING = "connecting to the voice server that was named"
    UP = "connected: sound goes out"
    RESUMING = "going on with the same voice session on a new websocket"
    LISTENING = "hearing whether the gateway says why the voice server hung up"
    WAITING = "waiting for Discord to name another voice server"
    FOLLOWING = "connecting to another server or channel, as Discord or a moderator decided"
    REJOINING = "asking for the channel again, after a pause that grows"
    KICKED = "disconnected by a moderator: the guild's wish ends"
    REFUSED = "given up; the channel is told why"


class Happening(Enum):
    """What can happen to a connection."""

    ASKED = "the guild asks for a channel"
    LEFT = "the guild wants no player"
    ARRANGED = "the gateway has named a voice server"
    NOT_ARRANGED = "the gateway did not answer, or is not connected"
    BARRED = "a permission is missing, or the channel is full or gone"
    CONNECTED = "the voice session is ready for sound"
    CUT = "the websocket broke, or 4015: the session can be resumed"
    VOID = "4006, 4009, ... : the session is gone"
    HUNG_UP = "4014, 4022: kicked, moved, deleted, or the gateway session was lost"
    TURNED_AWAY = "4012, 4016, 4017, 4021: trying again is no use"
    SERVER_GONE = "the voice server is unavailable (endpoint null)"
    SERVER_NAMED = "another voice server (a region change)"
    MOVED = "a moderator moved the bot"
    THROWN_OUT = "a moderator disconnected the bot"
    CHANNEL_GONE = "the channel was deleted"
    MUZZLED = "the bot may no longer speak in the channel"
    SESSION_NEW = "the gateway session was lost and there is a new one, which has joined nothing"
    NOTHING_SAID = "nothing has come in all that time"
    STUCK = "connected, but the watchdog hears nothing going out"
    PATIENCE_OVER = "it has been tried for long enough"


_ANY: Final = tuple(State)
_IN_CALL: Final = (
    State.CONNECTING,
    State.UP,
    State.RESUMING,
    State.LISTENING,
    State.WAITING,
    State.FOLLOWING,
    State.REJOINING,
)
_CONNECTING: Final = (State.CONNECTING, State.FOLLOWING, State.RESUMING)
_ASKING: Final = (State.JOINING, State.REJOINING)

ROWS: Final[tuple[tuple[tuple[State, ...], tuple[Happening, ...], State], ...]] = (
    # while                              this happens                                           it goes on to
    (_ANY, (Happening.ASKED,), State.JOINING),
    (_ANY, (Happening.LEFT,), State.OUT),
    (_ASKING, (Happening.ARRANGED,), State.CONNECTING),
    (_ASKING, (Happening.BARRED,), State.REFUSED),
    ((State.JOINING,), (Happening.NOT_ARRANGED,), State.REFUSED),
    ((State.REJOINING,), (Happening.NOT_ARRANGED,), State.REJOINING),
    ((State.REJOINING, State.RESUMING), (Happening.PATIENCE_OVER,), State.REFUSED),
    (_CONNECTING, (Happening.CONNECTED,), State.UP),
    (_CONNECTING, (Happening.CUT, Happening.VOID), State.REJOINING),
    (_CONNECTING, (Happening.TURNED_AWAY,), State.REFUSED),
    ((State.UP,), (Happening.CUT,), State.RESUMING),
    ((State.UP,), (Happening.VOID, Happening.STUCK), State.REJOINING),
    ((*_CONNECTING, State.UP), (Happening.HUNG_UP,), State.LISTENING),
    ((State.UP,), (Happening.TURNED_AWAY,), State.REFUSED),
    ((State.LISTENING, State.WAITING), (Happening.NOTHING_SAID,), State.REJOINING),
    (_IN_CALL, (Happening.SERVER_GONE,), State.WAITING),
    (_IN_CALL, (Happening.SERVER_NAMED, Happening.MOVED), State.FOLLOWING),
    (_IN_CALL, (Happening.THROWN_OUT,), State.KICKED),
    (_IN_CALL, (Happening.CHANNEL_GONE, Happening.MUZZLED), State.REFUSED),
    (_IN_CALL, (Happening.SESSION_NEW,), State.REJOINING),
    ((State.JOINING,), (Happening.SESSION_NEW,), State.JOINING),
)

LASTING: Final = (Happening.BARRED, Happening.TURNED_AWAY, Happening.CHANNEL_GONE, Happening.MUZZLED)
"""What stays until somebody changes something; whatever else ends in REFUSED may be over in a minute."""

TABLE: Final = {
    (state, happening): then for states, happenings, then in ROWS for state in states for happening in happenings
}


def after(state: State, happening: Happening) -> State | None:
    """The next state; ``None`` if it changes nothing (it comes too late, or is about what is over)."""
    return TABLE.get((state, happening))
