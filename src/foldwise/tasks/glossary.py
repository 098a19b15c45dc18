"""What each metric means, for people: definition, formula, range, and when it misleads.

Of class k against the rest TP are its hits, FN its other targets, FP its other predictions, TN all
further samples; n = TP + FN + FP + TN. y are targets, p predictions or probabilities.
"""

import re
from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import NamedTuple

from foldwise.tasks.metric_label import metric_label


class GlossaryEntry(NamedTuple):
    """What a page says of a metric."""

    name: str
    label: str
    definition: str  # one sentence
    formula: str  # plain text
    range: str
    misleads: str  # when
    synonyms: tuple[str, ...] = ()


class _Text(NamedTuple):
    definition: str
    formula: str
    range: str
    misleads: str
    synonyms: tuple[str, ...] = ()


_RATE = "0 to 1, higher is better"
_AGREEMENT = "-1 to 1; 0 is chance, 1 perfect"
_ERROR = "0 upwards, in the units of the target, lower is better"

_METRICS: Mapping[str, _Text] = MappingProxyType(
    {
        "accuracy": _Text(
            "The share of samples whose predicted class is the right one.",
            "hits / n",
            _RATE,
            "Where one class is common: who always says the common class has its share as "
            "accuracy.",
            ("1 - error rate", "top-1 accuracy"),
        ),
        "balanced_accuracy": _Text(
            "The mean of the recall of each class, so that a rare class counts as much as a "
            "common one.",
            "mean over classes of TP / (TP + FN)",
            "0 to 1, higher is better; 1 / K is chance among K classes",
            "Where a class has few samples: one hit more or less moves it much. It says nothing "
            "of false alarms among many negatives.",
            ("macro recall", "unweighted average recall"),
        ),
        "precision": _Text(
            "Of the samples that are called the class, the share that is of it.",
            "TP / (TP + FP)",
            f"{_RATE}; undefined where the class is never predicted",
            "It depends on how common the class is: the same model is less precise where the "
            "class is rarer than in these data.",
            ("positive predictive value", "PPV", "1 - false discovery rate"),
        ),
        "recall": _Text(
            "Of the samples of the class, the share that is found.",
            "TP / (TP + FN)",
            f"{_RATE}; undefined where the class has no sample",
            "Alone it means little: who calls every sample the class has a recall of 1.",
            ("sensitivity", "true-positive rate", "TPR", "hit rate", "1 - false-negative rate"),
        ),
        "specificity": _Text(
            "Of the samples that are not of the class, the share that is not called it.",
            "TN / (TN + FP)",
            f"{_RATE}; undefined where all samples are of the class",
            "With many classes or a rare class it is near 1 for almost any model. With two "
            "classes it is the recall of the other class.",
            ("true-negative rate", "TNR", "selectivity", "1 - false-positive rate"),
        ),
        "npv": _Text(
            "Of the samples that are not called the class, the share that is not of it.",
            "TN / (TN + FN)",
            f"{_RATE}; undefined where all samples are called the class",
            "Where the class is rare it is high whatever the model does: calling nothing the "
            "class is nearly always right.",
            ("negative predictive value", "1 - false omission rate"),
        ),
        "f1": _Text(
            "The harmonic mean of precision and recall: high only if both are.",
            "2 TP / (2 TP + FN + FP)",
            f"{_RATE}; 0 for a class that is never hit",
            "It takes a miss and a false alarm for equally bad and does not look at true "
            "negatives.",
            ("Dice coefficient", "F-measure"),
        ),
        "roc_auc": _Text(
            "The chance that a sample of the class gets a higher probability of it than a sample "
            "of another class.",
            "P(score of a positive > score of a negative) + P(equal) / 2",
            "0 to 1; 0.5 is chance, 1 a perfect order",
            "Where the class is rare: a small false-positive rate, which it hardly notices, can "
            "be more false alarms than hits. It says nothing of any one threshold, nor of "
            "calibration.",
            ("area under the ROC curve", "AUROC", "c statistic", "concordance"),
        ),
        "average_precision": _Text(
            "The mean, over the samples of the class, of the precision among all samples with at "
            "least their probability.",
            "sum over thresholds of (recall gained) x precision",
            "0 to 1, higher is better; the share of the class is chance",
            "It depends on how common the class is, so it cannot be compared between data sets "
            "with other shares.",
            ("AP", "area under the precision-recall curve", "AUPRC"),
        ),
        "matthews_correlation": _Text(
            "The correlation between targets and predictions, from the whole confusion matrix.",
            "(c n - sum t_k p_k) / sqrt((n^2 - sum p_k^2) (n^2 - sum t_k^2)) with c hits, t_k "
            "targets and p_k predictions of class k; of two classes "
            "(TP TN - FP FN) / sqrt((TP + FP) (TP + FN) (TN + FP) (TN + FN))",
            f"{_AGREEMENT}; undefined where all targets or all predictions are of one class",
            "With more than two classes -1 cannot be reached, and which class is confused with "
            "which is not seen.",
            ("MCC", "phi coefficient", "R_K"),
        ),
        "cohens_kappa": _Text(
            "How much of the agreement that chance leaves open is reached.",
            "(p_o - p_e) / (1 - p_e) with p_o the accuracy and p_e = sum t_k p_k / n^2 what "
            "independent predictions with the same frequencies would have",
            _AGREEMENT,
            "Its size depends on how common the classes are: the same recalls give a lower kappa "
            "where one class dominates.",
            ("kappa",),
        ),
        "log_loss": _Text(
            "The mean surprise at the class that came, given the predicted probabilities.",
            "-mean of ln p(class that came), p at least 2.2e-16",
            "0 upwards, in nats, lower is better; ln K is what equal probabilities cost",
            "A few confident mistakes make up most of it: a probability of 0 for what came costs "
            "36, as much as hundreds of ordinary samples.",
            ("cross-entropy", "negative log-likelihood", "logarithmic score"),
        ),
        "brier_score": _Text(
            "The mean squared distance between the predicted probabilities and what came.",
            "mean of sum over classes of (p_k - y_k)^2, y_k = 1 for the class that came, else 0; "
            "halved for two classes",
            "0 to 2, of two classes 0 to 1, lower is better",
            "Where a class is rare it is small for any model: compare it with that of the class "
            "shares as probabilities.",
            ("quadratic score",),
        ),
        "mae": _Text(
            "The mean size of the errors.",
            "mean |p - y|",
            _ERROR,
            "A few huge errors hardly show; it says nothing of their direction.",
            ("mean absolute error",),
        ),
        "rmse": _Text(
            "The root of the mean squared error.",
            "sqrt(mean (p - y)^2)",
            _ERROR,
            "A few outliers, which may be faults of the data, make up most of it.",
            ("root mean squared error",),
        ),
        "r2": _Text(
            "The share of the targets' variation that the predictions explain.",
            "1 - sum (y - p)^2 / sum (y - mean y)^2",
            "below 1; 0 is as good as the mean of these targets, negative is worse",
            "It rises with the spread of the targets: the same errors look better on varied data.",
            ("coefficient of determination",),
        ),
        "mape": _Text(
            "The mean size of the errors as a fraction of the targets.",
            "mean |p - y| / |y|",
            "0 upwards, a fraction, lower is better; undefined where a target is 0",
            "Near targets of 0 it explodes, and it rewards forecasts that are too low.",
            ("mean absolute percentage error",),
        ),
        "smape": _Text(
            "The mean size of the errors as a fraction of the mean size of target and prediction.",
            "mean 2 |p - y| / (|y| + |p|)",
            "0 to 2, lower is better",
            "Near 0 it is 2 whatever the error, and it is not symmetric in spite of its name.",
            ("symmetric mean absolute percentage error",),
        ),
        "bias": _Text(
            "The mean error: positive where predictions are too high.",
            "mean (p - y)",
            "any number, in the units of the target; 0 is best",
            "Errors in both directions cancel: a bias of 0 can hide large errors.",
            ("mean error",),
        ),
        "mase": _Text(
            "The mean size of the errors, as a multiple of what the naive forecast made in "
            "training.",
            "mean |p - y| / (mean absolute error of the naive forecast on the training part)",
            "0 upwards, lower is better; below 1 beats the naive forecast",
            "It compares with the training part: if that was calmer, 1 is not what naive means "
            "now.",
            ("mean absolute scaled error",),
        ),
        "pinball": _Text(
            "The mean cost of the predicted quantiles, an error above or below weighted by its "
            "level.",
            "mean over levels a of max(a (y - q), (a - 1) (y - q))",
            _ERROR,
            "A mean over levels can hide one level that is far off; look at the coverage too.",
            ("quantile loss", "tick loss"),
        ),
    }
)
_AVERAGES: Mapping[str, _Text] = MappingProxyType(
    {
        "macro": _Text(
            "The mean over the classes that occur among the targets, each class counting the "
            "same.",
            "(m_1 + ... + m_K) / K",
            "as of the metric; undefined where that of a class is",
            "A class of a few samples moves it as much as one of thousands.",
        ),
        "weighted": _Text(
            "The mean over the classes, each counting by its number of samples.",
            "sum n_k m_k / n",
            "as of the metric; undefined where that of a class is",
            "It hides what happens to rare classes; weighted recall is the accuracy.",
        ),
        "micro": _Text(
            "One metric of all classes' TP, FN, FP and TN (or pairs of sample and class) "
            "together.",
            "e.g. sum TP / (sum TP + sum FN)",
            "as of the metric",
            "With one class per sample micro precision, recall and F-beta all are the accuracy, "
            "and micro specificity and NPV near 1 with many classes.",
        ),
    }
)
_F_BETA = re.compile(r"f(\d+(?:\.\d+)?(?:e[+-]?\d+)?)")


