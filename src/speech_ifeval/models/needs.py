"""What a model needs from the network before it can answer without one."""

from __future__ import annotations

from msgspec import Struct


class Snapshot(Struct, frozen=True, forbid_unknown_fields=True):
    """A checkpoint to be had from the hub, or a folder that is there already.

    Attributes:
        target: a repository, or a folder.
        revision: a commit, branch or tag.
        adapter: the repository or folder of a PEFT adapter.
        trust_remote_code: whether its code comes along.
        allow_pickle: whether weights that are not in safetensors may come along.
        recogniser: whether it turns speech into text, for a cascade.

    >>> Snapshot("Qwen/Qwen2-Audio-7B-Instruct").allow_pickle
    False
    """

    target: str
    revision: str | None = None
    adapter: str | None = None
    trust_remote_code: bool = False
    allow_pickle: bool = False
    recogniser: bool = False


class Needs(Struct, frozen=True):
    """What an adapter's model needs.

    Attributes:
        snapshots: what is fetched.
        notes: what is needed and cannot be fetched, a sentence each.

    >>> (Needs((Snapshot("a/b"),)) + Needs(notes=("It asks a server.",))).notes
    ('It asks a server.',)
    """

    snapshots: tuple[Snapshot, ...] = ()
    notes: tuple[str, ...] = ()

    def __add__(self, other: Needs) -> Needs:
        return Needs(self.snapshots + other.snapshots, self.notes + other.notes)
