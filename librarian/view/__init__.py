"""Names come back: current results under the names and in the folders that the owner knows, as links or as copies."""
