"""The published behaviour of the 13 ids in its plainest form: slow, quadratic in places, easy to read.

Written from the description of the behaviour; the project's linear forms must give the same verdicts.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any


def capital(text: str) -> bool:
    return text.isupper()


def lowercase(text: str) -> bool:
    return text.islower()


def start(text: str, *, prompt_to_repeat: str) -> bool:
    return text.strip().lower().strip("\"'").startswith(prompt_to_repeat.strip().lower())


def start_ifeval(text: str, *, prompt_to_repeat: str) -> bool:
    return text.strip().lower().startswith(prompt_to_repeat.strip().lower())


def end(text: str, *, end_phrase: str) -> bool:
    return text.strip().strip('"').lower().endswith(end_phrase.strip().lower())


def quotation(text: str) -> bool:
    stripped = text.strip()
    return len(stripped) > 1 and stripped[0] == stripped[-1] == '"'


def title(text: str) -> bool:
    wraps = re.findall("<<[^\n]+>>", text)
    return any(wrap.lstrip("<").rstrip(">").strip() for wrap in wraps)


def json_format(text: str) -> bool:
    value = text.strip()
    for prefix in ("```json", "```Json", "```JSON", "```"):
        value = value.removeprefix(prefix)
    try:
        json.loads(value.removesuffix("```").strip())
    except ValueError:
        return False
    return True


def bullets(text: str, *, num_bullets: int) -> bool:
    lines = text.replace("\\n", "\n")
    marks = (r"\*[^\*]", "-", "•", r"\d")
    found = [re.findall(rf"^\s*{mark}.*$", lines, flags=re.MULTILINE) for mark in marks]
    return sum(map(len, found)) == num_bullets


def bullets_ifeval(text: str, *, num_bullets: int) -> bool:
    found = [re.findall(rf"^\s*{mark}.*$", text, flags=re.MULTILINE) for mark in (r"\*[^\*]", "-")]
    return sum(map(len, found)) == num_bullets


def existence(text: str, *, keywords: list[str]) -> bool:
    return all(re.search(keyword, text, re.IGNORECASE) for keyword in keywords)


def forbidden(text: str, *, forbidden_words: list[str]) -> bool:
    return not any(re.search(rf"\b{word}\b", text, re.IGNORECASE) for word in forbidden_words)


def words(text: str, *, relation: str, num_words: int) -> bool:
    count = len(re.findall(r"\w+", text))
    return count < num_words if relation == "less than" else count >= num_words


def paragraphs(text: str, *, num_paragraphs: int) -> bool:
    return _pieces(re.split(r"\s*\*\*\*\s*|\n+", text.strip())) == num_paragraphs


def paragraphs_ifeval(text: str, *, num_paragraphs: int) -> bool:
    return _pieces(re.split(r"\s?\*\*\*\s?", text)) == num_paragraphs


def _pieces(pieces: list[str]) -> int | None:
    count = len(pieces)
    for index, piece in enumerate(pieces):
        if not piece.strip():
            if index not in (0, len(pieces) - 1):
                return None
            count -= 1
    return count


OFFICIAL: dict[str, Callable[..., Any]] = {
    "change_case:english_capital": capital,
    "change_case:english_lowercase": lowercase,
    "combination:repeat_prompt": start,
    "startend:end_checker": end,
    "startend:quotation": quotation,
    "detectable_format:title": title,
    "detectable_format:json_format": json_format,
    "detectable_format:number_bullet_lists": bullets,
    "keywords:existence": existence,
    "keywords:forbidden_words": forbidden,
    "length_constraints:number_words": words,
    "length_constraints:number_paragraphs": paragraphs,
}

IFEVAL: dict[str, Callable[..., Any]] = {
    "combination:repeat_prompt": start_ifeval,
    "startend:end_checker": end,
    "startend:quotation": quotation,
    "detectable_format:title": title,
    "detectable_format:json_format": json_format,
    "detectable_format:number_bullet_lists": bullets_ifeval,
    "keywords:existence": existence,
    "keywords:forbidden_words": forbidden,
    "length_constraints:number_words": words,
    "length_constraints:number_paragraphs": paragraphs_ifeval,
}
