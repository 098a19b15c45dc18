"""From the name of a model to its predictions table and the folds it belongs to.

The folders are those of DESIGN, section 3: `05_model_input/<experiment>/folds.parquet`,
`06_models/<experiment>/<family>`, `07_model_output/<experiment>/<family>/predictions.parquet`.
"""

import difflib
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from foldwise.config import json_hash
from foldwise.data.folds import Folds, read_folds
from foldwise.errors import UserError

PREDICTIONS = "predictions.parquet"
BASELINE = "baseline"
_FAMILIES = ("cnn", "rnn", "mlp")  # in this order among others
_RUN = re.compile(r"(?:run|mlflow):(?P<run_id>.*)")
_RUN_ID = re.compile(r"[0-9a-f]{32}")
_BASELINE = re.compile(rf"(?:(?P<experiment>[^/:]+)/)?{BASELINE}:(?P<model>.+)")
_FAMILY = re.compile(r"(?:(?P<experiment>[^/:]+)/)?(?P<family>[^/:]+)")
_OF_SEVERAL = ("model", "method", "fraction")  # columns of a table that holds several models


class ModelNameError(UserError):
    """A model is unknown, or its predictions are not there."""


class FoundRun(NamedTuple):
    """What an MLflow run left."""

    models: Path  # the folder of its networks
    folds_hash: str | None


FindTrainedRun = Callable[[str], FoundRun]


@dataclass(frozen=True)
class NamedPredictions:
    """The predictions of one model, and where they come from."""

    name: str  # as the user wrote it
    method: str  # the same without the experiment: what it is called on other data
    table: pd.DataFrame
    path: Path
    experiment: str | None  # None: a table by itself
    folds: Folds | None  # that the experiment has now
    run_folds_hash: str | None = None  # that the MLflow run tells

    @property
    def data_key(self) -> str | None:
        """A hash of the samples that the folds were made from; None without folds."""
        if self.folds is None:
            return None
        columns = self.folds.info.get("columns", {})
        return json_hash([columns.get("sample_id"), columns.get("sha256")])

    @property
    def data_name(self) -> str:
        """What the data is called: the experiment, or the file."""
        return self.experiment or str(self.path)


