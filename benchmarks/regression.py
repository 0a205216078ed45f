"""What a search recommends on regressions, against scikit-learn's network of the same size on the same split.

    python -m benchmarks.regression FOLDER [--trials 48] [--output FILE.json]

FOLDER holds CSV files whose last column is the target. Ours is `reluctant run FILE --target -1 --task regression
--trials 48` with its defaults (64-64, three seeds, 30 epochs): the mean r2 of the recommended trial on the test part.
Theirs is `MLPRegressor` with layers of 64 and 64 and its defaults, the mean of as many random states, on the same
inputs, standardized on the same training part, with a standardized target. `docs/tasks.md` has the table.
"""

from __future__ import annotations

import argparse
import json
import time
import warnings
from pathlib import Path
from statistics import fmean
from typing import Any

from sklearn.compose import TransformedTargetRegressor
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import r2_score
from sklearn.neural_network import MLPRegressor
from sklearn.preprocessing import StandardScaler

from benchmarks.hardware import taken
from benchmarks.searched import searched
from study.config import read_config
from study.data.split import Split


def main() -> None:
    """Runs the benchmark, prints a table, writes JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--trials", type=int, default=48)
    parser.add_argument("--output", type=Path, default=Path("benchmarks/regression.json"))
    options = parser.parse_args()
    rows = []
    print(
        f"{'data':<14}{'rows':>8}{'recommended':>13}{'MLPRegressor':>14}{'difference':>12}{'seconds':>9}{'theirs':>9}"
    )
    for path in sorted(options.folder.glob("*.csv"), key=lambda path: path.stat().st_size):
        row = measured(path, options.trials)
        rows.append(row)
        print(
            f"{row['data']:<14}{row['rows']:>8,}{row['recommended']:>13.4f}{row['mlp_regressor']:>14.4f}"
            f"{row['recommended'] - row['mlp_regressor']:>+12.4f}{row['seconds']:>9.0f}{row['mlp_seconds']:>9.0f}",
            flush=True,
        )
        report = taken("python -m benchmarks.regression") | {"trials": options.trials, "rows": rows}
        options.output.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")


def measured(path: Path, trials: int) -> dict[str, Any]:
    """Both ways on one file."""
    config = read_config({"data": str(path), "target": "-1", "task": "regression", "trials": trials})
    found, problem = searched(config)
    chosen = found.recommended
    started = time.perf_counter()
    theirs = [mlp_regressor(problem.split, seed) for seed in range(config.seeds)]
    return {
        "data": path.stem,
        "rows": len(problem.dataset),
        "test_rows": len(problem.split.test),
        "seeds": config.seeds,
        "recommended": chosen.test_score,
        "hyperparameters": dict(chosen.params),
        "validation": chosen.score,
        "sparsity": chosen.sparsity,
        "mlp_regressor": fmean(theirs),
        "mlp_regressor_by_seed": theirs,
        "seconds": found.seconds,
        "mlp_seconds": time.perf_counter() - started,
    }


def mlp_regressor(split: Split, seed: int) -> float:
    """Test r2 of scikit-learn's network with its defaults."""
    model = TransformedTargetRegressor(
        MLPRegressor(hidden_layer_sizes=(64, 64), random_state=seed), transformer=StandardScaler()
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        model.fit(split.training.x.numpy(), split.training.y.numpy())
    return float(r2_score(split.test.y.numpy(), model.predict(split.test.x.numpy())))


if __name__ == "__main__":
    main()
