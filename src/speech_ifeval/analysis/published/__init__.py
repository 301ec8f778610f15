"""Published figures: the one file that holds them, and what follows from them."""
