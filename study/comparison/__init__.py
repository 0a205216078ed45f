"""What a comparison answers: contrasts of its cells, and a verdict on each claim.

`cell_measures` reads the trained cells as arrays, `contrasts` computes one number a replicate from them, `claims` says
which contrasts judge which claim, `verdicts` estimates them, and `summary` joins the verdicts and the cells behind each
figure. `layer_timing` measures the one contrast that is read on a clock. `related` and `across_data_sets` combine
comparisons of several data sets.
"""

from __future__ import annotations
