"""Models whose code needs its own environment: one script a file, beside the protocol they all speak."""
