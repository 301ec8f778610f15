"""Inspect AI: a task, a scorer and its metric, and logs of our runs that its viewer opens."""
