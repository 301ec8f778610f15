"""The language of the reply, by a seeded detector.

The detector is langdetect (the extra ``language``), as in the original benchmark, made repeatable: out of the
box it draws its own seed, so that verdicts change between runs. Here the seed is fixed, the profiles are
read in one order on every machine, and a text in which no language can be found does not follow.
"""

from __future__ import annotations

import difflib
import threading
from collections.abc import Collection
from pathlib import Path
from typing import Any

from speech_ifeval.constraints.kwargs import Phrase
from speech_ifeval.constraints.registry import Miss, Verifier, constraint
from speech_ifeval.errors import ConstraintError, MissingExtraError

_ID = "language:response_language"
_SEED = 0
_CASE_IDS = frozenset({"change_case:english_capital", "change_case:english_lowercase"})

# langdetect reads 10,000 characters, but only after its expressions for addresses, which cost a hundred steps per
# character, went over everything. Twice as much leaves room for the addresses it then drops.
_READ = 20_000

_loading = threading.Lock()
_loaded: list[Any] = []  # the one factory, once it is loaded; langdetect's own global one is left alone


def _factory(needed_by: str) -> Any:
    if _loaded:
        return _loaded[0]
    with _loading:
        if not _loaded:
            _loaded.append(_load(needed_by))
    return _loaded[0]


def _load(needed_by: str) -> Any:
    try:
        from langdetect.detector_factory import PROFILES_DIRECTORY, DetectorFactory
    except ModuleNotFoundError as error:
        raise MissingExtraError("language", "langdetect", needed_by) from error
    factory = DetectorFactory()
    factory.seed = _SEED  # on the instance: the class attribute would seed everybody's detectors
    # Not `load_profile`: it reads the folder in the file system's order, which decides between equal languages.
    profiles = sorted(path for path in Path(PROFILES_DIRECTORY).iterdir() if not path.name.startswith("."))
    factory.load_json_profile([path.read_text(encoding="utf-8") for path in profiles if path.is_file()])
    return factory


def require_detector(needed_by: str) -> None:
    """Load the detector, once per process, so that no later check can fail for want of it or has to wait.

    Args:
        needed_by: what asks for it, for the message.

    Raises:
        MissingExtraError: langdetect is not installed.

    >>> require_detector("the rule set ifeval")
    """
    _factory(needed_by)


def detect(text: str) -> str | None:
    """Return the language of the text as langdetect's code (``en``, ``de``, ``zh-cn``), None if there is none.

    The same text gives the same answer in every process and thread. At most the first 20,000 characters are
    looked at, of which the detector keeps 10,000 after dropping web and mail addresses.

    Raises:
        MissingExtraError: langdetect is not installed.

    >>> detect("This is a plain sentence in the English language."), detect("1 + 1 = 2")
    ('en', None)
    """
    detector = _factory("language detection").create()
    from langdetect.lang_detect_exception import LangDetectException

    detector.append(text[:_READ])
    try:
        found = detector.detect()
    except LangDetectException:  # no letters it knows
        return None
    return None if found == detector.UNKNOWN_LANG else str(found)


def english(text: str) -> bool:
    """Whether the detector takes the text for English.

    >>> english("This is a plain sentence in the English language."), english("Das ist ein deutscher Satz.")
    (True, False)
    """
    return detect(text) == "en"


def _require_known(language: str) -> None:
    known = sorted(_factory(_ID).get_lang_list())
    if language in known:
        return
    lowered = language.strip().lower().replace("_", "-")
    near = [code for code in known if code.partition("-")[0] == lowered.partition("-")[0]]
    near = near or difflib.get_close_matches(lowered, known, n=3, cutoff=0.5)
    hint = f"did you mean {' or '.join(near)}?" if near else f"it knows {' '.join(known)}"
    raise ConstraintError(f"{_ID}: the language detector has no language {language!r}; {hint}")


@constraint(_ID)
def response_language(*, language: Phrase) -> Verifier:
    """The reply is in the language with this ISO 639-1 code (`zh-cn` and `zh-tw` for Chinese).

    Source: arXiv 2311.07911, section 2. There a reply without a detectable language counts as followed; here
    it does not follow.

    >>> from speech_ifeval.constraints import compile
    >>> check = compile("language:response_language", language="de")
    >>> check.check("Das ist ein ganz gewöhnlicher deutscher Satz."), check.explain("This is English text.").reason
    (True, 'en instead of de')
    """
    require_detector(_ID)
    _require_known(language)

    def check(text: str) -> bool:
        return detect(text) == language

    def why(text: str) -> Miss:
        found = detect(text)
        if found is None:
            return Miss(f"no language can be detected instead of {language}", "undetectable-language")
        return Miss(f"{found} instead of {language}")

    return Verifier(check, why)


def asks_detector(rules: str, id: str) -> bool:
    """Whether a constraint asks the detector in this rule set; that takes longer than all else that is checked.

    >>> asks_detector("ifeval", "change_case:english_capital")
    True
    """
    return id == _ID or (rules == "ifeval" and id in _CASE_IDS)


def detector_label(rules: str, ids: Collection[str]) -> str:
    """Name the detector and its seed for a signature, ``none`` where no id of the rule set asks it.

    >>> detector_label("official", {"change_case:english_capital"})
    'none'
    """
    if not any(asks_detector(rules, id) for id in ids):
        return "none"
    from importlib.metadata import version

    require_detector("a verdict on the language")
    return f"langdetect-{version('langdetect')}-seed-{_SEED}"
