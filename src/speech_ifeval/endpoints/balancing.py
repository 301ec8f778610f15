"""Which of several servers gets the next request: a policy without clock, threads or network of its own.

- The next request goes where it should be answered soonest: the requests in flight and one more, times the seconds
  that the server has taken lately. A slow server so gets fewer, and one that has been idle for as long as it takes
  for a request gets one all the same: it may have become fast.
- A server that fails is put to rest, twice as long for each failure in a row. When its rest is over it gets one
  request at a time, until one succeeds.
- The last server that is awake is never put to rest. With one server, or none that works, it is the callers who
  wait between their tries, as long as they see fit.
- A server that asks for a pause (``Retry-After``) gets nothing until it is over, the last one neither.
"""

from __future__ import annotations

from dataclasses import dataclass

FIRST_REST = 0.5  # seconds after the first failure; doubled for each one after it
LONGEST_REST = 30.0
_LATEST = 0.1  # weight of the latest request in the seconds that a server takes
_LONG_AGO = float("-inf")


@dataclass(frozen=True)
class Turn:
    """One request under way: the server that has it, since when, and how often that had been put to rest."""

    server: int
    since: float
    rests: int


@dataclass
class _State:
    in_flight: int = 0
    taken: int = 0
    answered: int = 0
    seconds: float | None = None
    last: float = _LONG_AGO  # when a request of it last came to its end
    failures: int = 0  # in a row
    rests: int = 0
    resting: bool = False
    rests_until: float = _LONG_AGO
    held_until: float = _LONG_AGO


class Balance:
    """Deals requests to servers, numbered from 0. Every method is given the time: seconds on any steady clock.

    Args:
        servers: how many there are.
        most: the most requests in flight at a time, over all servers; None for any number.
        first_rest, longest_rest: how long a server that fails is let be, in seconds.

    >>> balance = Balance(2, most=3)
    >>> turns = [balance.take(now=0.0) for _ in range(4)]
    >>> [turn and turn.server for turn in turns]
    [0, 1, 0, None]
    >>> balance.failed(turns[1], now=1.0)
    >>> balance.take(now=1.1).server
    0
    """

    def __init__(
        self,
        servers: int,
        *,
        most: int | None = None,
        first_rest: float = FIRST_REST,
        longest_rest: float = LONGEST_REST,
    ) -> None:
        self._states = [_State() for _ in range(servers)]
        self._most = most
        self._first_rest = first_rest
        self._longest_rest = longest_rest

    @property
    def in_flight(self) -> list[int]:
        """The requests under way, by server."""
        return [state.in_flight for state in self._states]

    def take(self, now: float) -> Turn | None:
        """Return the turn of the server that the next request goes to; None where none may be sent now."""
        if self._most is not None and sum(self.in_flight) >= self._most:
            return None
        free = [number for number, state in enumerate(self._states) if _may_take(state, now)]
        if not free:
            return None
        chosen = min(free, key=lambda number: self._order(number, now))
        state = self._states[chosen]
        state.in_flight += 1
        state.taken += 1
        return Turn(chosen, now, state.rests)

    def wait(self, now: float) -> float | None:
        """Return the seconds until a server is free again by the mere passing of time; None where none will be."""
        times = [
            max(state.held_until, state.rests_until if state.resting else _LONG_AGO)
            for state in self._states
            if not (state.resting and state.in_flight)
        ]
        later = [time - now for time in times if time > now]
        return min(later) if later else None

    def answered(self, turn: Turn, now: float) -> None:
        """Say that a request was answered."""
        state = self._ended(turn, now)
        state.answered += 1
        taken = now - turn.since
        if state.seconds is None:
            state.seconds = taken
        else:
            state.seconds += (taken - state.seconds) * max(_LATEST, 1 / state.answered)
        if turn.rests == state.rests:  # one that was sent before the server failed says nothing about it now
            state.failures = 0
            state.resting = False

    def failed(self, turn: Turn, now: float, asked: float | None = None) -> None:
        """Say that a server failed a request.

        Args:
            turn: which.
            now: the time.
            asked: the seconds for which the server asks to be let be; None where it asks for nothing.
        """
        state = self._ended(turn, now)
        if asked is not None:
            state.held_until = max(state.held_until, now + asked)
            return
        if turn.rests != state.rests:
            return  # what was in flight when it failed fails with it: that is one failure
        state.failures += 1
        if state.resting or self.others_awake({turn.server}, now):
            rest = min(self._first_rest * 2.0 ** min(state.failures - 1, 60), self._longest_rest)
            state.resting = True
            state.rests += 1
            state.rests_until = now + rest

    def given_back(self, turn: Turn, now: float) -> None:
        """Say that a request has ended in a way that tells nothing of the server."""
        self._ended(turn, now)

    def others_awake(self, besides: set[int], now: float) -> bool:
        """Whether some server outside a set takes requests: not put to rest, and not asking for a pause."""
        return any(
            not state.resting and now >= state.held_until
            for number, state in enumerate(self._states)
            if number not in besides
        )

    def _ended(self, turn: Turn, now: float) -> _State:
        state = self._states[turn.server]
        state.in_flight -= 1
        state.last = now
        return state

    def _order(self, number: int, now: float) -> tuple[bool, float, int, int]:
        """The least goes first: who has been idle for long, then who should be done soonest."""
        state = self._states[number]
        known = [one.seconds for one in self._states if one.seconds is not None]
        seconds = state.seconds if state.seconds is not None else min(known, default=1.0)
        overdue = not state.in_flight and (state.resting or now - state.last >= seconds)
        cost = state.last if overdue else (state.in_flight + 1) * seconds
        return (not overdue, cost, state.taken, number)


def _may_take(state: _State, now: float) -> bool:
    if now < state.held_until:
        return False
    return not state.resting or (now >= state.rests_until and not state.in_flight)
