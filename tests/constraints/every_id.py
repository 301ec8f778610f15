"""Every id with kwargs that compile, for tests that hold for all of them."""

from __future__ import annotations

from typing import Any

KWARGS: dict[str, list[dict[str, Any]]] = {
    "change_case:capital_word_frequency": [{"capital_frequency": 2, "capital_relation": "at least"}],
    "change_case:english_capital": [{}],
    "change_case:english_lowercase": [{}],
    "combination:repeat_prompt": [{"prompt_to_repeat": "Hello there"}, {"prompt_to_repeat": "İ’"}],
    "combination:two_responses": [{}],
    "detectable_content:number_placeholders": [{"num_placeholders": 2}],
    "detectable_content:postscript": [{"postscript_marker": "P.S."}, {"postscript_marker": "P.P.S"}],
    "detectable_format:constrained_response": [{}],
    "detectable_format:json_format": [{}],
    "detectable_format:multiple_sections": [{"section_spliter": "Section", "num_sections": 2}],
    "detectable_format:number_bullet_lists": [{"num_bullets": 2}, {"num_bullets": 0}],
    "detectable_format:number_highlighted_sections": [{"num_highlights": 2}],
    "detectable_format:title": [{}],
    "keywords:existence": [{"keywords": ["a", "s.k"]}, {"keywords": ["é"]}],
    "keywords:forbidden_words": [{"forbidden_words": ["hello", "k"]}],
    "keywords:frequency": [{"keyword": "a", "frequency": 2, "relation": "less than"}],
    "keywords:letter_frequency": [{"letter": "s", "let_frequency": 3, "let_relation": "at least"}],
    "language:response_language": [{"language": "en"}],
    "length_constraints:nth_paragraph_first_word": [
        {"num_paragraphs": 2, "nth_paragraph": 1, "first_word": "hello"}
    ],
    "length_constraints:number_paragraphs": [{"num_paragraphs": 2}],
    "length_constraints:number_sentences": [
        {"relation": "at least", "num_sentences": 3},
        {"relation": "less than", "num_sentences": 3},
    ],
    "length_constraints:number_words": [
        {"relation": "at least", "num_words": 40},
        {"relation": "less than", "num_words": 5},
    ],
    "punctuation:no_comma": [{}],
    "startend:end_checker": [{"end_phrase": "That’s all."}],
    "startend:quotation": [{}],
}


def asks_the_detector(id: str, rules: str) -> bool:
    """A verdict that the language detector takes part in costs a thousand times as much."""
    return id == "language:response_language" or (rules == "ifeval" and id.startswith("change_case:english"))
