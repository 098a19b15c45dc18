"""Score candidates of a family of networks: fit on each inner part, mean of the kept epochs.

N: samples of a part.
"""

import dataclasses
import time
from dataclasses import asdict

import numpy as np
import numpy.typing as npt
import pandas as pd
from torch import nn

from foldwise.config import json_hash
from foldwise.data.balance import BalanceConfig, plan_balance
from foldwise.data.balance.config import Gan, Smote
from foldwise.data.preprocessing import require_complete, require_readable
from foldwise.metrics.classification import average_metrics
from foldwise.metrics.confusion import Confusion
from foldwise.models.input_spec import InputSpec
from foldwise.modules.data_module import Part
from foldwise.modules.inputs import input_spec
from foldwise.modules.records import EpochRecord
from foldwise.modules.test_time_config import TestTimeConfig, require_fitting_shift
from foldwise.tasks.batch_size import with_batch_size
from foldwise.tasks.finish_fold import finish_fold
from foldwise.tasks.fit_fold import FittedFold, fit_fold
from foldwise.tasks.fold_job import FoldJob
from foldwise.tasks.fold_models import FoldKey
from foldwise.tasks.inference import class_probabilities
from foldwise.tasks.pretrained import PretrainedWeights, find_weights
from foldwise.tasks.recipe import Recipe
from foldwise.tasks.search.cost_objectives import latency_ms, num_parameters
from foldwise.tasks.search.inner_parts import InnerPart, inner_parts
from foldwise.tasks.search.recipes import recipe_of
from foldwise.tasks.search.trial import (
    Candidate,
    Fidelity,
    OnEpoch,
    PartScore,
    Problem,
    SearchError,
    StudySpec,
    TrialScore,
)
from foldwise.tasks.search.trial_metric import metric_name
from foldwise.tasks.targets import changing_channel, require_task, target_values
from foldwise.tasks.train import planned_part

_MOST_PLANS = 32  # of remedies and limits, that are kept


