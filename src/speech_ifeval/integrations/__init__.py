"""Other people's frameworks, one file each; imported by nobody else."""
