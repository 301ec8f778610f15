"""The stages: responses in, verdicts, summaries and findings out."""
