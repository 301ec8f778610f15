"""lm-evaluation-harness: a task for reference systems, found with ``--include_path``."""
