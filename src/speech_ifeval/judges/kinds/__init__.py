"""The kinds of judges there are, one a file."""
