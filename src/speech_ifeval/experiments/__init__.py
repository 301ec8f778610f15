"""Questions that need several runs: the runs are made by the main job, and what they say is told by `analysis`."""
