"""Other people's frameworks, each in a place of its own."""
