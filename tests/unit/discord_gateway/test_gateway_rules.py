"""What needs no connection: close codes, trusted URLs, the send window, whose token it is."""

from __future__ import annotations

import base64

import pytest

from timmybot.adapters.discord_gateway.close_codes import Next, after_close
from timmybot.adapters.discord_gateway.resume_url import is_trusted
from timmybot.adapters.discord_gateway.send_window import KEPT_FOR_HEARTBEATS, SENDS, SendWindow
from timmybot.adapters.discord_gateway.token_owner import owner_of

GATEWAY = "wss://gateway.discord.gg"


@pytest.mark.parametrize(
    ("code", "next_step"),
    [
        (None, Next.RESUME),
        (1006, Next.RESUME),
        (1011, Next.RESUME),
        (4000, Next.RESUME),
        (4008, Next.RESUME),
        (4999, Next.RESUME),
        (1000, Next.IDENTIFY),
        (1001, Next.IDENTIFY),
        (4003, Next.IDENTIFY),
        (4007, Next.IDENTIFY),
        (4009, Next.IDENTIFY),
        (4004, Next.GIVE_UP),
        (4010, Next.GIVE_UP),
        (4011, Next.GIVE_UP),
        (4012, Next.GIVE_UP),
        (4013, Next.GIVE_UP),
        (4014, Next.GIVE_UP),
    ],
)
def test_each_close_has_its_remedy(code: int | None, next_step: Next) -> None:
    remedy = after_close(code)
    assert remedy.next is next_step
    assert bool(remedy.sentence) is (next_step is Next.GIVE_UP)


@pytest.mark.parametrize(
    ("url", "trusted"),
    [
        ("wss://gateway-us-east1-b.discord.gg", True),
        ("wss://discord.gg", True),
        ("wss://gateway.discord.gg:443/?v=10", True),
        ("ws://gateway-us-east1-b.discord.gg", False),
        ("wss://gateway.discord.gg.evil.example", False),
        ("wss://notdiscord.gg", False),
        ("wss://discord.gg@evil.example", False),
        ("wss://user:pass@gateway.discord.gg", False),
        ("wss://gateway.discord.gg:8443", False),
        ("https://gateway.discord.gg", False),
        ("wss://", False),
        ("wss://[", False),
        ("wss://gateway.discord.gg:port", False),
        ("", False),
    ],
)
def test_only_discords_own_hosts_are_told_the_token(url: str, trusted: bool) -> None:
    assert is_trusted(url, GATEWAY) is trusted


def test_the_configured_gateway_is_trusted_wherever_it_is() -> None:
    assert is_trusted("ws://127.0.0.1:5000/gateway", "ws://127.0.0.1:5000")
    assert not is_trusted("ws://127.0.0.1:5001/gateway", "ws://127.0.0.1:5000")


def test_sends_wait_when_the_minute_is_used_up_and_heartbeats_have_their_part() -> None:
    window = SendWindow()
    usual = SENDS - KEPT_FOR_HEARTBEATS
    for second in range(usual):
        assert window.seconds_until_free(second / 10) == 0.0
        window.sent(second / 10)
    assert window.seconds_until_free(usual / 10) == pytest.approx(60.0 - usual / 10)
    window.sent(usual / 10)  # a heartbeat goes all the same, and the next usual frame waits for one more to pass
    assert window.seconds_until_free(60.0) > 0.0
    assert window.seconds_until_free(60.1) == 0.0


def test_a_token_tells_whose_it_is_and_nonsense_tells_nothing() -> None:
    first = base64.urlsafe_b64encode(b"123456789012345678").decode().rstrip("=")
    assert owner_of(f"{first}.x.y") == 123456789012345678
    assert owner_of("nonsense") is None
    assert owner_of("") is None
    assert owner_of("ÿ.x.y") is None
