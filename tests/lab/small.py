"""Recipes of models that are made in seconds."""

from __future__ import annotations

from speech_ifeval.lab.recipes import AlignRecipe, BackboneRecipe, Course, TowerRecipe, TuneRecipe
from speech_ifeval.lab.stages import Recipes

SMALL = Recipes(
    BackboneRecipe(
        width=64, layers=2, heads=2, inner=128, course=Course(120, 16, 3e-3, 10, matrix_rate=5e-3), whole_share=0.1
    ),
    TowerRecipe(width=32, layers=1, heads=2, inner=64, utterances=48, course=Course(20, 16, 2e-3, 5)),
    AlignRecipe(rows=64, course=Course(20, 8, 1e-3, 5)),
    TuneRecipe(rows=48, course=Course(20, 8, 1e-3, 5)),
)
