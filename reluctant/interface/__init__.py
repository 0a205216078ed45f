"""The public interface: what the commands do, for programs and notebooks.

`run`, `compare` and `load` return a study; `load_model` returns a trained network. `reluctant` itself hands on these
names, and imports them where they are first used.
"""
