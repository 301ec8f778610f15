"""From any speech corpus to a benchmark: closed-ended items with twins, creative writing, chain of thought."""

from speech_ifeval.benchmarks.build.building import build_benchmark, build_from_corpus
from speech_ifeval.benchmarks.build.composing import Built, compose
from speech_ifeval.benchmarks.build.counting import Holdings, count_holdings
from speech_ifeval.benchmarks.build.manifests import read_manifest
from speech_ifeval.benchmarks.build.plan import Plan
from speech_ifeval.benchmarks.build.pool import (
    Pool,
    WordingKey,
    find_pool,
    load_pool,
    shipped_languages,
    wording_key,
)
from speech_ifeval.benchmarks.build.rows import Corpus, Row

__all__ = [
    "Built",
    "Corpus",
    "Holdings",
    "Plan",
    "Pool",
    "Row",
    "WordingKey",
    "build_benchmark",
    "build_from_corpus",
    "compose",
    "count_holdings",
    "find_pool",
    "load_pool",
    "read_manifest",
    "shipped_languages",
    "wording_key",
]