class NetworkScorer:
    """Scores candidates on the inner parts of a study; what all trials share is made once.

    A fit has the seed that a training on its outer fold has, so that with one part for each outer
    fold the network of a trial is bit for bit that of a training with the candidate's parameters
    by as many threads.
    """

    def __init__(self, problem: Problem, spec: StudySpec) -> None:
        """Cut the parts, and look whether the base parameters can be fitted at all.

        Raises:
            SearchError: The training parts cannot be cut.
            UserError: What a training would refuse.
        """
        self._problem, self._spec = problem, spec
        self._parts = inner_parts(problem, spec)
        self._targets = target_values(problem.samples)
        self._validation = [self._part(part.parts.validation) for part in self._parts]
        self._plans: dict[str, tuple[list[pd.DataFrame], list[Part]]] = {}
        self._seen: set[str] = set()  # inputs that were looked through
        self.finished: list[PartScore] = []  # of the trial that runs or ran last
        self._require(recipe_of(problem, problem.base))

    def __call__(self, candidate: Candidate, fidelity: Fidelity, on_epoch: OnEpoch) -> TrialScore:
        """Fit and score a candidate on the inner parts, one after another.

        The score of a part is that of the epoch whose weights are kept. Where a network is changed
        after the fit (`balance.method=smote`) or predicts changed copies too (`test_time`), it is
        scored as it then is. Thresholds (`balance.threshold`) are not: they are chosen on the very
        part that is scored.

        Raises:
            DivergedError: A loss became infinite or not a number.
            UserError: What a training would refuse.
        """
        self.finished = []
        recipe = _shortened(recipe_of(self._problem, candidate.parameters), fidelity)
        self._require(recipe)
        jobs, recipe = self._jobs(recipe, fidelity.limit)
        last: FittedFold | None = None
        for number, job in enumerate(jobs):
            last = self._fit(number, job, recipe, on_epoch)
        assert last is not None
        scores = [part.score for part in self.finished]
        costs = self._costs(last.network, input_spec(last.preprocessing, self._shape))
        return TrialScore((float(np.mean(scores)), *costs), tuple(self.finished))

    @property
    def _shape(self) -> tuple[int, ...]:
        return tuple(self._problem.samples.x.shape[1:])

    def _fit(self, number: int, job: FoldJob, recipe: Recipe, on_epoch: OnEpoch) -> FittedFold:
        """Fit one part, tell of its epochs, and note its score."""
        started = time.perf_counter()
        part, samples = self._parts[number], self._problem.samples
        name = self._spec.objectives[0]
        own = dataclasses.replace(recipe, seed=part.seed(recipe.seed))
        scores: list[float] = []

        def told(record: EpochRecord) -> None:
            scores.append(float(getattr(record, name)))
            on_epoch(number, tuple(scores))

        fitted = fit_fold(job, samples, own, None, lambda _: None, told)
        best = fitted.state.best_epoch
        score = scores[best]
        if _is_finished_later(own) and name in ("val_f1", "val_accuracy"):
            score = self._finished_score(fitted, job, own, metric_name(name))
        self.finished.append(
            PartScore(
                *job.key,
                part.inner,
                score,
                fitted.state.num_epochs,
                best,
                tuple(_numbers(record) for record in fitted.state.history),
                time.perf_counter() - started,
            )
        )
        return fitted

    def _finished_score(
        self, fitted: FittedFold, job: FoldJob, recipe: Recipe, metric: str
    ) -> float:
        """Return the score of the inner part by the network as it would be kept."""
        samples = self._problem.samples
        balance = recipe.balance.model_copy(update={"threshold": "none"})
        recipe = dataclasses.replace(recipe, balance=balance)
        finish_fold(fitted, job, samples, recipe)
        rows = job.validation.rows
        found = class_probabilities(
            fitted.network, samples, rows, fitted.preprocessing, recipe.test_time
        )
        counts = Confusion.of(job.validation.labels, found.argmax(axis=1), len(samples.classes))
        return float(average_metrics(counts.margins())[metric])

    def _costs(self, network: nn.Module, spec: InputSpec) -> list[float]:
        measures = {
            "latency_ms": lambda: latency_ms(network, spec),
            "num_parameters": lambda: float(num_parameters(network)),
        }
        return [measures[name]() for name in self._spec.objectives[1:]]

    def _jobs(self, recipe: Recipe, limit: int | None) -> tuple[list[FoldJob], Recipe]:
        """Return the fits of a trial, and the recipe with a number for its batches."""
        problem = self._problem
        plans, planned = self._planned(recipe.balance, limit)
        if recipe.fit.batch_size == "auto":
            recipe = with_batch_size(recipe, problem.samples, min(plans, key=len))
        jobs = []
        for part, training, validation in zip(self._parts, planned, self._validation, strict=True):
            pretrained = self._first_weights(part, recipe)
            channel = changing_channel(problem.samples, training.rows, recipe)
            jobs.append(FoldJob(part.parts, training, validation, "", pretrained, channel))
        return jobs, recipe

    def _first_weights(self, part: InnerPart, recipe: Recipe) -> PretrainedWeights | None:
        """Return the weights that a part's network starts from.

        Raises:
            SearchError: They were fitted on what they would be scored by.
        """
        samples_hash, parts = self._problem.samples.content_hash, part.parts
        key = FoldKey(samples_hash, self._problem.folds.content_hash, parts.repeat, parts.fold)
        found = find_weights(recipe.transfer, recipe.model, key)
        is_cut = self._spec.num_parts > len(self._spec.folds)
        if found and is_cut and any(seen.samples_hash == samples_hash for seen in found.seen):
            raise SearchError(
                "transfer.weights were fitted on these very samples: they have seen what the "
                f"inner folds are scored by. Set search_{self._problem.family}.inner_folds=1, "
                "or take weights from other samples."
            )
        return found

    def _planned(
        self, balance: BalanceConfig, limit: int | None
    ) -> tuple[list[pd.DataFrame], list[Part]]:
        """Return the plan of each part, made once for a remedy and a limit."""
        known = json_hash([balance.model_dump(mode="json"), limit])
        if known not in self._plans:
            if len(self._plans) == _MOST_PLANS:
                self._plans.pop(next(iter(self._plans)))
            self._plans[known] = self._plan(balance, limit)
        return self._plans[known]

    def _plan(
        self, balance: BalanceConfig, limit: int | None
    ) -> tuple[list[pd.DataFrame], list[Part]]:
        samples, folds = self._problem.samples, self._problem.folds
        plans, planned = [], []
        for part in self._parts:
            parts = part.limited(samples, folds, limit)
            plan = plan_balance(samples.table, folds, balance, [parts])
            plans.append(plan)
            positions = samples.positions(plan["sample_id"])
            planned.append(planned_part(plan, positions, self._targets))
        return plans, planned

    def _part(self, ids: npt.NDArray[np.object_]) -> Part:
        rows = self._problem.samples.positions(ids)
        return Part(rows, self._targets[rows])

    def _require(self, recipe: Recipe) -> None:
        """Refuse what a training would refuse; the samples are looked through once per reading."""
        samples = self._problem.samples
        inputs = json_hash(recipe.inputs.model_dump(mode="json"))
        if inputs not in self._seen:
            require_readable(samples, recipe.inputs)
            require_complete(samples, recipe.inputs)
            self._seen.add(inputs)
        require_task(samples, recipe)
        if samples.modality == "image":
            require_fitting_shift(recipe.test_time, *self._shape[-2:])
        if isinstance(recipe.balance.remedy, Gan):
            raise SearchError(
                "balance.method is 'gan', which fits a generator of its own for each fit: in a "
                "search that is not offered. Take another method, or compare_balance."
            )


def _shortened(recipe: Recipe, fidelity: Fidelity) -> Recipe:
    if fidelity.max_epochs is None or fidelity.max_epochs >= recipe.fit.max_epochs:
        return recipe
    fit = recipe.fit.model_copy(update={"max_epochs": fidelity.max_epochs})
    return dataclasses.replace(recipe, fit=fit)


def _is_finished_later(recipe: Recipe) -> bool:
    return isinstance(recipe.balance.remedy, Smote) or recipe.test_time != TestTimeConfig()


def _numbers(record: EpochRecord) -> dict[str, float]:
    """Return what is noted of an epoch, as far as it is of such targets."""
    return {name: value for name, value in asdict(record).items() if value is not None}
