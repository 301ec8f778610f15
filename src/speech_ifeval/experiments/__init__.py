"""Experiments: the runs that a question needs, made with the main job and handed to `speech_ifeval.analysis`."""
