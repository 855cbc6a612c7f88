"""Acts of the owner's that are no run of a job file: forget, reveal, rotate. Each is a job with its own manifest."""
