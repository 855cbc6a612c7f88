"""Measuring and shaping sound. Imported in workers only: numpy and llvmlite come with it.

Sound is `[channels, frames]` float32 throughout, full scale at 1.0.
"""
