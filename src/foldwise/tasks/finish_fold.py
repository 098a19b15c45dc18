"""What is done with a fitted network before it is kept: its head, and its decision."""

from foldwise.data.balance.config import Smote
from foldwise.data.samples import Samples
from foldwise.modules.logit_scale import absorb_scale
from foldwise.seeds import derive_seed
from foldwise.tasks.decision import fit_decision_weights
from foldwise.tasks.embedding_smote import embed, refit_head
from foldwise.tasks.fit_fold import FittedFold, FoldJob
from foldwise.tasks.inference import class_probabilities, image_batches
from foldwise.tasks.recipe import Recipe


def finish_fold(
    fitted: FittedFold, job: FoldJob, samples: Samples, recipe: Recipe
) -> tuple[float, ...] | None:
    """Fit the head anew if the remedy says so; return the decision weights, None for equal ones.

    The head sees the training part, the decision weights the inner validation part.

    Args:
        fitted: The network, which is changed in place.
        job: The parts of the fold.
        samples: The samples.
        recipe: The remedy, and how it is predicted.
    """
    network, preprocessing = fitted.network, fitted.preprocessing
    absorb_scale(network, recipe.balance)
    if isinstance(recipe.balance.remedy, Smote):
        batches = image_batches(network, samples.x, job.training.rows, preprocessing)
        embeddings, _ = embed(network, batches)
        refit_head(
            network,
            embeddings,
            job.training.labels,
            recipe.balance.remedy,
            derive_seed(recipe.seed, *job.key, "smote"),
        )
    if recipe.balance.threshold == "none":
        return None
    probabilities = class_probabilities(
        network, samples.x, job.validation.rows, preprocessing, recipe.test_time
    )
    return fit_decision_weights(probabilities, job.validation.labels, recipe.balance.threshold)
