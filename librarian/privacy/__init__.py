"""The choke point: what may be written or shown is decided here, and nowhere else."""

RECOGNIZERS = "3"
"""Version of what ships to recognize personal data: its patterns, its words and its list of names."""
