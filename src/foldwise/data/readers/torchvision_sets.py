"""The classification data sets of torchvision: which there are, and how each is opened.

Their parameters differ (`train=`, `split=`, or neither), and so do the attributes in which they
keep labels, class names and files. Some unpickle the files that they read, which this project
never does; these are refused.
"""

import difflib
import inspect
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from foldwise.data.bad_input import IngestError, listing, printable

Options = Mapping[str, bool | int | float | str]
_Dataset = Any  # a torchvision data set: len(), and [i] gives a Pillow image and a label

# Sets with the parameter `train` have a training and a test part; these take a `split` instead.
# Parts without labels are left out.
_SPLITS: dict[str, tuple[str, ...]] = {
    "CLEVRClassification": ("train", "val"),
    "Country211": ("train", "valid", "test"),
    "DTD": ("train", "val", "test"),
    "FER2013": ("train", "test"),
    "FGVCAircraft": ("train", "val", "test"),
    "Flowers102": ("train", "val", "test"),
    "Food101": ("train", "test"),
    "GTSRB": ("train", "test"),
    "ImageNet": ("train", "val"),
    "Imagenette": ("train", "val"),
    "OxfordIIITPet": ("trainval", "test"),
    "PCAM": ("train", "val", "test"),
    "Places365": ("train-standard", "val"),
    "RenderedSST2": ("train", "val", "test"),
    "STL10": ("train", "test"),
    "StanfordCars": ("train", "test"),
    "SVHN": ("train", "test"),
}
_BY_TRAIN = ("EMNIST", "FashionMNIST", "KMNIST", "MNIST", "QMNIST", "USPS")
_WHOLE = ("Caltech101", "Caltech256", "EuroSAT", "SEMEION", "SUN397")
ALLOWED = tuple(sorted([*_SPLITS, *_BY_TRAIN, *_WHOLE], key=str.lower))
_PICKLED = ("CIFAR10", "CIFAR100", "LSUN", "LSUNClass")
_OFFICIAL = {"trainval": "train", "train-standard": "train", "valid": "val"}
_OURS = ("root", "train", "download", "transform", "target_transform", "loader", "kwargs")

_LABELS = ("targets", "labels", "_labels", "y")
_FILES = ("_image_files", "_images")
_PAIRS = ("samples", "_samples", "imgs")  # (file or image, label)
_CLASSES = ("classes", "categories")


def check_name(name: str) -> str:
    """Return the name of a set that can be read.

    Raises:
        ValueError: It is none, or one that is unpickled.
    """
    if name in _PICKLED:
        raise ValueError(
            f"torchvision unpickles the files of {name}, and unpickling can run any code that a "
            "file brings along: Foldwise reads no pickle. Read the images from kind=image_folder "
            "or the arrays from kind=npz"
        )
    if name not in ALLOWED:
        near = difflib.get_close_matches(name, ALLOWED, n=1, cutoff=0.5)
        hint = f" (did you mean {near[0]!r}?)" if near else ""
        raise ValueError(f"unknown data set {name!r}{hint}. Allowed: {', '.join(ALLOWED)}")
    return name


def open_parts(
    name: str, root: Path, options: Options, download: bool
) -> dict[str | None, _Dataset]:
    """Open the official parts of a set: train, val, test, or None for one without parts.

    Raises:
        IngestError: An option is unknown, or the files are not there or damaged.
    """
    from torchvision import datasets

    kind = getattr(datasets, name)
    known = _parameters(kind)
    unknown = sorted(set(options) - set(known).difference(_OURS))
    if unknown:
        raise IngestError(
            f"ingest.source.options: {name} has no {listing(unknown)}. Allowed: "
            f"{listing(sorted(set(known).difference(_OURS))) or 'none'}."
        )
    fixed = {"download": download} if "download" in known else {}
    parts: dict[str | None, _Dataset] = {}
    for part, chosen in _parts(name, options).items():
        try:
            parts[part] = kind(root=str(root), **{**fixed, **chosen, **options})
        except Exception as error:  # torchvision raises whatever its readers do
            raise _not_found(kind, root, error, download, "download" in known) from None
    return parts


