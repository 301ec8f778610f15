"""Do several servers serve the same model? Each is asked for its list before anything is sent to it."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from speech_ifeval.endpoints.answers import ServedModel
from speech_ifeval.endpoints.server import Problem, Server
from speech_ifeval.errors import MismatchError

_MOST_AT_ONCE = 16


class Sameness:
    """What the servers of one model have told of it so far. Safe to use from several threads.

    A server that is not to be had is asked again before the first request that goes to it. One that keeps no list,
    or an empty one, cannot be compared. A single server is not asked.
    """

    def __init__(self, servers: Sequence[Server]) -> None:
        self._servers = servers
        self._told: dict[int, str] = {}
        self._difference = ""
        self._begun = len(servers) == 1
        self._lock = threading.Lock()
        self._asking = [threading.Lock() for _ in servers]

    def check(self, model: str) -> None:
        """Ask all servers at the first call; later ones wait for that, and then cost nothing.

        Raises:
            MismatchError: two serve different models; names both.
        """
        if self._difference:
            raise MismatchError(self._difference)
        if self._begun:
            return
        with self._lock:
            if not self._begun:
                with ThreadPoolExecutor(min(len(self._servers), _MOST_AT_ONCE)) as pool:
                    list(pool.map(lambda number: self.problem_of(number, model), range(len(self._servers))))
                self._begun = True

    def problem_of(self, number: int, model: str) -> Problem | None:
        """Ask one server, unless it has told; return why it could not be asked, or None.

        Raises:
            MismatchError: it serves another model than one that has told.
        """
        if len(self._servers) > 1 and number not in self._told:
            with self._asking[number]:
                found = () if number in self._told else self._servers[number].models()
                if isinstance(found, Problem):
                    return found
                self._told.setdefault(number, described(found, model))
            self._compare()
        if self._difference:
            raise MismatchError(self._difference)
        return None

    def _compare(self) -> None:
        told = [(number, what) for number, what in sorted(self._told.items()) if what]
        for number, what in told[1:]:
            first, expected = told[0]
            if what != expected:
                self._difference = (
                    f"several servers must serve the same model: {self._servers[first].url} serves {expected}, "
                    f"{self._servers[number].url} serves {what}; correct base_url, or start them alike"
                )
                return


def described(models: Sequence[ServedModel], model: str) -> str:
    """Return what a server serves under a name, as text to compare; its whole list where the name is not in it.

    >>> described([ServedModel("a", "/models/a"), ServedModel("b")], "a")
    'a (from /models/a)'
    >>> described([ServedModel("a"), ServedModel("b")], "c")
    'a, b'
    """
    named = [one for one in models if one.id == model] or models
    return ", ".join(one.id if one.root in (None, one.id) else f"{one.id} (from {one.root})" for one in named)
