"""Which simple models suit which samples, and which of them are fitted."""

import importlib.util
from collections.abc import Mapping
from dataclasses import dataclass

from foldwise.data.forecast_channel import is_forecast
from foldwise.data.samples import Samples
from foldwise.errors import UserError
from foldwise.tasks.baseline_config import BaselineConfig, BaselineName
from foldwise.tasks.baseline_features import Representation

_SERIES_EXTRA = "pip install 'foldwise[series]'"
_INSTALL = {"skimage": "pip install scikit-image", "sktime": _SERIES_EXTRA, "numba": _SERIES_EXTRA}
_MAX_POSITIONS = 512  # tokens of texts that are all equally long, such as aligned DNA


class BaselineError(UserError):
    """The parameters of the baselines do not suit the samples."""


@dataclass(frozen=True)
class Baseline:
    """One simple model of one kind of samples."""

    name: BaselineName
    representation: Representation = "none"
    cost: int = 0  # 0: all rows are fitted on; else at most max_samples / cost of them
    packages: tuple[str, ...] = ()  # that not every installation has
    is_automatic: bool = True

    @property
    def is_naive(self) -> bool:
        """Whether nothing is fitted: the last value of a window, or that of a season ago."""
        return self.name.startswith("naive_") and self.name != "naive_bayes"

    def lacking(self) -> str | None:
        """Return how to install what is not there, or None."""
        missing = [name for name in self.packages if importlib.util.find_spec(name) is None]
        if not missing:
            return None
        return f"{missing[0]} is not installed: {_INSTALL[missing[0]]}"

    def limit(self, config: BaselineConfig) -> int | None:
        """Return how many rows it is fitted on at most."""
        if not self.cost or config.max_samples is None:
            return None
        return max(config.max_samples // self.cost, 1)


def choose(samples: Samples, config: BaselineConfig) -> tuple[Baseline, ...]:
    """Return the models that are to be fitted.

    Raises:
        BaselineError: One that is named does not suit the samples; it says which do.
    """
    suitable = {baseline.name: baseline for baseline in _suitable(samples)}
    if config.models == "auto":
        return tuple(b for b in suitable.values() if _is_automatic(b, config))
    wrong = [name for name in config.models if name not in suitable]
    if wrong:
        what = "forecasts" if is_forecast(samples) else samples.task
        raise BaselineError(
            f"baseline.models names {', '.join(map(repr, wrong))}, which is not for samples of "
            f"the kind {samples.modality!r} and {what}. Allowed: {', '.join(suitable)}."
        )
    if "naive_seasonal" in config.models and config.period is None:
        raise BaselineError(
            "baseline.models names 'naive_seasonal', but baseline.period is not set. Name the "
            "steps of a season, e.g. 7 for days."
        )
    return tuple(suitable[name] for name in config.models)


def _is_automatic(baseline: Baseline, config: BaselineConfig) -> bool:
    return baseline.is_automatic and (
        baseline.name != "naive_seasonal" or config.period is not None
    )


def _suitable(samples: Samples) -> tuple[Baseline, ...]:
    if is_forecast(samples):
        return _OF_FORECASTS
    if samples.task == "regression":
        return _OF_NUMBERS[samples.modality]
    found = _OF_CLASSES[samples.modality]
    if samples.modality == "tokens" and _is_aligned(samples):
        found += (Baseline("positional_logistic", "positions"),)
    return found


def _is_aligned(samples: Samples) -> bool:
    length = samples.x.shape[1]
    return 0 < length <= _MAX_POSITIONS and bool((samples.lengths == length).all())


_OF_CLASSES: Mapping[str, tuple[Baseline, ...]] = {
    "image": (
        Baseline("prior"),
        Baseline("logistic", "pixels", cost=1),
        Baseline("linear_svm", "pixels", cost=1),
        Baseline("rbf_svm", "pixels", cost=1),
        Baseline("knn", "pixels", cost=1),
        Baseline("gradient_boosting", "pixels", cost=1),
        Baseline("hog_logistic", "gradients", cost=1, packages=("skimage",)),
        Baseline("hog_svm", "gradients", cost=1, packages=("skimage",)),
    ),
    "table": (
        Baseline("prior"),
        Baseline("logistic", "columns"),
        Baseline("linear_svm", "columns", cost=1),
        Baseline("rbf_svm", "columns", cost=1),
        Baseline("knn", "columns"),
        Baseline("gradient_boosting", "columns"),
    ),
    "tokens": (
        Baseline("prior"),
        Baseline("logistic", "texts"),
        Baseline("naive_bayes", "texts"),
        Baseline("linear_svm", "texts"),
        Baseline("knn", "texts", cost=1, is_automatic=False),
    ),
    "series": (
        Baseline("prior"),
        Baseline("logistic", "summary"),
        Baseline("linear_svm", "summary", cost=1),
        Baseline("rbf_svm", "summary", cost=1),
        Baseline("knn", "summary", cost=1),
        Baseline("gradient_boosting", "summary", cost=1),
        Baseline("euclidean_1nn", "resampled", cost=1),
        Baseline("dtw_1nn", "resampled", cost=10, packages=("sktime", "numba")),
        Baseline("minirocket", "resampled", cost=2, packages=("sktime", "numba")),
    ),
}
_OF_NUMBERS: Mapping[str, tuple[Baseline, ...]] = {
    "image": (
        Baseline("mean"),
        Baseline("ridge", "pixels"),
        Baseline("knn", "pixels", cost=1),
        Baseline("gradient_boosting", "pixels", cost=1),
    ),
    "table": (
        Baseline("mean"),
        Baseline("ridge", "columns"),
        Baseline("knn", "columns"),
        Baseline("gradient_boosting", "columns"),
    ),
    "tokens": (
        Baseline("mean"),
        Baseline("ridge", "texts"),
        Baseline("knn", "texts", cost=1),
    ),
    "series": (
        Baseline("mean"),
        Baseline("ridge", "summary"),
        Baseline("knn", "summary", cost=1),
        Baseline("gradient_boosting", "summary", cost=1),
    ),
}
_OF_FORECASTS = (
    Baseline("naive_last"),
    Baseline("naive_seasonal"),
    Baseline("mean"),
    Baseline("linear", "changes"),
    Baseline("gradient_boosting", "changes", cost=1),
)
