"""From a trained generator to samples.

N: samples, C: channels, H: height, W: width, T: steps, F: channels of a series.
"""

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from safetensors.torch import load_file

from foldwise.data.bad_input import listing
from foldwise.errors import UserError
from foldwise.models.gan.build import build_gan
from foldwise.models.input_spec import ImageSpec, SeriesSpec
from foldwise.modules.epoch_states import under
from foldwise.modules.inputs import input_spec
from foldwise.modules.sampler import Labels, Latents, Sampler
from foldwise.tasks.fold_folders import WEIGHTS, ModelError
from foldwise.tasks.gan_models import GanCard, read_gan_card


class UnknownClassError(UserError):
    """A generator is asked for a class that it does not know."""


class Generator:
    """One fold's generator, ready to draw samples as ingest stores them."""

    def __init__(self, folder: Path) -> None:
        """Load weights and card from a fold's folder.

        Raises:
            ModelError: A file is missing or damaged, or the weights are of another network.
        """
        self.card: GanCard = read_gan_card(folder)
        spec = input_spec(self.card.preprocessing, self.card.shape)
        assert isinstance(spec, ImageSpec | SeriesSpec)
        with torch.random.fork_rng(devices=[]):  # which the first weights are drawn from
            generator = build_gan(self.card.model, spec, len(self.card.classes)).generator
        try:
            generator.load_state_dict(under("generator.", load_file(folder / WEIGHTS)))
        except RuntimeError as error:
            raise ModelError(
                f"{folder / WEIGHTS} holds the weights of another network than "
                f"{self.card.model.name!r}, which its card names ({error})."
            ) from None
        device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        self._network = generator.to(memory_format=torch.channels_last).to(device)
        self._sampler = Sampler(self._network, self.card.preprocessing)

    @property
    def latent_shape(self) -> tuple[int, ...]:
        """Of one sample's latents."""
        return self._sampler.latent_shape

    def latents(self, num: int, seed: int) -> Latents:
        """Draw standard normal latents, float32 (N, *latent_shape)."""
        return self._sampler.latents(num, seed)

    def labels(self, names: list[str]) -> Labels:
        """Return the labels of classes by their names, (N,).

        Raises:
            UnknownClassError: It names the classes that the generator knows.
        """
        numbers = {name: number for number, name in enumerate(self.card.classes)}
        unknown = sorted(set(names) - set(numbers))
        if unknown:
            raise UnknownClassError(
                f"The generator does not know {listing(unknown)}. Allowed: "
                f"{listing(self._known())}."
            )
        return np.array([numbers[name] for name in names], dtype=np.int64)

    def generate(self, labels: Labels, latents: Latents) -> npt.NDArray[Any]:
        """Draw samples as in `Samples.x`: uint8 (N, C, H, W), or float32 (N, T, F) in their units.

        Args:
            labels: Indices into `card.classes`, (N,); without effect where the generator is not
                conditional.
            latents: (N, *latent_shape).

        Raises:
            GeneratedValueError: A value is no number, or beyond what a picture can show.
            UnknownClassError: A label is no class, or one without a sample in the training part.
            UserError: The latents are of another shape.
        """
        if self.card.is_conditional and len(labels):
            self._require_known(labels)
        return self._sampler.generate(labels, latents)

    def _require_known(self, labels: Labels) -> None:
        counts = np.array(self.card.class_counts)
        wrong = [
            n for n in np.unique(labels).tolist() if not 0 <= n < len(counts) or not counts[n]
        ]
        if not wrong:
            return
        number = wrong[0]
        if 0 <= number < len(counts):
            found = f"the class {self.card.classes[number]!r}, of which it was shown no sample"
        else:
            found = f"the label {number}, which is none"
        raise UnknownClassError(
            f"The generator is asked for {found}. Allowed: {listing(self._known())}."
        )

    def _known(self) -> list[str]:
        pairs = zip(self.card.classes, self.card.class_counts, strict=True)
        return [name for name, count in pairs if count]
