"""Published figures beside those of runs at hand, and what the missing ones take."""