def labels_of(dataset: _Dataset) -> list[int | None]:
    """Return the label of each image, without decoding the images where that can be."""
    found = next((getattr(dataset, name) for name in _LABELS if _fits(dataset, name)), None)
    if found is None:
        pairs = next((name for name in _PAIRS if _fits(dataset, name)), None)
        found = [pair[1] for pair in (getattr(dataset, pairs) if pairs else _items(dataset))]
    values = found.tolist() if hasattr(found, "tolist") else found
    firsts = (value[0] if isinstance(value, Sequence) else value for value in values)  # of QMNIST
    return [None if value is None else int(value) for value in firsts]


def class_names_of(dataset: _Dataset, labels: Sequence[int]) -> dict[int, str]:
    """Return the name of each label that occurs, in the order of the labels."""
    known = next((name for name in _CLASSES if hasattr(dataset, name)), None)
    names: Sequence[Any] = [] if known is None else getattr(dataset, known)
    named: dict[int, str] = {}
    for label in sorted(set(labels)):
        name = names[label] if 0 <= label < len(names) else str(label)
        text = name if isinstance(name, str) else ", ".join(name)
        named[label] = f"{text} ({label})" if text in named.values() else text
    return named


def files_of(dataset: _Dataset) -> list[Path] | None:
    """Return the file of each image, or None where they lie in one file together."""
    name = next((name for name in _FILES if _fits(dataset, name)), None)
    if name is not None:
        return [Path(file) for file in getattr(dataset, name)]
    name = next((name for name in _PAIRS if _fits(dataset, name)), None)
    pairs: Sequence[Any] = [] if name is None else getattr(dataset, name)
    if not pairs or not isinstance(pairs[0][0], str | Path):
        return None
    return [Path(pair[0]) for pair in pairs]


def _items(dataset: _Dataset) -> list[Any]:
    return [dataset[i] for i in range(len(dataset))]


def _fits(dataset: _Dataset, name: str) -> bool:
    values = getattr(dataset, name, None)
    return values is not None and len(values) == len(dataset)


def _parameters(kind: type) -> list[str]:
    """Return what a class can be told, also through the keywords that it hands on."""
    names: list[str] = []
    for base in kind.__mro__:
        parameters = inspect.signature(base.__init__).parameters  # type: ignore[misc]  # of a class, not of an instance
        names += [name for name in parameters if name != "self"]
        if "kwargs" not in parameters:
            break
    return names


def _parts(name: str, options: Options) -> dict[str | None, dict[str, bool | str]]:
    if name in _BY_TRAIN:
        return {"train": {"train": True}, "test": {"train": False}}
    if name in _SPLITS and "split" not in options:
        return {_OFFICIAL.get(split, split): {"split": split} for split in _SPLITS[name]}
    return {None: {}}


def _not_found(
    kind: type, root: Path, error: Exception, download: bool, can_download: bool
) -> IngestError:
    reason = printable(str(error) or type(error).__name__).rstrip(".")
    resources = getattr(kind, "resources", None)
    looked = ""
    if isinstance(resources, list):  # of the MNIST family
        names = [Path(url).name.removesuffix(".gz") for url, _ in resources]
        looked = (
            f" It looks for {listing(names)} in '{root / kind.__name__ / 'raw'}'; packed files of "
            "that kind are read by kind=idx."
        )
    if not can_download:
        advice = " torchvision cannot download it."
    elif download:
        advice = " Without a network, put its files there, as torchvision's documentation says."
    else:
        advice = " Where there is a network, ingest.source.download=true fetches it."
    return IngestError(
        f"ingest.source.root: torchvision could not read {kind.__name__} from '{root}' ({reason})."
        f"{looked}{advice}"
    )
