"""Any nn.Module, trained the ordinary way, one slot after the other."""

from __future__ import annotations
