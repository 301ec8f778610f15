"""Several replies or runs together, and what they say: so far, what a constraint does to the answer itself."""
