"""What is done with a fitted network before it is kept: its head, and what its outputs mean."""

from dataclasses import dataclass

from foldwise.data.balance.config import Smote
from foldwise.data.samples import Samples
from foldwise.modules.logit_scale import absorb_scale
from foldwise.modules.loss_config import number_loss
from foldwise.modules.number_outputs import NumberOutputs, fit_number_outputs
from foldwise.seeds import derive_seed
from foldwise.tasks.decision import fit_decision_weights
from foldwise.tasks.embedding_smote import embed, refit_head
from foldwise.tasks.fit_fold import FittedFold
from foldwise.tasks.fold_job import FoldJob
from foldwise.tasks.inference import class_probabilities, evaluation_batches, predicted_numbers
from foldwise.tasks.recipe import Recipe


@dataclass(frozen=True)
class OutputMeaning:
    """How a network's outputs are to be read."""

    decision_weights: tuple[float, ...] | None = None  # of the classes; None: all alike
    number_outputs: NumberOutputs | None = None  # of a regression


def finish_fold(
    fitted: FittedFold, job: FoldJob, samples: Samples, recipe: Recipe
) -> OutputMeaning:
    """Fit the head anew if the remedy says so; find what the outputs mean.

    The head sees the training part; decision weights, and how far numbers may be from what is
    foretold, come from the inner validation part.

    Args:
        fitted: The network, which is changed in place.
        job: The parts of the fold.
        samples: The samples.
        recipe: The remedy, and how it is predicted.
    """
    network, preprocessing = fitted.network, fitted.preprocessing
    scale = fitted.target_scale
    if scale is not None:
        outputs = predicted_numbers(network, samples, job.validation.rows, preprocessing)
        targets, loss = scale.numbers(job.validation, samples), number_loss(recipe.loss)
        found = fit_number_outputs(outputs, targets, loss, scale.scaling, scale.anchor)
        return OutputMeaning(number_outputs=found)
    absorb_scale(network, recipe.balance)
    if isinstance(recipe.balance.remedy, Smote):
        batches = evaluation_batches(network, samples, job.training.rows, preprocessing)
        embeddings, _ = embed(network, batches)
        refit_head(
            network,
            embeddings,
            job.training.labels,
            recipe.balance.remedy,
            derive_seed(recipe.seed, *job.key, "smote"),
        )
    if recipe.balance.threshold == "none":
        return OutputMeaning()
    probabilities = class_probabilities(
        network, samples, job.validation.rows, preprocessing, recipe.test_time
    )
    weights = fit_decision_weights(probabilities, job.validation.labels, recipe.balance.threshold)
    return OutputMeaning(decision_weights=weights)
