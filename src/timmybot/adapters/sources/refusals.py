"""Why a file cannot be had, in a sentence for the member; and whether asking again may help.

TrackError            what will be so the next time too
├── PassingTrouble    what may be over in a moment
│   └── Unreached     ... and is the network's doing, or that of a server that is not there
└── SourceAway        the port's name for that
    └── Unreached
"""

from __future__ import annotations

import http.client
import ssl
from typing import Final

import urllib3

from timmybot.ports.track_source import SourceAway, TrackError

_TOO_MANY_REQUESTS: Final = 429
TIMED_OUT: Final = (TimeoutError, urllib3.exceptions.TimeoutError)
_CUT_SHORT: Final = (http.client.IncompleteRead, urllib3.exceptions.IncompleteRead)


class PassingTrouble(TrackError):
    """Worth asking again for whoever is in the middle of a file; whoever only begins is told."""


class Unreached(PassingTrouble, SourceAway):
    """Nobody answered, or not to the end."""


class UnknownName(Unreached):
    """The name has no address."""

    unknown_name = True


def unknown_host(host: str) -> TrackError:
    return UnknownName(f"I cannot find the host {host}. Check the address and try again.")


def unreachable(host: str, trouble: Exception | None) -> TrackError:
    if isinstance(trouble, urllib3.exceptions.SSLError | ssl.SSLError):
        return TrackError(f"{host} has no valid certificate, so I do not trust what it sends.")
    if isinstance(trouble, TIMED_OUT):
        return Unreached(f"{host} did not answer in time. Try again later.")
    return Unreached(f"{host} cannot be reached. Check the address and try again.")


def broken_off(trouble: Exception | None = None) -> TrackError:
    """``trouble`` is how the connection ended. A server that ends an answer too early was reached: nobody is away."""
    ended = trouble is None or any(isinstance(each, _CUT_SHORT) for each in (trouble, *trouble.args))
    kind = PassingTrouble if ended else Unreached
    return kind("The connection broke off, and the server does not go on from there. Try again later.")


def refused(status: int) -> TrackError:
    if status in {404, 410}:
        return TrackError(f"There is nothing at that address (the server says {status}). Check the link.")
    if status in {401, 403}:
        return TrackError(f"The server does not let me have that file ({status}). Give a link that needs no login.")
    if status >= 500:
        return PassingTrouble(f"The server at that address has trouble of its own ({status}). Try again later.")
    if status == _TOO_MANY_REQUESTS:
        return PassingTrouble(f"The server at that address is asked too much ({status}). Try again later.")
    return TrackError(f"The server at that address answered {status} instead of a file. Check the link.")
