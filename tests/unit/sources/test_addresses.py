"""Which addresses members may have us fetch from."""

from __future__ import annotations

import pytest

from timmybot.adapters.sources.addresses import AddressPolicy, is_public
from timmybot.ports.track_source import TrackError

REFUSED = {
    "127.0.0.1": "loopback",
    "127.8.8.8": "loopback",
    "0.0.0.0": "this host",
    "10.1.2.3": "private",
    "172.16.0.1": "private",
    "192.168.1.1": "private",
    "100.64.0.1": "carrier-grade NAT",
    "169.254.169.254": "instance metadata",
    "169.254.170.2": "task credentials",
    "168.63.129.16": "the host of an Azure machine",
    "192.0.0.8": "protocol assignments",
    "192.31.196.1": "AS112",
    "192.52.193.1": "AMT",
    "192.175.48.1": "AS112",
    "192.0.2.1": "documentation",
    "198.18.0.1": "benchmarks",
    "224.0.1.1": "multicast",
    "239.255.255.250": "multicast",
    "240.0.0.1": "reserved",
    "255.255.255.255": "broadcast",
    "::": "unspecified",
    "::1": "loopback",
    "::ffff:127.0.0.1": "IPv4-mapped",
    "::ffff:8.8.8.8": "IPv4-mapped",
    "::127.0.0.1": "IPv4-compatible",
    "64:ff9b::a9fe:aa02": "NAT64 of the task credentials",
    "64:ff9b:1::1": "local-use NAT64",
    "2002:7f00:1::": "6to4 of loopback",
    "2001:0:7f00:1::": "Teredo",
    "2001:db8::1": "documentation",
    "fc00::1": "unique local",
    "fd00:ec2::254": "instance metadata",
    "fe80::1": "link-local",
    "fe80::1%eth0": "link-local with a zone",
    "2001:4860:4860::8888%lo": "global with a zone",
    "2620:4f:8000::1": "AS112",
    "fec0::1": "site-local",
    "ff02::1": "multicast",
    "not an address": "nonsense",
}


@pytest.mark.parametrize(("address", "why"), REFUSED.items())
def test_an_address_off_the_public_internet_is_refused(address: str, why: str) -> None:
    assert not is_public(address), why


@pytest.mark.parametrize("address", ["8.8.8.8", "93.184.215.14", "2606:4700:4700::1111", "2a00:1450:4001:80e::200e"])
def test_an_address_on_the_public_internet_is_fit(address: str) -> None:
    assert is_public(address)


def test_a_name_with_one_private_address_among_public_ones_is_refused() -> None:
    policy = AddressPolicy(resolve=lambda host, port: ["8.8.8.8", "10.0.0.1"])

    with pytest.raises(TrackError, match="only from the public internet"):
        policy.addresses("mixed.example", 443)


def test_an_allowed_host_may_be_private_on_its_own_port_alone() -> None:
    policy = AddressPolicy(("Media.lan:8080",), resolve=lambda host, port: ["192.168.1.5"])

    assert policy.addresses("media.lan", 8080) == ["192.168.1.5"]
    with pytest.raises(TrackError):
        policy.addresses("media.lan", 22)


def test_a_name_that_nobody_knows_is_said_to_be_unknown() -> None:
    def unknown(host: str, port: int) -> list[str]:
        raise OSError("no such host")

    with pytest.raises(TrackError, match=r"cannot find the host nowhere\.example"):
        AddressPolicy(resolve=unknown).addresses("nowhere.example", 80)
