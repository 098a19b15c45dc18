"""Parameters of the explanations; free of torch."""

from typing import Annotated, Any, Literal

from pydantic import Field, PositiveInt, field_validator

from foldwise.config import Config, ListInText

Method = Literal["saliency", "integrated_gradients", "occlusion", "gradcam", "attention"]
METHODS: tuple[Method, ...] = (
    "saliency",
    "integrated_gradients",
    "occlusion",
    "gradcam",
    "attention",
)


Names = Annotated[Literal["auto"] | tuple[str, ...], ListInText]
Indices = Annotated[Literal["auto"] | tuple[int, ...], ListInText]


class FeatureMapConfig(Config):
    """Which feature maps of which picture are shown."""

    enabled: bool = True
    sample: str | None = None  # id; null: the first of the explained ones
    layers: Names = "auto"  # names of layers; auto: behind the first and the last convolution
    num_maps: PositiveInt = 8  # of each layer, the most active ones


class MaximiseConfig(Config):
    """Images that activate a unit most: takes some seconds for each unit."""

    enabled: bool = False
    layer: str | None = None  # null: the head, whose units are the classes
    units: Indices = "auto"  # numbers of classes or channels; auto: the first ones
    max_units: PositiveInt = 6  # of auto
    num_steps: PositiveInt = 128
    rate: float = Field(0.05, gt=0)  # of Adam, in standardised pixels
    jitter: int = Field(2, ge=0)  # pixels by which the image is moved before each step
    total_variation: float = Field(1.0, ge=0)  # weight of the mean difference of neighbours


class DreamConfig(Config):
    """DeepDream: what a layer sees is made stronger in a picture."""

    enabled: bool = False
    sample: str | None = None  # id; null: the first of the explained ones
    layer: str | None = None  # null: that of Grad-CAM, the last convolution
    num_octaves: int = Field(3, ge=1, le=8)  # scales, coarse to fine
    octave_scale: float = Field(1.4, gt=1)
    num_steps: PositiveInt = 10  # at each scale
    rate: float = Field(0.05, gt=0)  # of a step whose mean size is 1, in standardised pixels
    jitter: int = Field(2, ge=0)


class EmbeddingMapConfig(Config):
    """A map of what reaches the last layer."""

    enabled: bool = True
    fold: int = Field(0, ge=0)  # features of different folds live in different spaces
    max_points: int = Field(500, ge=10, le=20_000)
    perplexity: float = Field(30.0, gt=1)  # of t-SNE; less where there are few points
    num_classes: int = Field(10, ge=1, le=10)  # that get a mark of their own, the largest ones


class PermutationConfig(Config):
    """Of tables: how much a score falls when a column is shuffled among the samples."""

    enabled: bool = True
    num_repeats: PositiveInt = 5  # shuffles of each column, in each fold
    max_samples: int = Field(1000, ge=10)  # of each fold, drawn
    max_columns: PositiveInt = 32  # the ones with the largest integrated gradients
    max_networks: PositiveInt = 10  # of several repeats, as many as have no more; at least one
    confidence: float = Field(0.95, ge=0.5, lt=1)


class SanityConfig(Config):
    """Whether attributions change when the weights are drawn anew, layer by layer."""

    enabled: bool = True
    num_samples: PositiveInt = 4
    num_stages: int = Field(6, ge=1, le=50)  # layers are drawn anew in so many steps, or fewer


class ExplainConfig(Config):
    """What is explained, and how.

    >>> ExplainConfig.of(methods="saliency;occlusion").methods
    ('saliency', 'occlusion')
    """

    enabled: bool = True  # false: nothing is explained, and the results say so
    # ids, as a list or in one text: "a;b". auto: by `num_correct` and `num_mistakes`
    samples: Names = "auto"
    num_correct: int = Field(1, ge=0, le=50)  # of each class, drawn; of a regression, in all x 3
    num_mistakes: int = Field(1, ge=0, le=50)  # of each class, the most confident ones
    max_samples: int = Field(12, ge=1, le=60)  # of auto
    # auto: all that fit the network
    methods: Annotated[Literal["auto"] | tuple[Method, ...], ListInText] = "auto"
    num_steps: int = Field(32, ge=8, le=1000)  # of the path of integrated gradients
    occlusion_size: PositiveInt | None = None  # pixels or steps; null: about an eighth of a side
    gradcam_layer: str | None = None  # null: the last convolution
    feature_maps: FeatureMapConfig = FeatureMapConfig()
    maximise: MaximiseConfig = MaximiseConfig()
    dream: DreamConfig = DreamConfig()
    embedding: EmbeddingMapConfig = EmbeddingMapConfig()
    permutation: PermutationConfig = PermutationConfig()
    sanity: SanityConfig = SanityConfig()
    seed: int = Field(0, ge=0)

    @field_validator("samples", "methods", mode="after")
    @classmethod
    def _distinct(cls, names: Literal["auto"] | tuple[str, ...]) -> Any:  # noqa: ANN401  (as it came)
        if names != "auto" and (not names or len(set(names)) < len(names)):
            raise ValueError(
                f"{list(names)} has to name at least one, and each of them once; 'auto' chooses."
            )
        return names
