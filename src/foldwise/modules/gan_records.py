"""What is noted of each epoch of a pair of networks; free of torch."""

from dataclasses import dataclass


@dataclass(frozen=True)
class GanRecord:
    """One epoch of one fold; losses and scores are means over its steps or samples.

    Diversity and clusters are looked at every few epochs (`sample_every`), else they are None: of
    samples that the averaged generator draws from the same latents each time.
    """

    epoch: int  # from 0, of the attempt that is kept
    generator_loss: float
    discriminator_loss: float  # without penalties
    real_score: float  # of the discriminator: logits, or a critic's scores
    fake_score: float
    # Share of real and generated samples that it tells rightly, in 0..1: 1/2 is a guess. None: of
    # a critic, whose scores have no threshold.
    discriminator_accuracy: float | None
    # Root mean squared distance between two samples, relative to that of real ones: of one class
    # where the generator knows classes, then the mean over classes. 0: all alike, 1: as real ones.
    diversity: float | None = None
    least_diversity: float | None = None  # of the class with the least
    # Of `num_clusters` (k-means of the training part) that the samples should have hit.
    missing_clusters: int | None = None
    num_clusters: int | None = None