def glossary_entry(name: str) -> GlossaryEntry:
    """Return what is to be said of one metric, its averaging included.

    >>> glossary_entry("weighted_recall").synonyms[1]
    'weighted true-positive rate'

    Raises:
        ValueError: No metric has this name.
    """
    text = _text(name)
    average, _, rest = name.partition("_")
    if text is None and average in _AVERAGES:
        text = _averaged(average, rest)
    if text is None:
        raise ValueError(f"The glossary has no metric {name!r}. It has {', '.join(_METRICS)}.")
    return GlossaryEntry(name, metric_label(name), *text)


def glossary_entries(names: Iterable[str]) -> list[GlossaryEntry]:
    """Return the entries that explain all these metrics, each once, the kinds of averages last.

    `macro_recall` and `weighted_recall` are explained by recall, macro and weighted.

    >>> [entry.name for entry in glossary_entries(["macro_f1", "accuracy", "macro_recall"])]
    ['f1', 'accuracy', 'recall', 'macro']

    Raises:
        ValueError: No metric has such a name.
    """
    metrics: dict[str, GlossaryEntry] = {}
    averages = set()
    for name in names:
        average, _, rest = name.partition("_")
        if average in _AVERAGES:
            averages.add(average)
        base = rest if average in _AVERAGES else name
        metrics[base] = glossary_entry(base)
    kinds = [
        GlossaryEntry(name, f"{name} average", *text)
        for name, text in _AVERAGES.items()
        if name in averages
    ]
    return [*metrics.values(), *kinds]


