"""What the lab's text model is taught: prompts about scenes, with every constraint, and how a good reply looks.

Replies are made from the same values as prompts, and a test holds that they follow by the rules that score them.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from random import Random
from typing import Any

from msgspec import Struct

from speech_ifeval.lab.phrases import draw_echo, draw_keyword, draw_phrase
from speech_ifeval.lab.wordings import Demand, Wordings
from speech_ifeval.lab.world import (
    FAST,
    HIGH,
    LOW,
    MAN,
    SLOW,
    WOMAN,
    Ask,
    Manner,
    Scene,
    draw_question,
    training_scene,
)

TRANSCRIPTION, VOICE, SPEED, PITCH, CHOICE = "transcription", "voice", "speed", "pitch", "choice"
TASKS = (TRANSCRIPTION, VOICE, SPEED, PITCH, CHOICE)
OPTIONS = {VOICE: (WOMAN, MAN), SPEED: (FAST, SLOW), PITCH: (HIGH, LOW)}
_STATED = {VOICE: "The speaker is a {}.", SPEED: "The speech is {}.", PITCH: "The pitch is {}."}
_WORDS = re.compile(r"\w+")
_TASK_WEIGHTS = {TRANSCRIPTION: 2.0, VOICE: 1.5, CHOICE: 2.0}  # learned last
_ECHO_SHARE = 0.15
_HEARD_SHARE = 0.3
FILLER = "uh"
_ECHOES = ('Say this: "{}"', 'Repeat "{}".', 'Write these words and nothing else: "{}"', 'Copy this text: "{}"')


class Question(Struct, frozen=True):
    """A closed question: what is asked, the core of the answer, and how backbone and corpora say the answer."""

    task: str
    text: str
    core: str
    own: str
    corpus: str


class Lesson(Struct, frozen=True):
    """A prompt about a scene and the reply. `demand` is None where nothing is demanded of the form."""

    instruction: str
    reply: str
    demand: Demand | None
    kwargs: dict[str, Any]


def draw_manner(rng: Random) -> Manner:
    """Return any manner of speaking; a quarter has no pitch of its own."""
    pitch = None if rng.random() < 0.25 else rng.choice(OPTIONS[PITCH])
    return Manner(rng.choice(OPTIONS[VOICE]), rng.choice(OPTIONS[SPEED]), pitch)


def closed_question(task: str, scene: Scene, manner: Manner, wordings: Wordings, rng: Random) -> Question:
    """Return a question of a task; that of `CHOICE` is about what is said, with options drawn for it."""
    if task == TRANSCRIPTION:
        plain = scene.text.lower().rstrip(".")
        return Question(task, rng.choice(wordings.questions(task)), scene.text, scene.text, plain)
    if task == CHOICE:
        ask = draw_question(scene, rng, options=rng.choice((3, 4)))
        return choice_question(ask, wordings)
    label = {VOICE: manner.voice, SPEED: manner.speed, PITCH: manner.pitch}[task]
    options = list(OPTIONS[task])
    rng.shuffle(options)
    text = wordings.with_options(rng.choice(wordings.questions(task)), options)
    bare = {WOMAN: "female", MAN: "male"}.get(str(label), str(label))
    return Question(task, text, str(label), _STATED[task].format(label), bare)


def choice_question(ask: Ask, wordings: Wordings) -> Question:
    """Return a question about what is said."""
    answer = ask.answer
    return Question(
        CHOICE,
        wordings.with_options(ask.question, ask.options),
        answer,
        f"The answer is {answer}.",
        answer.lower(),
    )


def tasks_of(manner: Manner) -> tuple[str, ...]:
    """The tasks that a clip spoken in this manner can be asked."""
    return TASKS if manner.pitch is not None else tuple(task for task in TASKS if task != PITCH)


def closed_lesson(demand: Demand, question: Question, scene: Scene, wordings: Wordings, rng: Random) -> Lesson:
    """Return a closed question with a demand on the form of its answer."""
    kwargs: dict[str, Any] = {}
    own = question.own
    if demand.id in ("combination:repeat_prompt", "startend:end_checker"):
        phrase = draw_phrase(rng)
        name = "prompt_to_repeat" if demand.id.startswith("combination") else "end_phrase"
        kwargs[name] = phrase
        reply = f"{phrase} {own}" if name == "prompt_to_repeat" else f"{own} {phrase}"
    elif demand.id == "reasoning:chain_of_thought":
        reply = _thoughts(question, scene, rng)
    else:
        reply = {
            "change_case:english_capital": own.upper(),
            "change_case:english_lowercase": own.lower(),
            "startend:quotation": f'"{own}"',
            "detectable_format:title": f"<<{own}>>",
            "detectable_format:json_format": json.dumps({"answer": question.core}),
        }[demand.id]
    return Lesson(f"{question.text}\n{wordings.draw(demand, kwargs, rng)}", reply, demand, kwargs)


def _thoughts(question: Question, scene: Scene, rng: Random) -> str:
    if question.task == TRANSCRIPTION:
        look = f"Next, I write the words one by one, from {scene.text.split()[0]} to the last word."
    elif question.task == CHOICE:
        look = f"Next, I compare the options with the words, and only {question.core} fits, because it is said."
    else:
        told = {
            VOICE: "the sound of the voice",
            SPEED: "how fast the words follow",
            PITCH: "how high the voice is",
        }
        look = f"Next, I consider {told[question.task]}, because the question is about it: it is {question.core}."
    first = rng.choice(("First, I listen to the words:", "Step one is to listen to the words:"))
    end = rng.choice(("Therefore, this is my answer:", "So I come to the answer:"))
    return f"{first} {scene.text} {look} {end} {question.own}"


def facts_about(scene: Scene, manner: Manner) -> list[str]:
    """Return sentences that can be said of a clip, each of them true."""
    facts = [
        f"The speaker says: {scene.text}",
        f"It is about {_with_article(scene.look)} {scene.thing}.",
        f"We hear the voice of a {manner.voice}.",
        f"The speech is {manner.speed}.",
        f"{scene.who} is the person in the story.",
        f"{scene.who} {scene.did} something.",
        f"The {scene.thing} is {scene.look}.",
        f"Nobody knows why {scene.who} {scene.did} it.",
        "It sounds like an ordinary day.",
        "I can picture the scene very well.",
        "I would like to hear more of it.",
        "The recording is short and clear.",
    ]
    if scene.place is not None:
        facts.append(f"It happens {scene.place}.")
    if scene.time is not None:
        facts.append(f"{scene.time} it happened.")
    if scene.form == "two":
        facts.append(f"There is also {_with_article(scene.other)}.")
    if scene.form == "gift":
        facts.append(f"{scene.other} gets it.")
    if manner.pitch is not None:
        facts.append(f"The pitch is {manner.pitch}.")
    return facts


def _with_article(words: str | None) -> str:
    return f"{'an' if str(words)[0] in 'aeiou' else 'a'} {words}"


def creative_lesson(
    demand: Demand | None, scene: Scene, manner: Manner, wordings: Wordings, rng: Random
) -> Lesson:
    """Return an open question, with a demand on the form of its answer or without."""
    prompt = rng.choice(wordings.prompts)
    facts = facts_about(scene, manner)
    rng.shuffle(facts)
    if demand is None:
        return Lesson(prompt, " ".join(facts[: rng.randint(2, 4)]), None, {})
    kwargs = dict(demand.kwargs)
    reply = CREATIVE[demand.id](facts, scene, kwargs, rng)
    return Lesson(f"{prompt}\n{wordings.draw(demand, kwargs, rng)}", reply, demand, kwargs)


def _bullets(facts: Sequence[str], scene: Scene, kwargs: dict[str, Any], rng: Random) -> str:
    kwargs["num_bullets"] = rng.randint(2, 6)
    return "\n".join(f"* {fact}" for fact in facts[: kwargs["num_bullets"]])


def _keywords(facts: Sequence[str], scene: Scene, kwargs: dict[str, Any], rng: Random) -> str:
    words = [draw_keyword(rng)]
    if rng.random() < 0.4:
        words.append(draw_keyword(rng))
    kwargs["keywords"] = words
    made = rng.choice(("It makes me think of {}.", "It reminds me of {}.", "There could be {} too."))
    sentences = [*facts[: rng.randint(1, 2)], made.format(" and ".join(words))]
    if rng.random() < 0.5:
        sentences.append(facts[2])
    return " ".join(sentences)


def _forbidden(facts: Sequence[str], scene: Scene, kwargs: dict[str, Any], rng: Random) -> str:
    said = [word.lower() for word in _WORDS.findall(scene.text) if len(word) > 3]
    general = ["speaker", "voice", "story", "recording", "scene", "speech", "person"]
    words = rng.sample(sorted(set(said)), 1) if rng.random() < 0.7 else [rng.choice(general)]
    if rng.random() < 0.3:
        words = rng.sample(sorted({*said, *general}), 2)
    kwargs["forbidden_words"] = words
    clean = [fact for fact in facts if not set(words) & set(_WORDS.findall(fact.lower()))]
    return " ".join(clean[: rng.randint(2, 3)])


def _words(facts: Sequence[str], scene: Scene, kwargs: dict[str, Any], rng: Random) -> str:
    if kwargs["relation"] == "at least":
        wanted = kwargs["num_words"] = _other_than(range(10, 40), (20, 25, 30, 35), rng)
        chosen: list[str] = []
        left = list(facts)
        # Enough for every number with this first digit: a small model reads numbers roughly.
        while _count(chosen) < wanted // 10 * 10 + 12 and left:
            chosen.append(left.pop())
        return " ".join(chosen)
    limit = kwargs["num_words"] = _other_than(range(10, 40), (15, 20, 25, 30), rng)
    chosen = [next(fact for fact in facts if _count([fact]) < limit - 1)]
    for fact in facts:
        if fact not in chosen and _count([*chosen, fact]) < limit - 2 and len(chosen) < 3:
            chosen.append(fact)
    return " ".join(chosen)


def _sentences(facts: Sequence[str], scene: Scene, kwargs: dict[str, Any], rng: Random) -> str:
    if kwargs["relation"] == "at least":
        wanted = kwargs["num_sentences"] = rng.randint(2, 6)
        return " ".join(facts[: wanted + rng.randint(0, 1)])
    limit = kwargs["num_sentences"] = rng.randint(2, 6)
    return " ".join(facts[: max(1, min(limit - 1, rng.randint(1, 3)))])


def _paragraphs(facts: Sequence[str], scene: Scene, kwargs: dict[str, Any], rng: Random) -> str:
    count = kwargs["num_paragraphs"] = rng.randint(2, 5)
    parts = [facts[number : len(facts) : count][: rng.randint(1, 2)] for number in range(count)]
    return "\n\n".join(" ".join(part) for part in parts)


CREATIVE = {
    "detectable_format:number_bullet_lists": _bullets,
    "keywords:existence": _keywords,
    "keywords:forbidden_words": _forbidden,
    "length_constraints:number_words": _words,
    "length_constraints:number_sentences": _sentences,
    "length_constraints:number_paragraphs": _paragraphs,
}


def _other_than(numbers: range, kept: Sequence[int], rng: Random) -> int:
    return rng.choice([number for number in numbers if number not in kept])


def _count(sentences: Sequence[str]) -> int:
    return sum(len(_WORDS.findall(sentence)) for sentence in sentences)


def spoken_text(scene: Scene, manner: Manner, seconds: int) -> str:
    """Return what a reference system reads in place of a clip, in the builder's form."""
    told = ", ".join(f"{name}: {value}" for name, value in manner.metadata.items())
    return f"[00:00:00 - 00:00:{seconds:02d}] {scene.text} ({told})"


