"""Find the weights that a network starts from; free of torch, for node signatures name it."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from foldwise.atomic import sha256_file
from foldwise.data.preprocessing import ImagePreprocessing
from foldwise.errors import UserError
from foldwise.models.config import ModelConfig
from foldwise.tasks.fold_models import CARD, WEIGHTS, FoldKey, FoldModels, ModelCard, read_card
from foldwise.tasks.torchvision_weights import torchvision_weights
from foldwise.tasks.transfer_config import NoTransfer, TransferConfig

FindRun = Callable[[str], Path]  # from an MLflow run's id to the folder of its networks

_TORCHVISION = re.compile(r"torchvision(?::(?P<which>\w+))?")
_RUN_ID = re.compile(r"(?:mlflow:)?(?P<run_id>[0-9a-f]{32})")
SUFFIXES = (".safetensors", ".pth", ".pt")  # of files of weights alone


class PretrainedError(UserError):
    """The weights to start from are missing, damaged, unsafe or not to be used here."""


@dataclass(frozen=True)
class PretrainedWeights:
    """A file of weights, and what is known of them."""

    path: Path
    sha256: str
    preprocessing: ImagePreprocessing | None = None  # of the images that they were fitted on
    card: ModelCard | None = None  # of a network that Foldwise trained

    @property
    def seen(self) -> tuple[FoldKey, ...]:
        """The folds that they were fitted in, as far as it is known."""
        return () if self.card is None else self.card.seen


def find_weights(
    config: TransferConfig,
    model: ModelConfig,
    fold: FoldKey,
    find_run: FindRun | None = None,
) -> PretrainedWeights | None:
    """Return the weights that a fold's network starts from, verified; None for mode `none`.

    Of a family's folder the network of the same repeat and fold is taken, else that of fold 0.
    Weights that Foldwise fitted on these very samples are only used in the same fold of the same
    folds: any other network has seen samples that this fold holds out. The same holds for the
    weights that they started from, and so on.

    Args:
        config: Which weights.
        model: The network that will take them.
        fold: Which fold it is fitted for.
        find_run: From an MLflow run's id to the folder of its networks.

    Raises:
        ModelError: A Foldwise network is missing or damaged.
        PretrainedError: There are no such weights, or they have seen what the fold holds out.
        TorchvisionWeightsError: torchvision has none, or they cannot be fetched.
    """
    if isinstance(config, NoTransfer):
        return None
    if match := _TORCHVISION.fullmatch(config.weights):
        path, preprocessing = torchvision_weights(model, match["which"] or "DEFAULT")
        return PretrainedWeights(path, sha256_file(path), preprocessing)
    path = _path(config.weights, find_run)
    if path.is_dir():
        folder = path if (path / CARD).exists() else _fold_folder(path, fold)
        return _trained(folder, fold)
    if path.name == WEIGHTS and path.with_name(CARD).exists():
        return _trained(path.parent, fold)
    return _bare_file(path, config.weights)


def require_elsewhere(weights: PretrainedWeights | None, models: FoldModels) -> None:
    """Refuse weights from the folder that a training is about to write to.

    It would replace what it starts from: after a kill it could not go on, and run again it would
    start from its own outcome.

    Raises:
        PretrainedError: It names the folder.
    """
    root = models.root.resolve()
    if weights is not None and weights.path.resolve().is_relative_to(root):
        raise PretrainedError(
            f"transfer.weights lie in {weights.path.parent}, but this training writes to "
            f"{models.root} and would replace what it starts from. Choose another name, e.g. "
            "--params experiment=NAME, or copy that folder elsewhere."
        )


def _path(weights: str, find_run: FindRun | None) -> Path:
    match = _RUN_ID.fullmatch(weights)
    if match and not (weights == match["run_id"] and Path(weights).exists()):
        if find_run is None:
            raise PretrainedError(
                f"transfer.weights is the MLflow run {match['run_id']}, but runs cannot be looked "
                "up here. Give the path of its networks instead."
            )
        return find_run(match["run_id"])
    if weights.startswith("mlflow:"):
        raise PretrainedError(
            f"transfer.weights is {weights!r}, but an MLflow run's id has 32 digits (0-9, a-f)."
        )
    return Path(weights).expanduser()


def _fold_folder(family: Path, fold: FoldKey) -> Path:
    models = FoldModels(family)
    for folder in (models.folder(fold.repeat, fold.fold), models.folder(0, 0)):
        if (folder / CARD).exists():
            return folder
    names = " or ".join(dict.fromkeys((f"fold_{fold.fold}", "fold_0")))
    raise PretrainedError(
        f"transfer.weights is the folder {family}, but there is no {CARD} in it, nor a folder "
        f"{names} with one."
    )


def _trained(folder: Path, fold: FoldKey) -> PretrainedWeights:
    card = read_card(folder)
    wrong = [seen for seen in card.seen if seen.samples_hash == fold.samples_hash and seen != fold]
    if wrong:
        how = "was" if wrong[-1] == card.seen[-1] else "started from one that was"
        raise PretrainedError(
            f"The network in {folder} {how} fitted on these very samples in another fold or other "
            f"folds: it has seen samples that repeat {fold.repeat}, fold {fold.fold} holds out. "
            "Take the family's folder of a training with the same folds, or weights from other "
            "samples."
        )
    preprocessing = card.preprocessing
    if not isinstance(preprocessing, ImagePreprocessing):
        raise PretrainedError(
            f"The network in {folder} is {card.model.name!r}, which was not fitted on images: "
            "weights to start from are there for networks of images alone."
        )
    return PretrainedWeights(folder / WEIGHTS, card.weights_sha256, preprocessing, card)


def _bare_file(path: Path, given: str) -> PretrainedWeights:
    if not path.exists():
        raise PretrainedError(
            f"transfer.weights is {given!r}, but there is no such file or folder. Allowed: "
            f"'torchvision', a {', '.join(SUFFIXES)} file, the folder of a network or of a family "
            "that Foldwise trained, or an MLflow run (mlflow:<run id>)."
        )
    if path.suffix not in SUFFIXES:
        raise PretrainedError(
            f"transfer.weights is {given!r}, a file of the type {path.suffix!r}. Allowed: "
            f"{', '.join(SUFFIXES)}."
        )
    return PretrainedWeights(path, sha256_file(path))