def _text(name: str) -> _Text | None:
    if name in _METRICS:
        return _METRICS[name]
    beta = _F_BETA.fullmatch(name)
    if beta:
        return _f_beta(float(beta[1]))
    kind, _, percent = name.partition("_")
    return _of_quantiles(kind, percent) if percent else None


def _averaged(average: str, metric: str) -> _Text | None:
    text, how = _text(metric), _AVERAGES[average]
    if text is None:
        return None
    return _Text(
        f"{how.definition[:-1]}, of {metric_label(metric)}: {text.definition}",
        f"{how.formula}, of {text.formula}",
        text.range,
        f"{how.misleads} {text.misleads}",
        tuple(f"{average} {synonym}" for synonym in text.synonyms),
    )


def _f_beta(beta: float) -> _Text:
    square = f"{beta * beta:g}"
    return _Text(
        f"A mean of precision and recall in which recall counts {beta:g} times as much as "
        "precision.",
        f"(1 + {square}) TP / ((1 + {square}) TP + {square} FN + FP)",
        f"{_RATE}; 0 for a class that is never hit",
        f"It takes a miss for {square} times as bad as a false alarm, which may not be your cost.",
        ("F-beta",),
    )


def _of_quantiles(kind: str, percent: str) -> _Text | None:
    if kind == "coverage":
        return _Text(
            f"The share of targets inside the {percent} % prediction intervals.",
            "share of low <= y <= high",
            f"0 to 1; {float(percent) / 100:g} is right, less is too sure, more too cautious",
            "On average it can be right while too narrow for hard samples and too wide for easy "
            "ones.",
        )
    if kind == "width":
        return _Text(
            f"The mean width of the {percent} % prediction intervals.",
            "mean (high - low)",
            _ERROR,
            "Narrow is good only where the coverage is right.",
        )
    return None
