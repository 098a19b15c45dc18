"""Score candidates of generators: fit on each inner part's training part, compare with the rest.

N: samples of a part.
"""

import time
from collections.abc import Mapping
from dataclasses import asdict

import numpy as np
import numpy.typing as npt

from foldwise.config import Config
from foldwise.modules.sampler import Sampler
from foldwise.seeds import numpy_generator
from foldwise.tasks.fit_gan import FittedGan, fit_generator, require_generable
from foldwise.tasks.gan_config import TrainGanConfig
from foldwise.tasks.search.cost_objectives import median_ms, num_parameters
from foldwise.tasks.search.generator_space import Draw, GeneratorSpace, Rows
from foldwise.tasks.search.inner_parts import InnerPart, inner_parts
from foldwise.tasks.search.trial import (
    Candidate,
    Fidelity,
    OnEpoch,
    PartScore,
    Problem,
    StudySpec,
    TrialScore,
)
from foldwise.tasks.train_gan import generator_seed


class GanScorer:
    """Scores generators by the distance of their samples from the inner validation part.

    The distance is found when a fit is over, so a trial can be pruned between its parts only. A
    generator that collapses is fitted to its end and scored as it is, as with `on_collapse=warn`:
    its distance says how bad it is, which a sampler learns more from than from a failure. Losses
    that are no numbers let the trial fail.
    """

    def __init__(self, problem: Problem, spec: StudySpec) -> None:
        """Cut the parts, and fit the networks in whose spaces samples are compared.

        Raises:
            GanTrainingError: No generator makes such samples.
            SearchError: The training parts cannot be cut.
        """
        require_generable(problem.samples)
        self._problem, self._spec = problem, spec
        self._parts = inner_parts(problem, spec)
        training = gan_of(problem.base)
        self._spaces = [
            GeneratorSpace(problem.samples, problem.folds, part.parts, training)
            for part in self._parts
        ]
        for space in self._spaces:
            space.prepare()  # now, so that all trials take as long
        self.finished: list[PartScore] = []  # of the trial that runs or ran last

    def __call__(self, candidate: Candidate, fidelity: Fidelity, on_epoch: OnEpoch) -> TrialScore:
        """Fit and score a candidate on the inner parts, one after another.

        Raises:
            CollapsedError: A loss became infinite or not a number.
            GanTrainingError: The training part has too few samples for such a fit.
        """
        self.finished = []
        config = as_in_trials(gan_of(candidate.parameters), fidelity)
        fitted: FittedGan | None = None
        for number in range(len(self._parts)):
            fitted = self._fit(number, config, fidelity.limit)
            if number + 1 < len(self._parts):
                done = self.finished[-1]
                # Of a fit that is over: its epochs count alike.
                on_epoch(number, (done.score,) * done.num_epochs)
        assert fitted is not None
        score = float(np.mean([part.score for part in self.finished]))
        return TrialScore((score, *self._costs(fitted)), tuple(self.finished))

    def _fit(self, number: int, config: TrainGanConfig, limit: int | None) -> FittedGan:
        started = time.perf_counter()
        part, problem = self._parts[number], self._problem
        parts = part.limited(problem.samples, problem.folds, limit)
        rows = self._rows(parts.train)
        seed = part.seed(generator_seed(config, parts.repeat, parts.fold))
        fitted = fit_generator(problem.samples, rows, config, seed, None)
        scored = self._rows(parts.validation)
        purpose = parts.repeat, parts.fold, part.inner
        score = self._spaces[number].distances(
            draw_of(fitted.sampler, config, fitted.class_counts), scored, len(scored), *purpose
        )
        self.finished.append(_part_score(part, score, fitted, time.perf_counter() - started))
        return fitted

    def _rows(self, ids: npt.NDArray[np.object_]) -> Rows:
        return self._problem.samples.positions(ids)

    def _costs(self, fitted: FittedGan) -> list[float]:
        """Return the other objectives of the generator: one sample's time, and its size."""
        sampler, label = fitted.sampler, np.argmax(fitted.class_counts, keepdims=True)
        latents = sampler.latents(1, 0)
        measures = {
            "latency_ms": lambda: median_ms(lambda: sampler.generate(label, latents)),
            "num_parameters": lambda: float(num_parameters(fitted.networks.generator)),
        }
        return [measures[name]() for name in self._spec.objectives[1:]]


def gan_of(parameters: Mapping[str, Config]) -> TrainGanConfig:
    """Return the parameters of the generator among those by name."""
    found = parameters["train_gan"]
    assert isinstance(found, TrainGanConfig)
    return found


def draw_of(sampler: Sampler, config: TrainGanConfig, class_counts: tuple[int, ...]) -> Draw:
    """Return what draws a sample for each label; of classes it was not shown, of others."""

    def draw(labels: Rows, seed: int) -> npt.NDArray[np.generic]:
        known = np.array(class_counts)[labels] > 0
        if config.model.conditional and not known.all():
            others = numpy_generator(seed, "others").choice(labels[known], int((~known).sum()))
            labels = labels.copy()
            labels[~known] = others
        return sampler.generate(labels, sampler.latents(len(labels), seed))

    return draw


def as_in_trials(config: TrainGanConfig, fidelity: Fidelity) -> TrainGanConfig:
    """Return how a generator is fitted: to its end, collapsed or not, or as far as is given."""
    changed: dict[str, object] = {"on_collapse": "warn"}
    if fidelity.max_epochs is not None:
        changed["max_epochs"] = min(fidelity.max_epochs, config.fit.max_epochs)
    return config.model_copy(update={"fit": config.fit.model_copy(update=changed)})


def _part_score(part: InnerPart, score: float, fitted: FittedGan, seconds: float) -> PartScore:
    history = tuple(
        {name: value for name, value in asdict(record).items() if value is not None}
        for record in fitted.state.history
    )
    key = part.parts.repeat, part.parts.fold, part.inner
    return PartScore(*key, score, len(history), len(history) - 1, history, seconds)
