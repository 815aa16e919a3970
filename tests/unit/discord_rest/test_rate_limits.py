"""When the next request may go."""

from __future__ import annotations

import pytest

from timmybot.adapters.discord_rest.rate_limits import RateLimits, Route

MESSAGES = Route("POST /channels/messages", "1")
OTHER_CHANNEL = Route("POST /channels/messages", "2")
CALLBACK = Route("POST /interactions/callback", "3/t", counts_globally=False)


def headers(remaining: int, reset_after: float, bucket: str = "abc") -> dict[str, str]:
    return {
        "x-ratelimit-bucket": bucket,
        "x-ratelimit-remaining": str(remaining),
        "x-ratelimit-reset-after": str(reset_after),
    }


def test_a_spent_bucket_waits_until_it_is_full_again() -> None:
    limits = RateLimits()
    assert limits.reserve(MESSAGES, 0.0) == 0
    limits.learn(MESSAGES, headers(remaining=0, reset_after=4.0), 1.0)

    assert limits.reserve(MESSAGES, 2.0) == pytest.approx(3.0)
    assert limits.reserve(MESSAGES, 5.0) == 0


def test_each_channel_has_a_bucket_of_its_own() -> None:
    limits = RateLimits()
    limits.learn(MESSAGES, headers(remaining=0, reset_after=4.0), 0.0)

    assert limits.reserve(OTHER_CHANNEL, 0.0) == 0


def test_routes_that_share_a_bucket_share_its_places() -> None:
    limits = RateLimits()
    first, second = Route("GET /a", "1"), Route("GET /b", "1")
    limits.learn(first, headers(remaining=5, reset_after=9.0), 0.0)
    limits.learn(second, headers(remaining=0, reset_after=9.0), 0.0)

    assert limits.reserve(first, 0.0) == pytest.approx(9.0)


def test_requests_on_their_way_have_taken_their_places() -> None:
    limits = RateLimits()
    limits.learn(MESSAGES, headers(remaining=2, reset_after=5.0), 0.0)

    assert [limits.reserve(MESSAGES, 0.0) for _ in range(3)] == [0, 0, pytest.approx(5.0)]


def test_an_answer_that_was_overtaken_does_not_give_places_back() -> None:
    limits = RateLimits()
    limits.learn(MESSAGES, headers(remaining=0, reset_after=5.0), 0.0)
    limits.learn(MESSAGES, headers(remaining=1, reset_after=5.0), 0.1)

    assert limits.reserve(MESSAGES, 0.1) > 0


def test_no_more_than_fifty_go_in_a_second() -> None:
    limits = RateLimits()
    sent = [limits.reserve(Route("GET /x", str(n)), 10.0 + n / 100) for n in range(50)]

    assert sent == [0] * 50
    assert limits.reserve(MESSAGES, 10.6) == pytest.approx(0.4)
    assert limits.reserve(MESSAGES, 11.0) == 0


def test_interactions_count_to_no_global_limit_and_wait_for_none() -> None:
    limits = RateLimits()
    for _ in range(200):
        assert limits.reserve(CALLBACK, 10.0) == 0
    assert limits.reserve(MESSAGES, 10.0) == 0

    limits.refused(MESSAGES, 3.0, everywhere=True, now=10.0)
    assert limits.reserve(OTHER_CHANNEL, 11.0) == pytest.approx(2.0)
    assert limits.reserve(CALLBACK, 11.0) == 0


def test_a_refusal_holds_its_own_bucket_alone() -> None:
    limits = RateLimits()
    limits.refused(MESSAGES, 3.0, everywhere=False, now=10.0)

    assert limits.reserve(MESSAGES, 11.0) == pytest.approx(2.0)
    assert limits.reserve(OTHER_CHANNEL, 11.0) == 0


def test_headers_that_make_no_sense_are_passed_over() -> None:
    limits = RateLimits()
    limits.learn(MESSAGES, headers(0, 9.0) | {"x-ratelimit-remaining": "some"}, 0.0)
    limits.learn(MESSAGES, {}, 0.0)

    assert limits.reserve(MESSAGES, 0.0) == 0


def test_spent_buckets_of_passing_interactions_are_forgotten() -> None:
    limits = RateLimits()
    for number in range(5_000):
        route = Route("PATCH /webhooks", f"1/{number}", counts_globally=False)
        limits.learn(route, headers(4, 1.0), float(number))

    assert len(limits._buckets) < 2_000


def test_a_ban_of_the_address_stops_every_route() -> None:
    limits = RateLimits()
    limits.banned(30.0, 10.0)
    for route in (MESSAGES, OTHER_CHANNEL, CALLBACK):
        assert limits.reserve(route, 11.0) == pytest.approx(29.0)
        assert limits.reserve(route, 40.0) == 0
