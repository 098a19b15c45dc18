"""Decisions by what they cost: the class of the least expected cost against the most probable.

K: classes, S: samples.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from foldwise.errors import UserError
from foldwise.metrics.classification import Array, Codes
from foldwise.metrics.estimate import Estimate
from foldwise.metrics.mean_estimates import mean_estimates
from foldwise.metrics.operating_points import expected_costs, least_cost, paid
from foldwise.tasks.operating_point_config import Costs
from foldwise.tasks.predictions_table import Scored, shown_names

_ARROW = ">"


class CostsError(UserError):
    """The costs name classes that there are not, or one pair twice."""


@dataclass(frozen=True)
class CostDecision:
    """What decisions cost for each sample; `saved` is paired, sample by sample."""

    plain: Estimate  # the most probable class is decided
    least: Estimate  # the class of the least expected cost is
    saved: Estimate  # plain - least
    foretold: float  # what the probabilities say the second will cost
    share_changed: float  # of the samples that are decided otherwise
    accuracy: tuple[float, float]  # plain, least


def cost_matrix(costs: Costs, classes: Sequence[str]) -> Array:
    """Return what deciding class j for a sample of class i costs, (K, K).

    What is not named costs 1, a right decision nothing.

    >>> cost_matrix({"b>a": 10}, ["a", "b"]).tolist()
    [[0.0, 1.0], [10.0, 0.0]]

    Args:
        costs: "actual>decided" or actual -> decided, to the cost.
        classes: All names, in order.

    Raises:
        CostsError: A name is unknown, or a pair is named twice.
    """
    matrix = 1.0 - np.eye(len(classes))
    code = {name: i for i, name in enumerate(classes)}
    seen = set()
    for key, value in costs.items():
        if isinstance(value, dict):
            pairs = [(key, decided, cost) for decided, cost in value.items()]
        else:
            pairs = [(*_split(key, code), value)]
        for actual, decided, cost in pairs:
            unknown = [name for name in (actual, decided) if name not in code]
            if unknown:
                raise CostsError(
                    f"evaluate.costs names {shown_names(unknown)}, but the classes are "
                    f"{shown_names(list(classes))}."
                )
            pair = code[actual], code[decided]
            if pair in seen:
                raise CostsError(f"evaluate.costs names {actual!r} decided as {decided!r} twice.")
            seen.add(pair)
            matrix[pair] = cost
    return matrix


def decide_by_cost(
    scored: Scored, units: Codes | None, costs: Array, confidence: float
) -> CostDecision:
    """Compare the two ways to decide on the same samples.

    Args:
        scored: Targets, and the probabilities that both decide by.
        units: The number of the independent unit of each sample, (S,); None if each is one.
        costs: Shape (K, K).
        confidence: Of the intervals.
    """
    target, probabilities = scored.target, scored.probabilities
    plain, least = probabilities.argmax(axis=1).astype(np.int64), least_cost(probabilities, costs)
    columns = np.stack([paid(target, plain, costs), paid(target, least, costs)], axis=1)
    columns = np.concatenate([columns, columns[:, :1] - columns[:, 1:]], axis=1)
    plain_cost, least_one, saved = mean_estimates(columns, units, confidence)
    foretold = expected_costs(probabilities, costs).min(axis=1).mean()
    return CostDecision(
        plain=plain_cost,
        least=least_one,
        saved=saved,
        foretold=float(foretold),
        share_changed=float((plain != least).mean()),
        accuracy=(float((plain == target).mean()), float((least == target).mean())),
    )


def _split(key: str, known: dict[str, int]) -> tuple[str, str]:
    """Split "actual>decided"; a class name may hold the sign as well.

    Raises:
        CostsError: There is no such sign.
    """
    places = [i for i, sign in enumerate(key) if sign == _ARROW]
    if not places:
        raise CostsError(
            f"evaluate.costs has the entry {key!r}; expected is 'actual{_ARROW}decided' with a "
            "cost, or the actual class with a cost for each class that may be decided."
        )
    splits = [(key[:i].strip(), key[i + 1 :].strip()) for i in places]
    return next((pair for pair in splits if all(name in known for name in pair)), splits[0])
