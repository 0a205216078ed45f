"""Networks of users: `FILE.py:NAME` or `package.module:NAME`, as architectures.

source.py finds the file and runs it, helpers.py imports what lies beside it; factory.py calls the function;
trial_passes.py runs what it gives; finding.py finds activations, dropouts and functions in it; replacing.py, of which
exported models carry a copy, replaces them; network.py puts all this together.
"""

from __future__ import annotations

from search_spaces.user_networks.factory import Factory
from search_spaces.user_networks.failures import NetworkError, what_was_raised
from search_spaces.user_networks.network import Checked, UserNetwork, is_initialized
from search_spaces.user_networks.source import Source, find_source

__all__ = [
    "Checked",
    "Factory",
    "NetworkError",
    "Source",
    "UserNetwork",
    "find_source",
    "is_initialized",
    "what_was_raised",
]
