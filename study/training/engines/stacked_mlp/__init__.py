"""Many multilayer perceptrons trained as one stacked network, with a forward and a backward pass of its own.

plan.py cuts a cohort into blocks; stack_engine.py → block.py trains one, by block_training.py and stack_training.py:
padded_samples.py and batch.py hold what it reads, stack.py is the network, optimizer.py its updates, replay.py records
steps on a GPU, kept_weights.py keeps those of the best epochs, evaluate.py measures.
"""

from __future__ import annotations
