"""Fill up the rare classes of a fold's training part with samples that a generator makes.

The generator and the classifier that judges its samples are fitted on the fold's training part
alone; the classifier's best epoch is chosen by the inner validation part, as ever. What is kept is
appended to the training part of this fold; no other part ever holds it.

N: training samples, M: added samples, K: classes.
"""

import dataclasses
import logging
import shutil
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
from pydantic import ValidationError

from foldwise.atomic import atomic_directory, read_sealed_json, write_sealed_json
from foldwise.data.balance.config import BalanceConfig, Gan
from foldwise.data.balance.fill import lacking
from foldwise.data.findings import Finding, log_findings
from foldwise.data.joined_rows import join_samples
from foldwise.data.samples import (
    Samples,
    SamplesError,
    array_hash,
    fill_samples_folder,
    read_samples,
)
from foldwise.data.synthetic_rows import SYNTHETIC as COLUMN
from foldwise.errors import UserError
from foldwise.modules.data_module import Part
from foldwise.seeds import derive_seed
from foldwise.tasks.fit_fold import fit_fold
from foldwise.tasks.fold_job import FoldJob
from foldwise.tasks.inference import class_probabilities
from foldwise.tasks.recipe import Recipe
from foldwise.tasks.synthetic_filter import Copies, Judge, Kept, as_if_even, fill_class
from foldwise.tasks.synthetic_generator import fit_draw
from foldwise.tasks.synthetic_record import SYNTHETIC, ClassFill, SyntheticRecord

logger = logging.getLogger(__name__)

_RECORD = "record.json"
_MOST_NAMES = 10  # classes named in a message
_GENERATOR, _FILTER = "generator", "filter"  # folders of what is interrupted


class FillError(UserError):
    """Samples of such a kind cannot be made."""


@dataclass(frozen=True)
class FilledFold:
    """A fold's training with the made samples in its training part, and in no other."""

    job: FoldJob
    samples: Samples  # the real ones, at their positions, then the made ones
    record: SyntheticRecord | None = None  # None: the remedy makes none
    folder: Path | None = None  # of the made samples; None: there are none

    def store(self, folder: Path) -> None:
        """Copy the made samples into the folder of the fold."""
        if self.folder is not None:
            shutil.copytree(self.folder, folder / SYNTHETIC)


def require_fillable(samples: Samples, recipe: Recipe) -> None:
    """Refuse samples that no generator makes, before anything is trained.

    Raises:
        FillError: It names what there is and what to do.
    """
    remedy = recipe.balance.remedy
    if not isinstance(remedy, Gan):
        return
    assert recipe.generator is not None
    makes = recipe.generator.model.makes
    kind = {"image": "images", "series": "series"}.get(samples.modality, samples.modality)
    if kind != makes:
        instead = (
            "smote fills up the rare classes of tables, and oversample those of all kinds"
            if kind not in ("images", "series")
            else f"set train_gan.model.name={'cgan' if kind == 'images' else 'recurrent'}"
        )
        raise FillError(
            f"balance.method is 'gan' and train_gan.model.name {recipe.generator.model.name!r}, "
            f"which makes {makes}, but the samples are of the kind {samples.modality!r}: "
            f"{instead}."
        )
    if kind == "series" and len(np.unique(samples.lengths)) > 1:
        raise FillError(
            f"balance.method is 'gan', but the series have {len(np.unique(samples.lengths))} "
            "lengths, and a generator makes series of one. Cut or resample them at the source, or "
            "take another method, e.g. oversample."
        )


def fill_up(job: FoldJob, samples: Samples, recipe: Recipe, folder: Path) -> FilledFold:
    """Fill up the classes that are rarer than the remedy wants, or find that this was done.

    Args:
        job: The parts of the fold.
        samples: The samples.
        recipe: The remedy and the generator; the network also judges what is made.
        folder: Of this very training, where it can go on if it is interrupted.
    """
    remedy = recipe.balance.remedy
    assert isinstance(remedy, Gan)
    place = folder / SYNTHETIC
    record = _read_record(place)
    if record is None:
        record = _make(job, samples, recipe, folder)
        log_findings(logger, record.findings)
    if not record.num_added:
        return FilledFold(job, samples, record)
    return extended(job, samples, read_samples(place), record, place)


def extended(
    job: FoldJob, samples: Samples, made: Samples, record: SyntheticRecord, folder: Path
) -> FilledFold:
    """Append made samples to a fold's training part."""
    rows = len(samples) + np.arange(len(made))
    training = Part(
        np.concatenate([job.training.rows, rows]),
        np.concatenate([job.training.labels, made.y]),
        *(
            None if weights is None else np.concatenate([weights, np.ones(len(made))])
            for weights in (job.training.sampling_weights, job.training.loss_weights)
        ),
    )
    assert (job.validation.rows < len(samples)).all(), "a made sample is validated on"
    job = dataclasses.replace(job, training=training)
    return FilledFold(job, join_samples(samples, made), record, folder)


