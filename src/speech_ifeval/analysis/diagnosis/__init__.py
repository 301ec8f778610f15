"""What is wrong with a run, by checks: `diagnosing` makes them all, each is one function in a file of `checks`."""
