"""What packing and verifying a submission comes to."""

from __future__ import annotations

from msgspec import Struct

from speech_ifeval.errors import RefutedError
from speech_ifeval.results.showing import Shown

SHOWN_CONTRADICTIONS = 20


class Submitted(Shown, frozen=True, forbid_unknown_fields=True):
    """A run that was packed into a file.

    Attributes:
        file: where it was written.
        bytes, sha256: its size, and what it can be told by.
        name, signature: whose figures, and what they were made with.
        items: of the benchmark, twins included.
        withheld: texts in whose place there is a hash.
        changed: texts that named paths or hosts of a machine, and now do not.
        with_reference: whether the reference's run is in it.

    >>> Submitted.__struct_fields__[:3]
    ('file', 'bytes', 'sha256')
    """

    file: str
    bytes: int
    sha256: str
    name: str
    signature: str
    items: int
    withheld: int
    changed: int
    with_reference: bool


class Contradiction(Struct, frozen=True, forbid_unknown_fields=True):
    """One thing in a submission that is not what follows from the rest of it.

    >>> Contradiction("closed-ended/0000", "true", "false").item
    'closed-ended/0000'
    """

    item: str
    expected: str
    found: str


class Claim(Struct, frozen=True, forbid_unknown_fields=True):
    """One thing that a submission claims, and whether it holds.

    Attributes:
        name: what is claimed, such as ``verdicts`` or ``verdicts of the reference``.
        holds: None where it could not be checked; `detail` says why.
        detail: how it was checked, and on how much.
        count: contradictions in all.
        contradictions: the first 20 of them.

    >>> Claim("verdicts", True, "1,533 made again").count
    0
    """

    name: str
    holds: bool | None
    detail: str
    count: int = 0
    contradictions: tuple[Contradiction, ...] = ()


class Verification(Shown, frozen=True, forbid_unknown_fields=True):
    """What holds of a submission.

    Attributes:
        file, sha256: the file's name, and what it can be told by.
        name, signature, benchmark: whose figures these are, and what they were made with.
        version: of the speech-ifeval that verified.
        holds: whether no claim was refuted.
        claims: each of them.
        proves: what is shown by it, and what is not, in sentences.

    >>> Verification("a.zip", "0" * 64, "mine", "", "example", "0.1.0", False, (), ()).require()
    Traceback (most recent call last):
    ...
    speech_ifeval.errors.RefutedError: a.zip does not hold: nothing was claimed
    """

    file: str
    sha256: str
    name: str
    signature: str
    benchmark: str
    version: str
    holds: bool
    claims: tuple[Claim, ...]
    proves: tuple[str, ...]

    def require(self) -> None:
        """Raise unless everything holds that could be checked.

        Raises:
            RefutedError: names what does not hold.
        """
        if not self.holds:
            refuted = ", ".join(claim.name for claim in self.claims if claim.holds is False)
            raise RefutedError(f"{self.file} does not hold: {refuted or 'nothing was claimed'}")
