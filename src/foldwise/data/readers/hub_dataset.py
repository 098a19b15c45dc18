"""Data sets that the library `datasets` of Hugging Face reads: from here, or from its hub.

No connection is made unless it is asked for, and none of a data set's own code is run.
"""

import importlib.util
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from foldwise.data.bad_input import IngestError, listing, printable

if TYPE_CHECKING:
    from datasets import Dataset

# The readers of plain data; `datasets` has more, for audio, databases and the like.
_BUILDERS = {
    ".arrow": "arrow",
    ".csv": "csv",
    ".json": "json",
    ".jsonl": "json",
    ".parquet": "parquet",
}
_ALLOWED_BUILDERS = {*_BUILDERS.values(), "imagefolder"}
_HUB_NAME = re.compile(r"[\w.-]+(/[\w.-]+)?")
_EXPECTED = (
    "Expected is a folder of Parquet, CSV, JSON, Arrow or image files, one such file, or the name "
    "of a data set of the hub"
)


@dataclass(frozen=True)
class HubDataset:
    """Which data set is wanted."""

    path: str
    name: str | None
    revision: str | None
    download: bool

    def local(self) -> Path | None:
        """Return the folder or file, if it is one that is here."""
        path = Path(self.path).expanduser()
        return path if path.exists() else None


def load_splits(wanted: HubDataset, cache: Path) -> dict[str, "Dataset"]:
    """Return the parts of a data set by their names, in the order in which it tells them.

    Args:
        wanted: The data set.
        cache: Where files that lie here already are converted to Arrow; a data set of the hub is
            kept in Hugging Face's own cache instead.

    Raises:
        IngestError: `datasets` is not installed; there is no such data set, or none that may be
            read.
    """
    if importlib.util.find_spec("datasets") is None:
        raise IngestError(
            "ingest.source.kind=huggingface needs the package 'datasets'. Install it with: "
            "pip install foldwise[huggingface]"
        )
    local = wanted.local()
    if local is None and (not _HUB_NAME.fullmatch(wanted.path) or wanted.path.startswith(".")):
        raise IngestError(
            f"ingest.source.path: '{printable(wanted.path)}' does not exist. {_EXPECTED}."
        )
    with _connected(wanted.download and local is None), _quiet():
        try:
            return dict(_load(wanted, local, cache))
        except IngestError:
            raise
        except Exception as error:  # readers of many formats fail in many ways
            raise _explained(wanted, local, error) from error


def _load(wanted: HubDataset, local: Path | None, cache: Path) -> Any:  # noqa: ANN401  (untyped)
    import datasets

    if local is not None and any(
        (local / name).exists() for name in ("dataset_dict.json", "state.json")
    ):
        loaded = datasets.load_from_disk(str(local))
        return loaded if isinstance(loaded, datasets.DatasetDict) else {"train": loaded}
    if local is not None and local.is_file():
        if local.suffix.lower() not in _BUILDERS:
            raise IngestError(
                f"ingest.source.path: '{local}' ends with '{local.suffix}'; allowed are "
                f"{listing(sorted(_BUILDERS))}."
            )
        builder = datasets.load_dataset_builder(
            _BUILDERS[local.suffix.lower()], data_files=str(local), cache_dir=str(cache)
        )
    else:
        builder = datasets.load_dataset_builder(
            wanted.path if local is None else str(local.resolve()),
            wanted.name,
            revision=wanted.revision,
            cache_dir=None if local is None else str(cache),
        )
    _check_builder(wanted, builder)
    builder.download_and_prepare()
    return builder.as_dataset()


def _check_builder(wanted: HubDataset, builder: Any) -> None:  # noqa: ANN401  (untyped)
    kind = type(builder).__module__.split(".")[-1]
    if kind not in {*_ALLOWED_BUILDERS, "cache"}:
        raise IngestError(
            f"ingest.source.path: '{wanted.path}' is of the kind '{kind}'; allowed are "
            f"{listing(sorted(_ALLOWED_BUILDERS))}."
        )


@contextmanager
def _connected(is_allowed: bool) -> Iterator[None]:
    """Keep `datasets` from connecting to anywhere, unless it is allowed.

    It reads HF_HUB_OFFLINE once, when it is imported, so that the variable would come too late.
    """
    import datasets
    from huggingface_hub import constants

    before = datasets.config.HF_HUB_OFFLINE, constants.HF_HUB_OFFLINE
    if not is_allowed:
        datasets.config.HF_HUB_OFFLINE = constants.HF_HUB_OFFLINE = True
    try:
        yield
    finally:
        datasets.config.HF_HUB_OFFLINE, constants.HF_HUB_OFFLINE = before


@contextmanager
def _quiet() -> Iterator[None]:
    """Show no progress bars: a run's output is its log."""
    import datasets

    were_hidden = datasets.are_progress_bars_disabled()
    datasets.disable_progress_bars()
    try:
        yield
    finally:
        if not were_hidden:
            datasets.enable_progress_bars()


def _explained(wanted: HubDataset, local: Path | None, error: Exception) -> IngestError:
    reason = printable(str(error)).removesuffix(".")
    cause = error.__cause__
    if cause is not None:
        reason += f": {printable(str(cause))}"
    if local is not None:
        return IngestError(f"'{local}' cannot be read: {reason}. {_EXPECTED}.")
    if wanted.download:
        return IngestError(f"ingest.source.path: '{wanted.path}' cannot be had: {reason}.")
    return IngestError(
        f"ingest.source.path: '{wanted.path}' is no file or folder here, and Hugging Face's cache "
        "has no data set of this name. ingest.source.download=true lets it be fetched. "
        f"({reason}.)"
    )
