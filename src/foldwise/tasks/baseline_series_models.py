"""Classifiers of whole series; all take series of one length without missing values.

n: series, F: channels, T: steps, K: classes.
"""

import contextlib
from collections.abc import Iterator
from typing import Self

import numpy as np
import numpy.typing as npt

from foldwise.tasks.baseline_probabilities import softmax_rows

Codes = npt.NDArray[np.int64]
Double = npt.NDArray[np.float64]

_WARPING_WINDOW = 0.1  # of the length
_MIN_ROCKET_LENGTH = 9  # steps: a kernel of MiniRocket


class ChannelScaler:
    """Standardises each channel of series (n, F, T) over all rows and steps."""

    def fit(self, x: npt.NDArray[np.float32], y: object = None) -> Self:
        """Fit the mean and the deviation of each channel."""
        self._mean = x.mean(axis=(0, 2), keepdims=True, dtype=np.float64)
        deviation = x.std(axis=(0, 2), keepdims=True, dtype=np.float64)
        self._deviation = np.where(deviation > 0, deviation, 1.0)
        return self

    def transform(self, x: npt.NDArray[np.float32]) -> Double:
        """Return (n, F, T)."""
        return np.asarray((x - self._mean) / self._deviation, dtype=np.float64)


class NearestSeries:
    """The class of the nearest neighbour by Euclidean distance, step by step."""

    def fit(self, x: npt.NDArray[np.float32], y: Codes) -> Self:
        """Keep the rows, x: (n, F, T)."""
        self._scaler = ChannelScaler().fit(x)
        self._x, self._y, self.classes_ = self._scaler.transform(x), y, np.unique(y)
        return self

    def predict_proba(self, x: npt.NDArray[np.float32]) -> Double:
        """Return 1 for the class of the neighbour and 0 for the others, (n, K)."""
        distances = self._distances(self._scaler.transform(x), self._x)
        nearest = self._y[distances.argmin(axis=1)]
        return np.asarray(nearest[:, np.newaxis] == self.classes_, dtype=np.float64)

    def _distances(self, x: Double, known: Double) -> Double:
        from scipy.spatial.distance import cdist

        return np.asarray(cdist(x.reshape(len(x), -1), known.reshape(len(known), -1)))


class NearestWarped(NearestSeries):
    """The class of the nearest neighbour under dynamic time warping.

    Sakoe, H., Chiba, S. (1978). Dynamic programming algorithm optimization for spoken word
    recognition. IEEE Trans. ASSP 26; a window of a tenth of the length.
    """

    def _distances(self, x: Double, known: Double) -> Double:
        from sktime.dists_kernels.dtw import DtwDist

        return np.asarray(DtwDist(window=_WARPING_WINDOW)(x, known), dtype=np.float64)


class MiniRocket:
    """Random convolutions (nearly none of it random) and a ridge classifier.

    Dempster, A., Schmidt, D. F., Webb, G. I. (2021). MiniRocket: a very fast (almost)
    deterministic transform for time series classification. KDD. Its biases are taken from
    training rows. Probabilities are the softmax of the ridge's decision values, not calibrated.
    """

    def __init__(self, seed: int) -> None:
        """Take the seed of which training rows give biases."""
        self._seed = seed % 2**31  # what the library takes

    def fit(self, x: npt.NDArray[np.float32], y: Codes) -> Self:
        """Fit biases and ridge, x: (n, F, T)."""
        from sklearn.linear_model import RidgeClassifierCV
        from sklearn.pipeline import make_pipeline
        from sklearn.preprocessing import StandardScaler
        from sktime.transformations.rocket import MiniRocketMultivariate

        self._scaler = ChannelScaler().fit(x)
        self._transform = MiniRocketMultivariate(random_state=self._seed, n_jobs=1)
        with _global_generator_kept():
            self._transform.fit(self._prepared(x))
        ridge = RidgeClassifierCV(alphas=np.logspace(-3, 3, 10))
        self._ridge = make_pipeline(StandardScaler(), ridge).fit(self._features(x), y)
        self.classes_ = ridge.classes_
        return self

    def predict_proba(self, x: npt.NDArray[np.float32]) -> Double:
        """Return (n, K)."""
        return softmax_rows(self._ridge.decision_function(self._features(x)))

    def _features(self, x: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        with _global_generator_kept():
            return np.asarray(self._transform.transform(self._prepared(x)))

    def _prepared(self, x: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        lacking = max(0, _MIN_ROCKET_LENGTH - x.shape[2])
        longer = np.pad(x, ((0, 0), (0, 0), (0, lacking)), mode="edge")
        return self._scaler.transform(longer).astype(np.float32)


@contextlib.contextmanager
def _global_generator_kept() -> Iterator[None]:
    """Leave numpy's global generator as it was: the library draws from it."""
    state = np.random.get_state()  # noqa: NPY002  (it is what must not change)
    try:
        yield
    finally:
        np.random.set_state(state)  # noqa: NPY002
