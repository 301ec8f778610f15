"""lmms-eval: a task for models that hear, found with ``--include_path``."""
