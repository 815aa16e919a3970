"""Which addresses may be fetched from: those of the public internet, and what the operator allows by name.

Members give the URLs, and the process stands inside somebody's network, beside the task's credentials at
169.254.170.2. A name is resolved once and what it resolved to is what is connected to, so a name that means something
else a moment later (DNS rebinding) gains nothing.

Sources: IANA, IPv4 and IPv6 Special-Purpose Address Registries; RFC 4291, 6052 and
8215 (NAT64), 3056 (6to4), 4380 (Teredo), 7534 and 7535 (AS112), 8305 (the order of addresses);
Microsoft, "What is IP address 168.63.129.16?".
"""

from __future__ import annotations

import socket
from collections.abc import Callable
from ipaddress import IPv4Address, IPv4Network, IPv6Network, ip_address

from timmybot.adapters.sources.connecting import Dialler, SystemDialler
from timmybot.adapters.sources.proven import ProvenAddresses
from timmybot.adapters.sources.refusals import unknown_host, unreachable
from timmybot.ports.track_source import TrackError

# Our own tables, because what ipaddress calls global differs between versions of Python (3.11 lets 192.0.0.8 pass).
_NOT_PUBLIC_V4 = tuple(
    IPv4Network(network)
    for network in (
        "0.0.0.0/8",  # this network
        "10.0.0.0/8",  # private
        "100.64.0.0/10",  # shared by carriers
        "127.0.0.0/8",  # loopback
        "168.63.129.16/32",  # the host that an Azure machine runs on, with the machine's configuration
        "169.254.0.0/16",  # link-local: metadata and credentials of clouds
        "172.16.0.0/12",  # private
        "192.0.0.0/24",  # protocol assignments
        "192.0.2.0/24",  # documentation
        "192.31.196.0/24",  # AS112: whoever runs a network may answer for it inside
        "192.52.193.0/24",  # multicast tunnels (AMT), likewise
        "192.88.99.0/24",  # 6to4 relays
        "192.168.0.0/16",  # private
        "192.175.48.0/24",  # AS112
        "198.18.0.0/15",  # benchmarks
        "198.51.100.0/24",  # documentation
        "203.0.113.0/24",  # documentation
        "224.0.0.0/4",  # multicast
        "240.0.0.0/4",  # reserved, and broadcast
    )
)
_GLOBAL_UNICAST_V6 = IPv6Network("2000::/3")
_NOT_PUBLIC_V6 = tuple(
    IPv6Network(network)
    for network in (
        "2001::/23",  # protocol assignments, with Teredo (2001::/32), which embeds IPv4 addresses
        "2001:db8::/32",  # documentation
        "2002::/16",  # 6to4: embeds an IPv4 address
        "2620:4f:8000::/48",  # AS112
        "3fff::/20",  # documentation
    )
)

Resolve = Callable[[str, int], list[str]]
"""Name and port to addresses, in the order to try them. Raises :class:`OSError`."""


def is_public(address: str) -> bool:
    """Whether ``address`` is a unicast address of the public internet.

    IPv6 is judged by what is allowed, not by what is not: mapped, compatible and NAT64 forms of IPv4 addresses lie
    outside global unicast and are refused whole. So is an address with a zone, which says by which of our own network
    interfaces to go.
    """
    if "%" in address:
        return False
    try:
        ip = ip_address(address)
    except ValueError:
        return False
    if isinstance(ip, IPv4Address):
        return not any(ip in network for network in _NOT_PUBLIC_V4)
    return ip in _GLOBAL_UNICAST_V6 and not any(ip in network for network in _NOT_PUBLIC_V6)


def system_resolve(host: str, port: int) -> list[str]:
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


def interleaved(addresses: list[str]) -> list[str]:
    """IPv6 and IPv4 by turns, each in the order given, from the family of the first: a whole family may be dead.

    Source: RFC 8305, 4.
    """
    first = [address for address in addresses if (":" in address) == (":" in addresses[0])]
    other = [address for address in addresses if (":" in address) != (":" in addresses[0])]
    by_turns = [address for pair in zip(first, other, strict=False) for address in pair]
    return by_turns + first[len(other) :] + other[len(first) :]


class AddressPolicy:
    """Turns a host into the addresses that may be connected to. ``dialler`` is what connects to them then."""

    def __init__(
        self,
        allow_hosts: tuple[str, ...] = (),
        resolve: Resolve = system_resolve,
        proven: ProvenAddresses | None = None,
        dialler: Dialler | None = None,
    ) -> None:
        self._allowed = frozenset(pair.lower() for pair in allow_hosts)
        self._resolve = resolve
        self.proven = ProvenAddresses() if proven is None else proven
        self.dialler = SystemDialler() if dialler is None else dialler

    def addresses(self, host: str, port: int) -> list[str]:
        """The addresses of ``host`` in the order to try them, all of them fit to connect to.

        Raises :class:`TrackError`, and :class:`~timmybot.adapters.sources.refusals.PassingTrouble` when there are none.

        One address that is not public condemns the name: an honest one has none.
        """
        try:
            found = self._resolve(host, port)
        except socket.gaierror as error:
            if error.errno == socket.EAI_AGAIN:  # no name server answers
                raise unreachable(host, error) from error
            found = []
        except (OSError, UnicodeError):
            found = []
        if not found:
            raise unknown_host(host)
        if f"{host}:{port}".lower() not in self._allowed and not all(is_public(address) for address in found):
            raise TrackError(f"I fetch only from the public internet, and {host} is not on it.")
        return self.proven.first(host, port, interleaved(found))