class Text(Struct, frozen=True):
    """One example of the text corpus: what stands for the speech, the instruction, the reply."""

    speech: str
    instruction: str
    reply: str


def draw_text(wordings: Wordings, rng: Random) -> Text:
    """Return one example of the backbone's corpus: any task, with any demand or none.

    Three twentieths are to say again what is quoted, which nothing else in the lab asks for: it is how copying is
    learned. Three tenths read what a tower writes: bare values for the metadata, fillers, words said twice; the
    reply is about the clean words. Of the rest, a fifth reads the bare words alone, where the question allows it.
    """
    scene, manner = training_scene(rng), draw_manner(rng)
    if rng.random() < _ECHO_SHARE:
        words = draw_echo(rng)
        speech = spoken_text(scene, manner, rng.randint(1, 6))
        return Text(speech, rng.choice(_ECHOES).format(words), words)
    demand = wordings.draw_demand(rng)
    task = None
    if (demand is None and rng.random() < 0.35) or (demand is not None and demand.id in CREATIVE):
        lesson = creative_lesson(demand, scene, manner, wordings, rng)
    else:
        task = rng.choices(tasks_of(manner), [_TASK_WEIGHTS.get(one, 1.0) for one in tasks_of(manner)])[0]
        question = closed_question(task, scene, manner, wordings, rng)
        if demand is None:
            lesson = Lesson(question.text, question.own, None, {})
        else:
            lesson = closed_lesson(demand, question, scene, wordings, rng)
    speech = spoken_text(scene, manner, rng.randint(1, 6))
    if rng.random() < _HEARD_SHARE:
        speech = as_heard(scene, manner, rng)
    elif task in (TRANSCRIPTION, CHOICE) and rng.random() < 0.2:
        speech = scene.text
    return Text(speech, lesson.instruction, lesson.reply)


def said(scene: Scene, manner: Manner) -> str:
    """Return what a clip says, the manner in front of the words, as a tower is taught to write it.

    >>> rng = Random(4)
    >>> said(training_scene(rng), Manner(MAN, FAST, None))
    'man fast On Sunday David repaired the green umbrella.'
    """
    return f"{' '.join(manner.metadata.values())} {scene.text}"


def as_heard(scene: Scene, manner: Manner, rng: Random) -> str:
    """Return `said` as a tower writes it: with fillers where nothing new is said, and words said again.

    >>> as_heard(training_scene(Random(2)), Manner(MAN, FAST, None), Random(2)).split()[:8]
    ['uh', 'man', 'uh', 'fast', 'fast', 'uh', 'uh', 'Clara']
    """
    hesitation = rng.random()
    words: list[str] = []
    for word in said(scene, manner).split():
        if rng.random() < hesitation:
            words.extend([FILLER] * rng.choice((1, 1, 2, 2, 3, 4)))
        words.extend([word] * rng.choice((1, 1, 1, 1, 2, 2, 3)))
    return " ".join(words)
