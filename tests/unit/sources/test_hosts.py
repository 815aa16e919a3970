"""How hosts are spelled, and which texts are none."""

from __future__ import annotations

import pytest

from timmybot.adapters.sources.addresses import AddressPolicy, is_public
from timmybot.adapters.sources.hosts import spelled
from timmybot.ports.track_source import TrackError

DOMAINS = {
    "Example.ORG": "example.org",
    "example.org.": "example.org.",
    "my_bucket.example": "my_bucket.example",
    "-a-.example": "-a-.example",
    "faß.example": "xn--fa-hia.example",  # not fass.example, which is somebody else
    "FAẞ.example": "xn--fa-hia.example",
    "bücher.example": "xn--bcher-kva.example",
    "BU\u0308CHER.example": "xn--bcher-kva.example",
    "βόλος.example": "xn--nxasmm1c.example",
    "☃.example": "xn--n3h.example",
    "夜。example": "xn--ess.example",
    "ex\u00adample.org": "example.org",
    "ｅｘａｍｐｌｅ.org": "example.org",
    "%65xample.org": "example.org",
    "b%C3%BCcher.example": "xn--bcher-kva.example",
    "\u0646\u0627\u0645\u0647\u200c\u0627\u06cc.example": "xn--mgba3gch31f060k.example",
}

LOOPBACK = ["127.0.0.1", "127.1", "0x7f.1", "0X7F.0.1", "0177.0.0.01", "017700000001", "2130706433", "0x7f000001"]
LOOPBACK += ["127.0.0.1.", "１２７.0.0.1", "%31%32%37.1", "127。0。0。1", "①②⑦.1"]


@pytest.mark.parametrize(("host", "looked_up"), DOMAINS.items())
def test_a_domain_is_looked_up_as_browsers_do(host: str, looked_up: str) -> None:
    assert spelled(host) == looked_up


def test_negative_control_pythons_own_codec_leads_to_another_host() -> None:
    assert "faß.example".encode("idna") == b"fass.example"


@pytest.mark.parametrize("host", LOOPBACK)
def test_every_spelling_of_an_ipv4_address_is_that_address(host: str) -> None:
    assert spelled(host) == "127.0.0.1"


@pytest.mark.parametrize(
    ("host", "address"),
    [
        ("0x", "0.0.0.0"),
        ("0", "0.0.0.0"),
        ("1.2.0x304", "1.2.3.4"),
        ("0251.0376.0xa9fe", "169.254.169.254"),
        ("2852039166", "169.254.169.254"),
        ("0xa9fea9fe", "169.254.169.254"),
        ("4294967295", "255.255.255.255"),
    ],
)
def test_a_shorter_spelling_is_filled_up(host: str, address: str) -> None:
    assert spelled(host) == address


@pytest.mark.parametrize(
    "host", [*LOOPBACK, "2852039166", "[::1]", "[0:0::1]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]"]
)
def test_no_spelling_of_a_private_address_passes(host: str) -> None:
    """Judged as it is spelled then: the resolver takes it as it is."""
    policy = AddressPolicy(resolve=lambda host, port: [host])

    assert not is_public(spelled(host).strip("[]"))
    with pytest.raises(TrackError, match="only from the public internet"):
        policy.addresses(spelled(host).strip("[]"), 80)


@pytest.mark.parametrize(
    "host",
    [
        "",
        ".",
        "..",
        "a b",
        "a\x00b",
        "a%00b",
        "a%20b",
        "a%2Fb",
        "a%40b",
        "a%25b",
        "a%",
        "a%ff",
        "a<b",
        "a|b",
        "a^b",
        "a\uff0fb",  # a full-width slash
        "a\uff20b",
        "a\uff1a80",
        "a℀b",  # becomes "a/c"
        "\u0301a.example",
        "a\u200db.example",
        "\u05d0a.example",  # Hebrew and Latin in one label
        "xn--ü.example",
        "1.2.3.4.5",
        "256.1",
        "1.2.3.256",
        "4294967296",
        "0x100000000",
        "08.1",
        "1..2",
        "foo.0x7g.1",
        "example.1",
        "1_0.1",
        "+1.1",
        "9" * 5_000,
        "0." + "9" * 400,
        "ü" * 5_000,
        "[::1",
        "[]",
        "[::1]x",
        "[fe80::1%eth0]",
        "[fe80::1%25eth0]",
        "[1:2]",
        "[::1.2.3.04]",
    ],
)
def test_what_cannot_be_a_host_is_none(host: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - whatever its words, it becomes one sentence
        spelled(host)
