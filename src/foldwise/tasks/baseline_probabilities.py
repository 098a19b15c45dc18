"""Probabilities of classifiers that give decision values. n: rows, K: classes."""

from typing import Any, Self

import numpy as np
import numpy.typing as npt

Codes = npt.NDArray[np.int64]
Double = npt.NDArray[np.float64]

_CALIBRATION_PARTS = 3


class WithProbabilities:
    """Turns the decision values of a classifier into probabilities by Platt's sigmoid.

    Platt, J. (1999). Probabilistic outputs for support vector machines. The sigmoid is fitted on
    decision values for rows that the classifier did not see, within the training part. A class
    with a single row leaves none to fit on: then the softmax of the decision values is taken,
    which ranks the same but is not calibrated.
    """

    def __init__(self, classifier: Any, seed: int) -> None:  # noqa: ANN401  (an estimator)
        """Take a classifier that has yet to be fitted."""
        self._classifier, self._seed = classifier, seed

    def fit(self, x: Any, y: Codes) -> Self:  # noqa: ANN401  (dense, sparse or texts)
        """Fit classifier and sigmoid."""
        from sklearn.calibration import CalibratedClassifierCV
        from sklearn.model_selection import StratifiedKFold

        fewest = int(np.unique(y, return_counts=True)[1].min())
        self._is_calibrated = fewest >= 2
        if self._is_calibrated:
            parts = StratifiedKFold(
                min(fewest, _CALIBRATION_PARTS), shuffle=True, random_state=self._seed
            )
            self._classifier = CalibratedClassifierCV(self._classifier, cv=parts, ensemble=False)
        self._classifier.fit(x, y)
        self.classes_ = self._classifier.classes_
        return self

    def predict_proba(self, x: Any) -> Double:  # noqa: ANN401
        """Return probabilities, (n, K)."""
        if self._is_calibrated:
            return np.asarray(self._classifier.predict_proba(x))
        return softmax_rows(self._classifier.decision_function(x))


def softmax_rows(values: npt.ArrayLike) -> Double:
    """Return probabilities (n, K) of decision values (n, K), or (n,) of two classes."""
    from scipy.special import softmax

    decisions = np.asarray(values, dtype=np.float64)
    if decisions.ndim == 1:
        decisions = np.stack([-decisions, decisions], axis=1)
    return np.asarray(softmax(decisions, axis=1))
