"""What all harnesses share: items as they ask them, verdicts on the texts they got, figures of the outcomes."""
