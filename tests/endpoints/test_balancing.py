"""Which server gets the next request: simulated servers on a clock of their own, no threads and no waiting."""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from speech_ifeval.endpoints.balancing import FIRST_REST, LONGEST_REST, Balance, Turn

CLIENT_PAUSE = 1.0  # what a caller of the last server awake lets pass between two tries


@dataclass
class Server:
    """Takes `seconds` for a request, however many it has; errs in its `down` times, and may ask to be let be."""

    seconds: float
    down: tuple[tuple[float, float], ...] = ()
    asks: float | None = None

    def works(self, now: float) -> bool:
        return not any(start <= now < end for start, end in self.down)


@dataclass
class Played:
    """What happened: when each server was sent a request, how many it answered, and when all was done."""

    sent: list[list[float]]
    answered: list[int]
    most_in_flight: int = 0
    end: float = 0.0
    probes: list[int] = field(default_factory=list)


def play(servers: list[Server], requests: int, most: int, until: float = 1e6) -> Played:
    """Deal requests until all are answered; one that fails goes to the back of the queue."""
    balance = Balance(len(servers), most=most)
    found = Played([[] for _ in servers], [0] * len(servers))
    order = itertools.count()
    events: list[tuple[float, int, Callable[[float], None]]] = []
    now, waiting, left = 0.0, requests, requests

    def later(when: float, what: Callable[[float], None]) -> None:
        heapq.heappush(events, (when, next(order), what))

    def end(turn: Turn) -> Callable[[float], None]:
        def ended(now: float) -> None:
            nonlocal waiting, left
            server = servers[turn.server]
            if server.works(now) and server.works(turn.since):
                balance.answered(turn, now)
                found.answered[turn.server] += 1
                left -= 1
                return
            balance.failed(turn, now, server.asks)
            if balance.others_awake({turn.server}, now):
                waiting += 1
            else:
                later(now + CLIENT_PAUSE, again)

        return ended

    def again(_: float) -> None:
        nonlocal waiting
        waiting += 1

    while left and now < until:
        turn = balance.take(now) if waiting else None
        if turn is not None:
            waiting -= 1
            found.sent[turn.server].append(now)
            found.most_in_flight = max(found.most_in_flight, sum(balance.in_flight))
            server = servers[turn.server]
            later(now + (server.seconds if server.works(now) else 0.001), end(turn))
            continue
        pause = balance.wait(now) if waiting else None
        assert events or pause is not None, "requests wait, and nothing will ever come"
        if pause is not None and (not events or now + pause < events[0][0]):
            assert pause > 0
            now += pause
            continue
        now, _, what = heapq.heappop(events)
        what(now)
    found.end = now
    assert not left or now >= until
    return found


SLOWER = st.sampled_from([0.5, 1.0, 3.0])
SPEEDS = st.sampled_from([0.1, 0.2, 0.5, 1.0, 3.0, 10.0])
SERVERS = st.lists(
    st.builds(
        Server,
        SPEEDS,
        st.lists(st.tuples(st.floats(0, 50), st.floats(0, 50)), max_size=2).map(
            lambda spans: tuple((start, start + length) for start, length in spans)
        ),
        st.sampled_from([None, None, 0.0, 2.0, 40.0]),
    ),
    min_size=1,
    max_size=5,
)


@settings(max_examples=150, deadline=None)
@given(SERVERS, st.integers(1, 12), st.integers(1, 40))
def test_every_request_is_answered_once_and_never_more_are_in_flight_than_allowed(
    servers: list[Server], most: int, requests: int
) -> None:
    played = play(servers, requests, most)
    assert sum(played.answered) == requests
    assert played.most_in_flight <= most


@settings(max_examples=100, deadline=None)
@given(st.lists(SPEEDS, min_size=1, max_size=4), st.integers(1, 8))
def test_a_server_that_works_is_never_forgotten(speeds: list[float], most: int) -> None:
    played = play([Server(seconds) for seconds in speeds], 10_000, most, until=60.0)
    for seconds, sent in zip(speeds, played.sent, strict=True):
        gaps = [after - before for before, after in itertools.pairwise([0.0, *sent, 60.0])]
        # It is at work, then idle for as long as it takes, then after those that have been idle for longer.
        assert max(gaps) <= 2 * seconds + len(speeds) * max(speeds) + 0.01


