"""Many multilayer perceptrons trained as one stacked network."""

from __future__ import annotations
