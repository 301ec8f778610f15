"""People as one more judge: a blind sample of a run's replies, labelled in the browser or the terminal."""
