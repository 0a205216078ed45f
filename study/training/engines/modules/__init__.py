"""Any `nn.Module`, trained slot by slot with autograd and `torch.optim`: what faster engines are tested against.

module_engine.py → slot.py trains one slot: places.py are the modules at which a network is searched, first_weights.py
builds and initializes it, slot_state.py copies and restores it, place_measures.py measures at its places.
"""

from __future__ import annotations
