"""A host with several addresses, some of which are dead."""

from __future__ import annotations

import errno
from typing import cast

import pytest

from tests.fakes.dialler import FakeDialler, FakeSocket
from timmybot.adapters.sources.addresses import AddressPolicy, interleaved
from timmybot.adapters.sources.connecting import CONNECT_SECONDS, HEAD_START_SECONDS, MOST_TRIED, first_connected
from timmybot.adapters.sources.proven import KEPT_SECONDS, MOST_HOSTS, ProvenAddresses
from timmybot.ports.track_source import TrackError

DEAD, DEAD_TOO, GOOD = "192.0.2.1", "192.0.2.2", "192.0.2.3"
SOON = (0.02, 0)


def nobody_gives_up() -> None:
    pass


def connected(dialler: FakeDialler, *addresses: str) -> str:
    address, socket = first_connected(addresses, 443, nobody_gives_up, dialler)
    assert cast(FakeSocket, socket).address == address
    return address


def test_two_dead_addresses_cost_two_head_starts() -> None:
    dialler = FakeDialler({GOOD: SOON})

    assert connected(dialler, DEAD, DEAD_TOO, GOOD) == GOOD
    assert dialler.begun == [(DEAD, 0.0), (DEAD_TOO, 0.25), (GOOD, 0.5)]
    assert dialler.seconds < 1.0


def test_negative_control_one_after_the_other_they_cost_eight_seconds() -> None:
    dialler = FakeDialler({GOOD: SOON})

    for dead in (DEAD, DEAD_TOO):
        with pytest.raises(TimeoutError):
            connected(dialler, dead)
    assert connected(dialler, GOOD) == GOOD
    assert dialler.seconds == pytest.approx(2 * CONNECT_SECONDS + 0.02)


def test_the_others_are_closed_when_one_stands() -> None:
    dialler = FakeDialler({GOOD: SOON})

    connected(dialler, DEAD, DEAD_TOO, GOOD)
    assert dialler.open_sockets == [GOOD]


def test_an_address_that_answers_in_its_head_start_is_the_only_one_begun() -> None:
    dialler = FakeDialler({GOOD: (0.24, 0), DEAD: SOON})

    assert connected(dialler, GOOD, DEAD) == GOOD
    assert dialler.begun == [(GOOD, 0.0)]


def test_a_slow_address_is_waited_for_beside_the_others() -> None:
    dialler = FakeDialler({GOOD: (3.0, 0)})

    assert connected(dialler, GOOD, DEAD, DEAD_TOO) == GOOD
    assert dialler.seconds == pytest.approx(3.0)


@pytest.mark.parametrize("refused_by", ["the host", "our own side"])
def test_after_a_refusal_the_next_is_begun_at_once(refused_by: str) -> None:
    refusal = (0.01, errno.ECONNREFUSED) if refused_by == "the host" else (-1.0, errno.ENETUNREACH)
    dialler = FakeDialler({DEAD: refusal, DEAD_TOO: refusal, GOOD: SOON})

    assert connected(dialler, DEAD, DEAD_TOO, GOOD) == GOOD
    assert dialler.seconds < HEAD_START_SECONDS


def test_when_all_refuse_it_is_said_so() -> None:
    dialler = FakeDialler({DEAD: (0.01, errno.ECONNREFUSED), DEAD_TOO: (0.3, errno.ECONNREFUSED)})

    with pytest.raises(ConnectionRefusedError):
        connected(dialler, DEAD, DEAD_TOO)
    assert dialler.open_sockets == []


def test_when_all_are_silent_each_has_its_time_and_no_more() -> None:
    dialler = FakeDialler({})

    with pytest.raises(TimeoutError):
        connected(dialler, *(f"192.0.2.{number}" for number in range(100)))
    assert len(dialler.begun) == MOST_TRIED
    assert dialler.seconds == pytest.approx((MOST_TRIED - 1) * HEAD_START_SECONDS + CONNECT_SECONDS)
    assert dialler.open_sockets == []


def test_an_abort_ends_it_soon() -> None:
    dialler = FakeDialler({})

    def aborted_at_a_second() -> None:
        if dialler.seconds >= 1.0:
            raise TrackError("over")

    with pytest.raises(TrackError, match="over"):
        first_connected([DEAD, DEAD_TOO, GOOD], 443, aborted_at_a_second, dialler)
    assert dialler.seconds <= 1.1
    assert dialler.open_sockets == []


SIX = ["2600::1", "2600::2", "2600::3"]
FOUR = ["8.8.8.8", "8.8.4.4"]


def test_families_take_turns() -> None:
    assert interleaved(SIX + FOUR) == ["2600::1", "8.8.8.8", "2600::2", "8.8.4.4", "2600::3"]
    assert interleaved(FOUR + SIX) == ["8.8.8.8", "2600::1", "8.8.4.4", "2600::2", "2600::3"]
    assert interleaved(FOUR) == FOUR


def test_a_dead_family_costs_one_head_start_whatever_it_has() -> None:
    dialler = FakeDialler({FOUR[0]: SOON})

    assert connected(dialler, *interleaved(SIX + FOUR)) == FOUR[0]
    assert dialler.seconds < 0.3


class TestWhatAnsweredIsTriedFirst:
    def policy(self, proven: ProvenAddresses | None = None) -> AddressPolicy:
        return AddressPolicy(resolve=lambda host, port: list(self.found), proven=proven)

    found: tuple[str, ...] = ("2600::1", "8.8.8.8", "8.8.4.4")

    def test_at_that_host_and_port(self) -> None:
        policy = self.policy()
        policy.proven.note("music.example", 443, "8.8.4.4")

        assert policy.addresses("music.example", 443) == ["8.8.4.4", "2600::1", "8.8.8.8"]
        assert policy.addresses("music.example", 80) == ["2600::1", "8.8.8.8", "8.8.4.4"]
        assert policy.addresses("other.example", 443) == ["2600::1", "8.8.8.8", "8.8.4.4"]

    def test_only_while_the_name_still_leads_there(self) -> None:
        """What the name leads to is asked for each connection, and judged: nothing remembered is gone to by itself."""
        policy = self.policy()
        policy.proven.note("music.example", 443, "127.0.0.1")
        assert "127.0.0.1" not in policy.addresses("music.example", 443)

        self.found = ("127.0.0.1", "8.8.8.8")
        with pytest.raises(TrackError, match="only from the public internet"):
            policy.addresses("music.example", 443)

    def test_for_a_while(self) -> None:
        now = [0.0]
        policy = self.policy(ProvenAddresses(lambda: now[0]))
        policy.proven.note("music.example", 443, "8.8.4.4")

        now[0] = KEPT_SECONDS - 1
        assert policy.addresses("music.example", 443)[0] == "8.8.4.4"
        now[0] = KEPT_SECONDS
        assert policy.addresses("music.example", 443)[0] == "2600::1"

    def test_of_so_many_hosts(self) -> None:
        policy = self.policy()
        for number in range(3 * MOST_HOSTS):
            policy.proven.note(f"{number}.example", 443, "8.8.4.4")

        assert len(policy.proven) == MOST_HOSTS
        assert policy.addresses(f"{3 * MOST_HOSTS - 1}.example", 443)[0] == "8.8.4.4"
        assert policy.addresses("0.example", 443)[0] == "2600::1"
