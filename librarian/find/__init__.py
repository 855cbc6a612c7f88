"""Find: a small language for what is looked for, an index over what was said, and which recordings are meant."""
