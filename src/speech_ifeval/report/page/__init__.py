"""The report as one HTML file: figures, diagnosis and every item, with its own script and nothing to fetch."""
