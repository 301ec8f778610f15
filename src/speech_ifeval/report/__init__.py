"""From results to something a person reads: it sees results, never files or models."""
