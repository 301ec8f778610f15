"""How to cite a run: what it rests on, and how it was made."""