@settings(max_examples=25, deadline=None)
@given(st.lists(SLOWER, min_size=1, max_size=3), st.integers(1, 12), st.integers(0, 3))
def test_a_dead_server_gets_one_request_at_a_time_and_fewer_and_fewer(
    speeds: list[float], most: int, place: int
) -> None:
    servers = [Server(seconds) for seconds in speeds]
    place = min(place, len(servers))
    servers.insert(place, Server(1.0, down=((0.0, 1e9),)))
    played = play(servers, 100_000, most, until=100.0)
    sent = played.sent[place]
    first = [time for time in sent if time <= sent[0] + 0.001]  # before it had failed any
    later = sent[len(first) :]
    assert len(first) <= most
    for number, (before, after) in enumerate(itertools.pairwise([first[-1], *later])):
        assert after - before >= min(FIRST_REST * 2**number, LONGEST_REST) * 0.999
    assert played.answered[place] == 0
    assert len(later) >= 5  # it is looked after all the same


@pytest.mark.parametrize("ratio", [1.0, 2.0, 4.0, 10.0])
def test_a_slow_server_gets_fewer(ratio: float) -> None:
    played = play([Server(1.0), Server(ratio)], 2000, most=8)
    fast, slow = played.answered
    assert fast / slow == pytest.approx(ratio**2, rel=0.35) if ratio < 4 else fast / slow >= ratio
    assert slow > 0


def test_equal_servers_get_equal_shares() -> None:
    played = play([Server(1.0)] * 4, 1000, most=16)
    assert max(played.answered) - min(played.answered) <= 4


def test_a_server_that_comes_back_is_used_again() -> None:
    played = play([Server(1.0), Server(1.0, down=((5.0, 20.0),))], 600, most=8)
    assert [time for time in played.sent[1] if time > 60]
    assert played.answered[1] > 0.35 * sum(played.answered)


def test_what_was_in_flight_when_a_server_died_counts_as_one_failure() -> None:
    balance = Balance(2, most=8)
    turns = [balance.take(0.0) for _ in range(8)]
    dead = [turn for turn in turns if turn is not None and turn.server == 1]
    assert len(dead) == 4
    for turn in dead:
        balance.failed(turn, 1.0)
    for turn in turns:
        if turn is not None and turn.server == 0:
            balance.answered(turn, 1.0)
    assert next(turn for turn in (balance.take(1.0 + FIRST_REST),) if turn is not None).server == 1


def test_a_pause_that_is_asked_for_is_that_servers_alone() -> None:
    balance = Balance(2)
    first = balance.take(0.0)
    assert first is not None
    balance.failed(first, 0.0, asked=30.0)
    assert {turn.server for turn in (balance.take(time) for time in (0.1, 1.0, 29.9)) if turn} == {
        1 - first.server
    }
    assert balance.wait(1.0) == pytest.approx(29.0)
    later = balance.take(30.0)
    assert later is not None
    assert later.server == first.server


def test_the_last_server_awake_is_left_to_its_callers() -> None:
    balance = Balance(1)
    for time in range(5):
        turn = balance.take(float(time))
        assert turn is not None
        balance.failed(turn, float(time))
    assert balance.wait(5.0) is None
    turn = balance.take(5.0)
    assert turn is not None
    balance.failed(turn, 5.0, asked=10.0)
    assert balance.take(14.9) is None
    assert balance.wait(14.0) == pytest.approx(1.0)
    assert balance.take(15.0) is not None


def test_a_request_that_says_nothing_of_the_server_changes_nothing() -> None:
    balance = Balance(2)
    turn = balance.take(0.0)
    assert turn is not None
    balance.given_back(turn, 1.0)
    assert balance.in_flight == [0, 0]
    assert balance.others_awake(set(), 1.0)
