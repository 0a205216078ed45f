"""How slots are trained: one engine for each kind of network."""

from __future__ import annotations