def _make(job: FoldJob, samples: Samples, recipe: Recipe, folder: Path) -> SyntheticRecord:
    """Make the samples and write them, with the record, into a folder of their own."""
    remedy = recipe.balance.remedy
    assert isinstance(remedy, Gan)
    names = np.array(samples.classes, dtype=object)
    wanted = lacking(names[job.training.labels], remedy.ratio)
    kept: list[Kept] = []
    findings: tuple[Finding, ...] = ()
    if wanted:
        draw, findings = fit_draw(job, samples, recipe, folder / _GENERATOR)
        judge = _fit_judge(job, samples, recipe, sum(wanted.values()), folder / _FILTER)
        seed = derive_seed(recipe.seed, *job.key, "synthetic")
        rows, labels = job.training.rows, job.training.labels
        copies = Copies(samples, rows, labels, remedy.copy_quantile, seed)
        for name, number in wanted.items():
            code = samples.classes.index(name)
            of_class = Kept(name, int((labels == code).sum()), number)
            kept.append(fill_class(code, of_class, draw, judge, copies, remedy, seed))
    return _write(folder / SYNTHETIC, kept, findings, samples, job)


def _fit_judge(
    job: FoldJob, samples: Samples, recipe: Recipe, num_wanted: int, folder: Path
) -> Judge:
    """Fit the recipe's network on the real samples without a remedy; return what it says.

    It makes as many steps as the network that is to be fitted with the wanted samples.
    """
    logger.info("Repeat %d, fold %d: fitting the classifier that judges made samples.", *job.key)
    num_real = len(job.training.rows)
    epochs = round(recipe.fit.max_epochs * (num_real + num_wanted) / num_real)
    fit = recipe.fit.model_copy(update={"max_epochs": epochs})
    plain = dataclasses.replace(recipe, fit=fit, balance=BalanceConfig(), generator=None)
    fitted = fit_fold(job, samples, plain, folder, lambda _: None, lambda _: None)
    counts = np.bincount(job.training.labels, minlength=len(samples.classes))

    def judge(x: npt.NDArray[np.generic]) -> npt.NDArray[np.float64]:
        table = pd.DataFrame(index=range(len(x)))
        made = dataclasses.replace(samples, x=x, table=table)
        found = class_probabilities(
            fitted.network, made, np.arange(len(x)), fitted.preprocessing, plain.test_time
        )
        return as_if_even(found, counts)

    return judge


def _write(
    folder: Path,
    kept: list[Kept],
    findings: tuple[Finding, ...],
    samples: Samples,
    job: FoldJob,
) -> SyntheticRecord:
    """Write samples and record, all or nothing; without samples, the record alone."""
    fills = tuple(of_class.fill for of_class in kept)
    record = SyntheticRecord(classes=fills, findings=(*findings, *_too_few(fills, job)))
    with atomic_directory(folder) as temporary:
        if record.num_added:
            made = _as_samples(kept, samples, job)
            fill_samples_folder(temporary, made)
            record = record.model_copy(update={"samples_hash": made.content_hash})
        write_sealed_json(temporary / _RECORD, record.model_dump(mode="json"))
    return record


def _as_samples(kept: list[Kept], samples: Samples, job: FoldJob) -> Samples:
    ids = samples.table["sample_id"].to_numpy(dtype=object)
    prefix = f"synthetic_r{job.parts.repeat}_f{job.parts.fold}"
    rows = [
        {
            "sample_id": f"{prefix}_{of_class.name}_{i:05d}",
            "label": of_class.name,
            "group": None,
            "official_split": None,
            "source": "generator",
            "sha256": array_hash(x),
            COLUMN: True,
            "meta_confidence": of_class.confidences[i],  # of the class, by the judge
            "meta_nearest": ids[of_class.nearest[i]],  # training sample of the class
        }
        for of_class in kept
        for i, x in enumerate(of_class.x)
    ]
    x = np.stack([x for of_class in kept for x in of_class.x])
    table = pd.DataFrame(rows)
    if "length" in samples.table:
        table["length"] = x.shape[1]
    return dataclasses.replace(samples, x=x, table=table)


def _too_few(fills: tuple[ClassFill, ...], job: FoldJob) -> list[Finding]:
    """Tell of the classes that could not be filled up as far as was wanted."""
    short = [fill for fill in fills if fill.added < fill.wanted]
    if not short:
        return []
    named = [_told(fill) for fill in short[:_MOST_NAMES]]
    more = [f"and {len(short) - _MOST_NAMES} more classes"] * (len(short) > _MOST_NAMES)
    numbers = {"wanted": sum(f.wanted for f in short), "added": sum(f.added for f in short)}
    finding = Finding(
        check="synthetic_too_few",
        severity="warn",
        message=f"In repeat {job.parts.repeat}, fold {job.parts.fold}, {numbers['added']} of "
        f"{numbers['wanted']} samples were added to classes that lack them: "
        f"{'; '.join(named + more)}.",
        advice="Train the generator longer (train_gan.fit.max_epochs), ask for less "
        "(balance.ratio), or let more pass (balance.confidence, balance.max_tries).",
        values=numbers,
    )
    return [finding]


def _told(fill: ClassFill) -> str:
    return (
        f"{fill.name!r} {fill.added} of {fill.wanted} (of {fill.tried} that were made, "
        f"{fill.not_of_class} were not taken for it, {fill.copies} were copies)"
    )


def _read_record(folder: Path) -> SyntheticRecord | None:
    """Return what was made before, if it is sound; a damaged one is made again."""
    try:
        record = SyntheticRecord.model_validate(read_sealed_json(folder / _RECORD))
        found = read_samples(folder).content_hash if record.num_added else None
    except (FileNotFoundError, ValidationError, ValueError, SamplesError):
        return None
    return record if found == record.samples_hash else None
