"""The record: what stands in a manifest line, how lines are kept, and the index over them."""
