"""Nodes of the stage `sample_gan`."""

import logging
from typing import Any

from foldwise.tasks.drawn_samples import DrawnSamples
from foldwise.tasks.gan_models import GanModels
from foldwise.tasks.sample_gan_config import SampleGanConfig

logger = logging.getLogger(__name__)


def sample_gan(models: GanModels, config: SampleGanConfig) -> DrawnSamples:
    """Draw samples of chosen classes from one fold's generator."""
    from foldwise.tasks.sample_gan import sample_gan as draw

    drawn = draw(models, config)
    logger.info(
        "Drew %d samples of %d classes from the generator %.12s of fold %d.",
        len(drawn.samples),
        len(drawn.samples.classes),
        drawn.facts["weights_sha256"],
        drawn.facts["fold"],
    )
    return drawn


# Kedro resolves the annotations of every node: naming the figure's type would load matplotlib.
def show_drawn(drawn: DrawnSamples) -> tuple[DrawnSamples, Any]:
    """Return the samples to be written, and some of each class in one picture."""
    from foldwise.data.overview import overview

    return drawn, overview(drawn.samples)
