"""Parameters of the measures of generators; free of torch."""

from typing import Annotated, Literal

from pydantic import Field, NonNegativeInt, PositiveInt

from foldwise.config import Config

Neighbours = Annotated[int, Field(ge=1, le=50)]


class EvaluateGanConfig(Config):
    """How generated samples are compared with real ones that the generator never saw."""

    # Held-out real samples that are compared, and as many generated ones; of more, some are drawn.
    max_samples: Annotated[int, Field(ge=20)] = 5000
    # Generated samples that a network is trained on; of smaller training parts as many as theirs.
    max_training: Annotated[int, Field(ge=20)] = 60_000
    # Of the networks that tell classes: the space of features, and the one trained on generated
    # samples; auto: by how many samples they see.
    epochs: PositiveInt | Literal["auto"] = "auto"
    precision_neighbours: Neighbours = 3  # of precision and recall
    density_neighbours: Neighbours = 5  # of density and coverage
    # Share of held-out real samples that come as near to a training sample as a copy does.
    copy_level: float = Field(0.01, gt=0, le=0.2)
    per_class: Annotated[int, Field(ge=1, le=1000)] = 100  # drawn to see whether it is recognised
    num_pairs: Annotated[int, Field(ge=1, le=100)] = 16  # of nearest samples on the sheet
    confidence: float = Field(0.95, gt=0, lt=1)  # of all intervals
    accelerator: Literal["auto", "cpu", "gpu"] = "auto"
    num_threads: PositiveInt | Literal["auto"] = "auto"  # of a CPU; auto: by the size of a batch
    seed: NonNegativeInt = 0
