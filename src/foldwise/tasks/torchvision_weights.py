"""The weights that torchvision offers for a network, as a file in torch hub's cache."""

import shutil
import urllib.request
from pathlib import Path
from typing import Any

from foldwise.atomic import atomic_path, sha256_file
from foldwise.data.preprocessing import ImagePreprocessing
from foldwise.errors import UserError
from foldwise.models.config import ModelConfig, VggConfig

# Our names of networks, and torchvision's where it has weights of the same architecture; a VGG
# with batch norm has `_bn` behind its name there.
_NAMES = {
    "alexnet": "alexnet",
    "vgg_a": "vgg11",
    "vgg_b": "vgg13",
    "vgg_d": "vgg16",
    "vgg_e": "vgg19",
    "googlenet": "googlenet",
    "inception_v3": "inception_v3",
    "resnet18": "resnet18",
    "resnet34": "resnet34",
    "resnet50": "resnet50",
    "resnext50": "resnext50_32x4d",
    "mobilenet_v2": "mobilenet_v2",
}
# torchvision's own code brings images for these two from ImageNet's mean and deviation to this.
_HALF = ImagePreprocessing(mean=(0.5, 0.5, 0.5), std=(0.5, 0.5, 0.5))
_ARE_FED_HALVES = ("googlenet", "inception_v3")
_TIMEOUT_S = 15.0  # of each step of a download, so that no network means an error and no waiting
_HASH_LENGTH = 8  # digits of the SHA-256 in the file's name, e.g. resnet18-f37072fd.pth


class TorchvisionWeightsError(UserError):
    """torchvision has no such weights, or they cannot be fetched."""


def torchvision_weights(
    model: ModelConfig, which: str = "DEFAULT"
) -> tuple[Path, ImagePreprocessing]:
    """Return the file of a network's weights, fetched if need be, and what its images underwent.

    Args:
        model: The network.
        which: A name of torchvision's enum, e.g. `IMAGENET1K_V1`.

    Raises:
        TorchvisionWeightsError: There are none for this network, or no network to fetch them.
    """
    weights = _entry(model.name, isinstance(model, VggConfig) and model.batch_norm is True, which)
    transforms = weights.transforms()
    preprocessing = ImagePreprocessing(mean=tuple(transforms.mean), std=tuple(transforms.std))
    if model.name in _ARE_FED_HALVES:
        preprocessing = _HALF
    return _cached(weights.url, f"{model.name} ({weights.name})"), preprocessing


def _entry(model_name: str, has_batch_norm: bool, which: str) -> Any:  # noqa: ANN401  (torchvision is untyped)
    from torchvision.models import get_model_weights  # seconds to import

    if model_name not in _NAMES:
        raise TorchvisionWeightsError(
            f"transfer.weights is 'torchvision', but torchvision has no weights for model.name "
            f"{model_name!r}. It has some for: {', '.join(sorted(_NAMES))}."
        )
    suffix = "_bn" if has_batch_norm else ""
    entries = get_model_weights(_NAMES[model_name] + suffix)
    allowed = {**{entry.name: entry for entry in entries}, "DEFAULT": entries.DEFAULT}
    if which not in allowed:
        raise TorchvisionWeightsError(
            f"transfer.weights is 'torchvision:{which}', but for model.name {model_name!r} "
            f"torchvision has: {', '.join(allowed)}."
        )
    return allowed[which]


def _cached(url: str, told: str) -> Path:
    from torch import hub

    path = Path(hub.get_dir()) / "checkpoints" / url.rsplit("/", 1)[-1]
    if not path.exists():
        try:
            _fetch(url, path)
        except OSError as error:  # URLError and time-outs among them
            reason = getattr(error, "reason", None) or error
            raise TorchvisionWeightsError(
                f"The weights of {told} are not in {path.parent} and cannot be fetched from "
                f"{url} ({reason}). Connect to a network once, put the file {path.name} there, "
                "or give transfer.weights the path of a file or of a network that Foldwise "
                "trained."
            ) from None
    expected, found = path.stem.rsplit("-", 1)[-1], sha256_file(path)[:_HASH_LENGTH]
    if found != expected:
        raise TorchvisionWeightsError(
            f"{path} is damaged: its SHA-256 begins with {found}, not {expected}. Remove it; it "
            "is fetched again."
        )
    return path


def _fetch(url: str, path: Path) -> None:
    # torch.hub has no time-out: without an answer it would wait for minutes.
    request = urllib.request.Request(url, headers={"User-Agent": "foldwise"})
    with (
        urllib.request.urlopen(request, timeout=_TIMEOUT_S) as answer,
        atomic_path(path) as temporary,
        temporary.open("wb") as file,
    ):
        shutil.copyfileobj(answer, file)
