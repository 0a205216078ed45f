"""Any `nn.Module`, trained with autograd and `torch.optim`, slot by slot: what faster engines are tested against.

module_engine.py → slot.py trains one slot: places.py are the modules at which a network is searched, first_weights.py
builds and initializes it, training_loss.py is what a step minimizes, slot_state.py copies and restores it,
network_layers.py finds its layers, passes.py has its predictions, losses and gradients, place_measures.py measures at
its places. On a GPU module_plan.py joins slots that stackable.py finds fit to train together; stacked_training.py
trains them, and stacked_networks.py calls their networks as one.
"""

from __future__ import annotations
