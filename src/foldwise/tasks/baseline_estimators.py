"""The simple models, each as an estimator of scikit-learn that has yet to be fitted.

All that they learn, scales, categories and n-grams included, they learn in `fit`, from the rows of
a training part. n: rows, F: columns of a table, D: encoded columns, H: numbers to be predicted.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from foldwise.data.samples import Feature
from foldwise.data.table_encoding import TableEncoding, fit_table_encoding
from foldwise.tasks.baseline_config import BaselineName
from foldwise.tasks.baseline_features import Representation
from foldwise.tasks.baseline_probabilities import WithProbabilities
from foldwise.tasks.baseline_series_models import MiniRocket, NearestSeries, NearestWarped

Double = npt.NDArray[np.float64]
Maker = Callable[[Representation, "Setting"], Any]

_MAX_ITERATIONS = 1000  # of logistic regression
_MAX_CATEGORIES = 255  # that HistGradientBoosting takes; beyond, numbers of categories are numbers
_NUM_NEIGHBOURS = 5


@dataclass(frozen=True)
class Setting:
    """What a model has to know beyond its rows."""

    features: tuple[Feature, ...]  # the columns of a table
    has_letters: bool  # of texts: whether tokens are single letters
    num_rows: int  # of the training part
    seed: int  # below 2^32


class ColumnEncoder:
    """Encodes the columns of a table as networks get them, one-hot and standardised."""

    def __init__(self, features: Sequence[Feature]) -> None:
        """Take what the columns are."""
        self._features = tuple(features)
        self._encoding: TableEncoding | None = None

    def fit(self, x: npt.NDArray[np.float32], y: object = None) -> Self:
        """Fit categories, means and deviations, x: (n, F)."""
        self._encoding = fit_table_encoding(x, self._features, np.arange(len(x)))
        return self

    def transform(self, x: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """Return (n, D) without missing values."""
        assert self._encoding is not None
        return self._encoding.encode(x, self._features)


class OnePerTarget:
    """Fits one regressor for each of H numbers, for those that can predict only one."""

    def __init__(self, make: Callable[[], Any]) -> None:
        """Take what makes a regressor that has yet to be fitted."""
        self._make = make

    def fit(self, x: npt.NDArray[np.float32], y: Double) -> Self:
        """Fit, y: (n, H)."""
        self._models = [self._make().fit(x, column) for column in y.T]
        return self

    def predict(self, x: npt.NDArray[np.float32]) -> Double:
        """Return (n, H)."""
        return np.stack([model.predict(x) for model in self._models], axis=1)


def make_classifier(name: BaselineName, representation: Representation, setting: Setting) -> Any:  # noqa: ANN401
    """Return a classifier with `fit`, `predict_proba` and `classes_`."""
    return _CLASSIFIERS[name](representation, setting)


def make_regressor(name: BaselineName, representation: Representation, setting: Setting) -> Any:  # noqa: ANN401
    """Return a regressor with `fit` and `predict`."""
    return _REGRESSORS[name](representation, setting)


# -- encodings ------------------------------------------------------------------------------------


def _pipeline(representation: Representation, setting: Setting, model: Any) -> Any:  # noqa: ANN401
    from sklearn.pipeline import make_pipeline

    return make_pipeline(*_encoded(representation, setting), model)


def _encoded(representation: Representation, setting: Setting) -> list[Any]:
    """Return the steps before a model that takes plain numbers of comparable size."""
    from sklearn.impute import SimpleImputer
    from sklearn.preprocessing import OneHotEncoder, StandardScaler

    if representation == "columns":
        return [ColumnEncoder(setting.features)]
    if representation == "texts":
        return [_ngrams(setting)]
    if representation == "positions":
        return [OneHotEncoder(handle_unknown="ignore")]
    if representation in ("pixels", "gradients"):
        return []  # of one scale as they are: a pixel of the rim must not count like the others
    return [SimpleImputer(strategy="median", keep_empty_features=True), StandardScaler()]


def _ngrams(setting: Setting) -> Any:  # noqa: ANN401  (a transformer)
    """Return weights of n-grams: of letters, or of words and of the letters within them."""
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.pipeline import FeatureUnion

    common = {"lowercase": False, "sublinear_tf": True}
    if setting.has_letters:
        return TfidfVectorizer(analyzer="char", ngram_range=(1, 4), **common)
    words = TfidfVectorizer(token_pattern=r"\S+", ngram_range=(1, 2), **common)
    letters = TfidfVectorizer(analyzer="char_wb", ngram_range=(2, 4), **common)
    return FeatureUnion([("words", words), ("letters", letters)])


# -- classes --------------------------------------------------------------------------------------


def _prior(representation: Representation, setting: Setting) -> Any:  # noqa: ANN401
    from sklearn.dummy import DummyClassifier

    return DummyClassifier(strategy="prior")


def _logistic(representation: Representation, setting: Setting) -> Any:  # noqa: ANN401
    from sklearn.linear_model import LogisticRegression

    # Values within [0, 1], most of them near 0: the usual penalty would drown them.
    strength = 10.0 if representation in ("texts", "pixels", "gradients") else 1.0
    model = LogisticRegression(C=strength, max_iter=_MAX_ITERATIONS)
    return _pipeline(representation, setting, model)


def _naive_bayes(representation: Representation, setting: Setting) -> Any:  # noqa: ANN401
    from sklearn.naive_bayes import MultinomialNB

    return _pipeline(representation, setting, MultinomialNB(alpha=0.1))


def _linear_svm(representation: Representation, setting: Setting) -> Any:  # noqa: ANN401
    from sklearn.svm import SVC, LinearSVC

    # liblinear is made for what is sparse and wide; libsvm is five times faster on the digits.
    is_sparse = representation == "texts"
    model = LinearSVC(random_state=setting.seed) if is_sparse else SVC(kernel="linear", C=0.1)
    return WithProbabilities(_pipeline(representation, setting, model), setting.seed)


def _rbf_svm(representation: Representation, setting: Setting) -> Any:  # noqa: ANN401
    from sklearn.svm import SVC

    # The kernel's width follows the variance of the training rows (gamma="scale").
    strength = 10.0 if representation == "pixels" else 1.0
    return WithProbabilities(_pipeline(representation, setting, SVC(C=strength)), setting.seed)


def _nearest(representation: Representation, setting: Setting) -> Any:  # noqa: ANN401
    from sklearn.neighbors import KNeighborsClassifier

    model = KNeighborsClassifier(min(_NUM_NEIGHBOURS, setting.num_rows))
    return _pipeline(representation, setting, model)


def _boosting(representation: Representation, setting: Setting) -> Any:  # noqa: ANN401
    from sklearn.ensemble import HistGradientBoostingClassifier

    parameters = _boosting_parameters(representation, setting)
    if representation in ("pixels", "summary"):
        # Wide, and one tree for each class: fewer and steeper steps cost a fifth and score as well
        # (digits, five folds, one thread: 2.8 s and accuracy 0.969 in place of 12.6 s and 0.971).
        parameters |= {"max_iter": 40, "learning_rate": 0.2, "max_depth": 4, "max_bins": 32}
    return HistGradientBoostingClassifier(**parameters)


_CLASSIFIERS: Mapping[BaselineName, Maker] = {
    "prior": _prior,
    "logistic": _logistic,
    "hog_logistic": _logistic,
    "positional_logistic": _logistic,
    "naive_bayes": _naive_bayes,
    "linear_svm": _linear_svm,
    "hog_svm": _linear_svm,
    "rbf_svm": _rbf_svm,
    "knn": _nearest,
    "gradient_boosting": _boosting,
    "euclidean_1nn": lambda representation, setting: NearestSeries(),
    "dtw_1nn": lambda representation, setting: NearestWarped(),
    "minirocket": lambda representation, setting: MiniRocket(setting.seed),
}


# -- numbers --------------------------------------------------------------------------------------


def _mean(representation: Representation, setting: Setting) -> Any:  # noqa: ANN401
    from sklearn.dummy import DummyRegressor

    return DummyRegressor(strategy="mean")


def _ridge(representation: Representation, setting: Setting) -> Any:  # noqa: ANN401
    from sklearn.linear_model import Ridge

    return _pipeline(representation, setting, Ridge(alpha=1.0))


def _nearest_numbers(representation: Representation, setting: Setting) -> Any:  # noqa: ANN401
    from sklearn.neighbors import KNeighborsRegressor

    model = KNeighborsRegressor(min(_NUM_NEIGHBOURS, setting.num_rows))
    return _pipeline(representation, setting, model)


def _boosting_numbers(representation: Representation, setting: Setting) -> Any:  # noqa: ANN401
    from sklearn.ensemble import HistGradientBoostingRegressor

    parameters = _boosting_parameters(representation, setting)
    return OnePerTarget(lambda: HistGradientBoostingRegressor(**parameters))


_REGRESSORS: Mapping[BaselineName, Maker] = {
    "mean": _mean,
    "ridge": _ridge,
    "linear": _ridge,
    "knn": _nearest_numbers,
    "gradient_boosting": _boosting_numbers,
}


def _boosting_parameters(representation: Representation, setting: Setting) -> dict[str, Any]:
    """Return those that the samples decide; missing values are taken as they are."""
    # The usual 20 rows of a leaf leave a tree of 40 rows with nothing to part.
    leaf = min(20, max(2, setting.num_rows // 10))
    parameters: dict[str, Any] = {"random_state": setting.seed, "min_samples_leaf": leaf}
    if representation == "columns":
        parameters["categorical_features"] = [
            feature.kind == "categorical" and len(feature.categories) < _MAX_CATEGORIES
            for feature in setting.features
        ]
    return parameters
