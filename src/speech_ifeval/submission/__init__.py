"""A scored run as one file: packed by whoever made it, and scored again by somebody else."""
