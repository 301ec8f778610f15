"""Where items come from: the published release, our own form, the shipped example; and what is wrong with them."""

from speech_ifeval.benchmarks.contents import Benchmark
from speech_ifeval.benchmarks.defects import find_defects, unanswerable
from speech_ifeval.benchmarks.finding import Defect
from speech_ifeval.benchmarks.joining import Joiner
from speech_ifeval.benchmarks.loading import load_benchmark

__all__ = ["Benchmark", "Defect", "Joiner", "find_defects", "load_benchmark", "unanswerable"]
