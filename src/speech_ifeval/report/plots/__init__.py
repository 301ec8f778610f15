"""Results as figures, by matplotlib; one file each."""

from speech_ifeval.report.plots.diagnosis import diagnosis_figure
from speech_ifeval.report.plots.drawing import check_figure
from speech_ifeval.report.plots.isolation import isolation_figure
from speech_ifeval.report.plots.ladder import ladder_figure
from speech_ifeval.report.plots.sweep import sweep_figure
from speech_ifeval.report.plots.training import training_figure
from speech_ifeval.report.plots.wording import wording_figure

__all__ = [
    "check_figure",
    "diagnosis_figure",
    "isolation_figure",
    "ladder_figure",
    "sweep_figure",
    "training_figure",
    "wording_figure",
]
