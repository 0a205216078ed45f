"""Measurements: ours against the usual way of writing it, in one run, as ratios."""
