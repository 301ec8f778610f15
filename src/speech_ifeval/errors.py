"""What can go wrong, and the exit code each kind maps to.

::

    SpeechIFEvalError            1   anything below, when nothing narrower fits
    ├── UsageError               2   the call is wrong: an option, a path, a range
    │   └── ConstraintError      2   a constraint that cannot be compiled: id, kwargs, rule set
    ├── DataError                3   a file is not what it should be: names file and line
    ├── MismatchError            4   two good inputs that do not belong together
    ├── OutputError              5   results cannot be written: permission, disk, another writer
    ├── MissingExtraError        6   an optional package is needed: names the install command
    ├── MissingProgramError      6   somebody else's program is needed and not on PATH: names the install command
    ├── ModelError               7   no model answers: not to be loaded, server down, key refused, audio not heard
    ├── RefutedError             8   a submission was read and does not hold what it claims
    ├── IncompleteError          1   shards were merged, and some of the run is still missing
    └── RunInterruptedError    130   somebody asked a run to stop, and it did (Ctrl-C)
        └── RunPreemptedError   75   a scheduler asked (SIGTERM, SIGUSR1): start the same command again

Exit code 0 is success, 1 also means that `check-benchmark` found defects or that `fetch` could not get everything,
and 130 any other Ctrl-C.
Libraries raise these; only `speech_ifeval.cli` prints them and exits. Every message says what was
expected, what was found, where, and what to do.
"""

from __future__ import annotations


class SpeechIFEvalError(Exception):
    """Root of everything this package raises on purpose.

    >>> raise SpeechIFEvalError("nothing narrower fits")
    Traceback (most recent call last):
    ...
    speech_ifeval.errors.SpeechIFEvalError: nothing narrower fits
    """

    exit_code = 1


class UsageError(SpeechIFEvalError):
    """The call itself is wrong: an unknown option value, a path that does not exist.

    >>> UsageError.exit_code
    2
    """

    exit_code = 2


class ConstraintError(UsageError, ValueError):
    """A constraint that cannot be compiled: unknown id or rule set, or kwargs that do not fit.

    >>> issubclass(ConstraintError, ValueError)
    True
    """


class DataError(SpeechIFEvalError):
    """A file's content is not what it should be; the message starts with ``file:line``.

    >>> DataError.exit_code
    3
    """

    exit_code = 3


class MismatchError(SpeechIFEvalError):
    """Inputs that are each fine but do not belong together: responses of another benchmark, two models mixed.

    >>> MismatchError.exit_code
    4
    """

    exit_code = 4


class OutputError(SpeechIFEvalError):
    """Results cannot be written: no permission, a full disk, or another process writes the same run.

    >>> OutputError.exit_code
    5
    """

    exit_code = 5


class MissingExtraError(SpeechIFEvalError):
    """An optional package is needed and not installed.

    >>> print(MissingExtraError("language", "langdetect", "language:response_language"))
    language:response_language needs the package langdetect: pip install 'speech-ifeval[language]'
    """

    exit_code = 6

    def __init__(self, extra: str, package: str, needed_by: str) -> None:
        super().__init__(f"{needed_by} needs the package {package}: pip install 'speech-ifeval[{extra}]'")
        self.extra = extra
        self.package = package


class MissingProgramError(SpeechIFEvalError):
    """A program of somebody else's is needed and not on PATH.

    >>> print(MissingProgramError("vllm", "pip install vllm", "speech-ifeval serve"))
    speech-ifeval serve needs the program vllm on PATH: pip install vllm
    """

    exit_code = 6

    def __init__(self, program: str, install: str, needed_by: str) -> None:
        super().__init__(f"{needed_by} needs the program {program} on PATH: {install}")
        self.program = program


class ModelError(SpeechIFEvalError):
    """No request can be answered: the model cannot be loaded, its server is down, or the audio never reaches it.

    >>> ModelError.exit_code
    7
    """

    exit_code = 7


class RefutedError(SpeechIFEvalError):
    """A submission that could be read and scored again, and does not hold what it claims.

    >>> RefutedError.exit_code
    8
    """

    exit_code = 8


class IncompleteError(SpeechIFEvalError):
    """Shards were merged, and some of the run is still missing: what there is was joined, and nothing scored.

    >>> IncompleteError.exit_code
    1
    """


class RunInterruptedError(SpeechIFEvalError):
    """Somebody asked a run to stop: what was begun has been answered and written, the rest was not asked.

    >>> RunInterruptedError.exit_code
    130
    """

    exit_code = 130


class RunPreemptedError(RunInterruptedError):
    """A scheduler asked a run to stop, by SIGTERM or SIGUSR1: the same command, started again, goes on.

    >>> RunPreemptedError.exit_code
    75
    """

    exit_code = 75
