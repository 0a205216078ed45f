"""What a search answers: its front, what is recommended from it, and how that fares on fresh seeds.

`from_database` reads the study's own trials, `front` finds the Pareto front among them, and `recommendation` is the
one rule by which a trial of it is recommended. `fresh_seeds` trains the front on seeds that had no part in the choice,
which `advice` puts in a few lines; `confirmation` stores what they say, which is the study's recommendation from then
on. `held_out_scores` adds test scores. `retraining` trains trials once more and stores the results; `description` puts
a trial in words, and `rows` the front in a table.
"""

from __future__ import annotations
