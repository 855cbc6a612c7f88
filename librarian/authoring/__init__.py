"""For who writes an extension: the package to begin with."""
