"""The checks, a file for each kind of trouble. A new one is one decorated function, found by its place."""
