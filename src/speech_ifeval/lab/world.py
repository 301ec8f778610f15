"""What the lab's clips are about: a small world of people and things, and every sentence that can be said of it.

Everything is drawn from a `random.Random` that is handed in. A tenth of all sentences, chosen by their hash, is
held out: no training text holds them, and the bundled benchmark is made of nothing else.
"""

from __future__ import annotations

import hashlib
from random import Random

from msgspec import Struct

# fmt: off
NAMES = (
    "Anna", "Ben", "Clara", "David", "Emma", "Frank", "Grace", "Henry", "Irene", "Jack", "Kate", "Leo", "Maria",
    "Noah", "Olga", "Peter", "Rosa", "Simon", "Tina", "Victor", "Wendy", "Paul", "Laura", "Martin",
)
# What was done, and how a question asks for it.
DEEDS = (
    ("found", "find"), ("lost", "lose"), ("painted", "paint"), ("carried", "carry"), ("opened", "open"),
    ("sold", "sell"), ("bought", "buy"), ("cleaned", "clean"), ("dropped", "drop"), ("repaired", "repair"),
    ("broke", "break"), ("moved", "move"), ("borrowed", "borrow"), ("kept", "keep"), ("forgot", "forget"),
    ("washed", "wash"),
)
LOOKS = (
    "red", "blue", "small", "large", "old", "new", "heavy", "yellow", "empty", "broken", "wooden", "strange",
    "green", "round", "dirty", "golden",
)
THINGS = (
    "lamp", "chair", "boat", "clock", "letter", "basket", "window", "piano", "ladder", "bottle", "camera",
    "jacket", "wagon", "mirror", "kettle", "pencil", "drum", "picture", "table", "bicycle", "suitcase",
    "pillow", "hammer", "umbrella", "teapot", "carpet", "helmet", "garden",
)
PLACES = (
    "in the kitchen", "near the river", "at the station", "behind the school", "under the bridge", "by the door",
    "in the attic", "at the market", "on the balcony", "beside the church", "in the library", "at the airport",
    "on the roof", "in the forest", "outside the museum", "near the harbor",
)
TIMES = (
    "On Monday", "Last night", "This morning", "After lunch", "Before dinner", "At noon", "Yesterday", "On Sunday",
)
# fmt: on

FORMS = ("place", "time", "two", "gift")
HELD_OUT_SHARE = 26 / 256

WOMAN, MAN = "woman", "man"
FAST, SLOW = "fast", "slow"
HIGH, LOW = "high", "low"


class Scene(Struct, frozen=True):
    """One sentence and what it tells. `place`, `time`, `other` are None where the sentence has none.

    >>> scene = draw_scene(Random(0))
    >>> scene.who in scene.text and scene.thing in scene.text
    True
    """

    form: str
    who: str
    did: str
    do: str
    look: str
    thing: str
    place: str | None = None
    time: str | None = None
    other: str | None = None

    @property
    def text(self) -> str:
        """The sentence."""
        core = f"{self.who} {self.did} the {self.look} {self.thing}"
        if self.form == "place":
            return f"{core} {self.place}."
        if self.form == "time":
            return f"{self.time} {core}."
        if self.form == "two":
            return f"{core} and the {self.other}."
        return f"{core} for {self.other}."


class Manner(Struct, frozen=True):
    """How a sentence is said: whose voice it is, how fast, how high (None where the voice has one pitch only)."""

    voice: str
    speed: str
    pitch: str | None

    @property
    def metadata(self) -> dict[str, str]:
        """What a transcript says of it besides the words."""
        told = {"Voice": self.voice, "Speed": self.speed}
        return told if self.pitch is None else {**told, "Pitch": self.pitch}


class Ask(Struct, frozen=True):
    """A question about a scene with its options, in order, and the right one."""

    question: str
    answer: str
    options: tuple[str, ...]


def draw_scene(rng: Random) -> Scene:
    """Return any scene of the world, held out or not."""
    form = rng.choice(FORMS)
    did, do = rng.choice(DEEDS)
    who, thing = rng.choice(NAMES), rng.choice(THINGS)
    other = None
    if form == "two":
        other = rng.choice([one for one in THINGS if one != thing])
    elif form == "gift":
        other = rng.choice([one for one in NAMES if one != who])
    return Scene(
        form,
        who,
        did,
        do,
        rng.choice(LOOKS),
        thing,
        place=rng.choice(PLACES) if form == "place" else None,
        time=rng.choice(TIMES) if form == "time" else None,
        other=other,
    )


def is_held_out(scene: Scene) -> bool:
    """Whether a sentence is kept for the bundled benchmark.

    >>> scenes = [draw_scene(Random(seed)) for seed in range(2000)]
    >>> 0.07 < sum(map(is_held_out, scenes)) / len(scenes) < 0.13
    True
    """
    return hashlib.sha256(scene.text.encode()).digest()[0] < HELD_OUT_SHARE * 256


def training_scene(rng: Random) -> Scene:
    """Return a scene that may be trained on."""
    while is_held_out(scene := draw_scene(rng)):
        pass
    return scene


def held_out_scene(rng: Random) -> Scene:
    """Return a scene that no training text holds."""
    while not is_held_out(scene := draw_scene(rng)):
        pass
    return scene


def draw_question(scene: Scene, rng: Random, options: int = 4) -> Ask:
    """Return a question that the sentence answers, with `options` answers to choose from."""
    asks: list[tuple[str, str, tuple[str, ...]]] = [
        (f"Who {scene.did} the {scene.thing}?", scene.who, NAMES),
        (f"What did {scene.who} {scene.do}?", f"the {scene.thing}", tuple(f"the {one}" for one in THINGS)),
        (f"What is the {scene.thing} like?", scene.look, LOOKS),
        (
            f"What did {scene.who} do with the {scene.thing}?",
            f"{scene.did} it",
            tuple(f"{d} it" for d, _ in DEEDS),
        ),
    ]
    if scene.place is not None:
        asks.append((f"Where did {scene.who} {scene.do} the {scene.thing}?", scene.place, PLACES))
    if scene.time is not None:
        asks.append((f"When did {scene.who} {scene.do} the {scene.thing}?", scene.time, TIMES))
    if scene.form == "gift":
        asks.append((f"For whom was the {scene.thing}?", str(scene.other), NAMES))
    question, answer, pool = rng.choice(asks)
    said = {scene.who, scene.thing, scene.other, f"the {scene.thing}", f"the {scene.other}"}
    wrong = rng.sample([one for one in pool if one != answer and one not in said], options - 1)
    offered = [answer, *wrong]
    rng.shuffle(offered)
    return Ask(question, answer, tuple(offered))