@dataclass(frozen=True)
class PredictionsFinder:
    """Finds the predictions of models by their names.

    Args:
        root: The folder `data`.
        experiment: That names without one belong to.
        find_run: From an MLflow run's id to what it left; None: runs cannot be looked up.
    """

    root: Path
    experiment: str
    find_run: FindTrainedRun | None = None

    def all_names(self) -> tuple[str, ...]:
        """Return the families of the experiment that have predictions, then its baselines."""
        families = [
            name for name in self._families(self.experiment) if _is_of_one(self._path(name))
        ]
        ordered = sorted(
            families,
            key=lambda name: (_FAMILIES.index(name) if name in _FAMILIES else 99, name),
        )
        return (*ordered, *(f"{BASELINE}:{name}" for name in self._baselines(self.experiment)))

    def find(self, name: str) -> NamedPredictions:
        """Return the predictions of one model.

        Raises:
            ModelNameError: There is no such model, or it has no predictions.
            SplitError: The folds of its experiment are damaged.
        """
        if run := _RUN.fullmatch(name):
            return self._of_run(name, run["run_id"])
        if name.endswith(".parquet"):
            return self._of_path(name)
        if baseline := _BASELINE.fullmatch(name):
            experiment = baseline["experiment"] or self.experiment
            return self._of_baseline(name, experiment, baseline["model"])
        if family := _FAMILY.fullmatch(name):
            experiment = family["experiment"] or self.experiment
            return self._of_family(name, experiment, family["family"])
        raise ModelNameError(
            f"compare.models names {name!r}. Allowed are a family (cnn), experiment/family, "
            "baseline:NAME, experiment/baseline:NAME, the path of a predictions table "
            "(*.parquet), or run:ID of an MLflow run."
        )

    def _of_family(self, name: str, experiment: str, family: str) -> NamedPredictions:
        path = self._path(family, experiment)
        if not path.exists():
            known = [*self._families(experiment)]
            known += [f"{BASELINE}:{model}" for model in self._baselines(experiment)]
            raise ModelNameError(
                f"compare.models names {name!r}, but there is no {path}. "
                + _advice(family, known, experiment)
            )
        table = _read(path)
        _require_one_model(name, path, table)
        return NamedPredictions(name, family, table, path, experiment, self._folds(experiment))

    def _of_baseline(self, name: str, experiment: str, model: str) -> NamedPredictions:
        path = self._path(BASELINE, experiment)
        table = _read(path) if path.exists() else pd.DataFrame({"model": []})
        rows = table[table["model"] == model]
        if rows.empty:
            known = [f"{BASELINE}:{known}" for known in self._baselines(experiment)]
            raise ModelNameError(
                f"compare.models names {name!r}, but {path} has no rows of it. "
                + _advice(f"{BASELINE}:{model}", known, experiment)
            )
        rows = rows.drop(columns="model").reset_index(drop=True)
        folds, method = self._folds(experiment), f"{BASELINE}:{model}"
        return NamedPredictions(name, method, rows, path, experiment, folds)

    def _of_path(self, name: str) -> NamedPredictions:
        path = Path(name).expanduser()
        if not path.exists():
            raise ModelNameError(f"compare.models names {name!r}, but there is no such file.")
        table = _read(path)
        _require_one_model(name, path, table)
        experiment, folds = None, None
        home = path.resolve().parent.parent  # .../07_model_output/<experiment>
        if home.parent.name == "07_model_output":
            experiment = home.name
            folds = _folds_of(home.parent.parent, experiment)
        return NamedPredictions(name, path.parent.name or name, table, path, experiment, folds)

    def _of_run(self, name: str, run_id: str) -> NamedPredictions:
        if not _RUN_ID.fullmatch(run_id):
            raise ModelNameError(
                f"compare.models names {name!r}, but an MLflow run's id has 32 digits (0-9, a-f)."
            )
        if self.find_run is None:
            raise ModelNameError(
                f"compare.models names {name!r}, but runs cannot be looked up here."
            )
        found = self.find_run(run_id)
        family, experiment = found.models.name, found.models.parent.name
        root = found.models.parents[2]
        path = root / "07_model_output" / experiment / family / PREDICTIONS
        if not path.exists():
            raise ModelNameError(
                f"compare.models names {name!r}, whose networks lie in {found.models}, but their "
                f"predictions, {path}, are missing. Run the stage 'train' again."
            )
        folds = _folds_of(root, experiment)
        table = _read(path)
        return NamedPredictions(name, family, table, path, experiment, folds, found.folds_hash)

    def _families(self, experiment: str) -> list[str]:
        found = (self.root / "07_model_output" / experiment).glob(f"*/{PREDICTIONS}")
        return sorted(path.parent.name for path in found if path.parent.name != BASELINE)

    def _baselines(self, experiment: str) -> list[str]:
        path = self._path(BASELINE, experiment)
        if not path.exists():
            return []
        return list(dict.fromkeys(map(str, pd.read_parquet(path, columns=["model"])["model"])))

    def _path(self, family: str, experiment: str | None = None) -> Path:
        return (
            self.root / "07_model_output" / (experiment or self.experiment) / family / PREDICTIONS
        )

    def _folds(self, experiment: str) -> Folds | None:
        return _folds_of(self.root, experiment)


def find_all(finder: PredictionsFinder, names: Sequence[str]) -> Iterator[NamedPredictions]:
    """Yield the predictions of several models.

    Raises:
        ModelNameError: One is unknown, or two names stand for one model.
    """
    seen: dict[tuple[str, str], str] = {}
    for name in names:
        found = finder.find(name)
        key = (str(found.path.resolve()), found.method)
        if key in seen:
            raise ModelNameError(
                f"compare.models names {seen[key]!r} and {name!r}, which are the same predictions "
                f"({found.path})."
            )
        seen[key] = name
        yield found


def _folds_of(root: Path, experiment: str) -> Folds | None:
    path = root / "05_model_input" / experiment / "folds.parquet"
    return read_folds(path) if path.exists() else None


def _read(path: Path) -> pd.DataFrame:
    try:
        return pd.read_parquet(path)
    except (OSError, ValueError) as error:
        raise ModelNameError(f"{path} is no Parquet file that can be read ({error}).") from None


def _is_of_one(path: Path) -> bool:
    import pyarrow.parquet

    return not set(pyarrow.parquet.read_schema(path).names) & set(_OF_SEVERAL)


def _require_one_model(name: str, path: Path, table: pd.DataFrame) -> None:
    column = next((column for column in _OF_SEVERAL if column in table), None)
    if column is None:
        return
    known = ", ".join(dict.fromkeys(map(repr, table[column])))
    raise ModelNameError(
        f"compare.models names {name!r}, but {path} holds several models (column {column!r}: "
        f"{known}). Name one of the baselines as {BASELINE}:NAME, or write the rows of one model "
        "into a table of their own."
    )


def _advice(wanted: str, known: Sequence[str], experiment: str) -> str:
    near = difflib.get_close_matches(wanted, known, n=1)
    hint = f"Did you mean {near[0]!r}? " if near else ""
    listed = ", ".join(known) or "nothing yet"
    return (
        f"{hint}The experiment {experiment!r} has predictions of: {listed}. Run the training "
        "first (--pipeline=train_<family>), or write the table."
    )
