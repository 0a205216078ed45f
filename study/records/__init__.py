"""A study in its database: opened, its attributes, its trials as they arrive, its results."""

from __future__ import annotations
