"""A search as a scikit-learn estimator: a classifier and a regressor."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.base import ClassifierMixin, RegressorMixin
from sklearn.utils.multiclass import check_classification_targets

from reluctant.interface.search_estimator import SearchEstimator
from study.data.errors import DataError
from study.data.quantities import read_quantities
from study.data.targets import Targets
from study.tasks import CLASSIFICATION, REGRESSION


class ReluctantClassifier(ClassifierMixin, SearchEstimator):  # type: ignore[misc]
    """Searches activation, slope, initialization and dropout, and predicts with the recommended configuration.

    A fifth of the samples judges the trials, and the recommended configuration is trained once more, on all samples.
    The parameters are those of `SearchEstimator`.

    Attributes:
        classes_: `[C]` labels.
        n_features_in_: F.
        feature_names_in_: `[F]` names of the columns, where X had names.
        study_: The search, with all that a `reluctant.Study` can be asked.
        recommended_: The recommended trial.
        best_params_: Its searched parameters.
        best_score_: Its mean score on the validation part: the metric, for all objectives but `accuracy` of the
            network whose activations near zero are set to 0, which then is the one that predicts.
        front_: The Pareto front, the recommended trial and the baseline, one row each.
        cv_results_: All trials trained to their end, in the form of scikit-learn's searches; splits are folds,
            without `cv` replicates.
        n_iter_: Epochs after which the network that predicts had its weights.

    Example:
        >>> from sklearn.datasets import load_iris
        >>> model = ReluctantClassifier(trials=4, seeds=1, epochs=20, learning_rate=0.01, random_state=0)
        >>> bool(model.fit(*load_iris(return_X_y=True)).score(*load_iris(return_X_y=True)) > 0.9)
        True
    """

    _learned = CLASSIFICATION

    def _targets(self, y: npt.NDArray[Any]) -> Targets:
        try:
            check_classification_targets(y)
        except ValueError as error:
            raise DataError(f"{error}; for numbers there is ReluctantRegressor") from None
        self.classes_, codes = np.unique(y, return_inverse=True)
        if len(self.classes_) < 2:
            raise DataError(f"y has one class only, {self.classes_[0]!r}; two or more are needed to learn anything")
        return Targets(codes.astype(np.int64), tuple(str(name) for name in self.classes_))

    def predict(self, X: Any) -> npt.NDArray[Any]:
        """`[N]` labels."""
        chosen = self.predict_proba(X).argmax(1)
        labels: npt.NDArray[Any] = self.classes_[chosen]
        return labels

    def predict_proba(self, X: Any) -> npt.NDArray[np.float64]:
        """`[N, C]` class probabilities."""
        probabilities: npt.NDArray[np.float64] = self._outputs(X).softmax(1).numpy()
        return probabilities


class ReluctantRegressor(RegressorMixin, SearchEstimator):  # type: ignore[misc]
    """Searches activation, slope, initialization and dropout, and predicts numbers with the recommended configuration.

    All is as in `ReluctantClassifier`, but trials are judged by `r2`, `rmse` or `mae`. Of an error less is better:
    `best_score_` and `cv_results_` have it negated, as scikit-learn's searches do. The parameters are those of
    `SearchEstimator`.

    Attributes:
        n_features_in_: F.
        feature_names_in_: `[F]` names of the columns, where X had names.
        study_: The search, with all that a `reluctant.Study` can be asked.
        recommended_: The recommended trial.
        best_params_: Its searched parameters.
        best_score_: Its mean score on the validation part.
        front_: The Pareto front, the recommended trial and the baseline, one row each.
        cv_results_: All trials trained to their end, in the form of scikit-learn's searches; splits are folds,
            without `cv` replicates.
        n_iter_: Epochs after which the network that predicts had its weights.

    Example:
        >>> from sklearn.datasets import load_diabetes
        >>> model = ReluctantRegressor(trials=4, seeds=1, epochs=20, learning_rate=0.01, random_state=0)
        >>> bool(model.fit(*load_diabetes(return_X_y=True)).score(*load_diabetes(return_X_y=True)) > 0.4)
        True
    """

    _learned = REGRESSION

    def _targets(self, y: npt.NDArray[Any]) -> Targets:
        return read_quantities(y, what="y")

    def predict(self, X: Any) -> npt.NDArray[np.float64]:
        """`[N]` numbers."""
        outputs = self._outputs(X)
        predictions: npt.NDArray[np.float64] = self._fitted_task.predict(outputs[None])[0].numpy()
        return predictions
