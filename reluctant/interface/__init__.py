"""The public interface: what the commands do, for programs and notebooks.

`run`, `compare` and `load` return a study; `load_model` returns a trained network. `reluctant` itself hands on these
names, and imports them where they are first used.
"""

from __future__ import annotations

import warnings

with warnings.catch_warnings():
    # Before Optuna imports it. Without ipywidgets a notebook's progress is a line of text, which is no reason to warn.
    warnings.filterwarnings("ignore", "IProgress not found")
    import tqdm.auto  # noqa: F401
