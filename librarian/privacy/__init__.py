"""The choke point: what may be written or shown is decided here, and nowhere else."""
