"""What a search answers: its front, what is recommended from it, and how that fares on fresh seeds.

`from_database` reads the study's own trials, `front` finds the Pareto front among them and recommends a trial,
`held_out_scores` adds test scores, and `fresh_seeds` trains the front on seeds that had no part in the choice, which
`advice` puts in five lines. `retraining` trains trials once more for both and stores the results; `description` puts a
trial in words, and `rows` the front in a table.
"""

from __future__ import annotations
