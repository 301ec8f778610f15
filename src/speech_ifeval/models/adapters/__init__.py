"""One adapter a file, found by its place."""
