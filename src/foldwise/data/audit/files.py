"""What is odd about the files: not read, very large or small, of other modes than the rest."""

import re

import numpy as np
import pandas as pd

from foldwise.data.audit.check import Check, Subject, has_column, one_by_one, robust_z
from foldwise.data.bad_input import listing
from foldwise.data.findings import Finding

_MAX_REASONS = 10
_STRAY_SHARE = 0.05  # a mode of fewer files looks like an accident
_ODD_Z = 6  # a size is odd only if the others are alike
_MISSING_LABEL = re.compile(
    r"\b(?:missing|blank|empty|no|without|lacks)\b.{0,20}\b(?:label|target|class)"
    r"|\b(?:label|target|class)\b.{0,40}\b(?:missing|blank|empty|nan)\b",
    re.IGNORECASE,
)


def lacks_label(skipped_files: pd.DataFrame) -> pd.Series:
    """Tell for each skipped file or row whether its reason is a missing label."""
    return skipped_files["reason"].astype("str").str.contains(_MISSING_LABEL).astype(bool)


def find_bad_files(subject: Subject) -> list[Finding]:
    """Group what was skipped by its reason; numbers and quoted names in the reasons may differ."""
    skipped = subject.skipped_files[~lacks_label(subject.skipped_files)]
    kinds = skipped["reason"].astype("str").map(_kind_of)
    largest = kinds.value_counts().index[:_MAX_REASONS]
    total = len(subject.samples) + len(subject.skipped_files)
    return [_bad_files(skipped[kinds == kind], total) for kind in largest]


def _kind_of(reason: str) -> str:
    return re.sub(r"'[^']*'|\d+", "...", reason)


def _bad_files(skipped: pd.DataFrame, total: int) -> Finding:
    paths = sorted(skipped["path"])
    return Finding(
        check="bad_files",
        severity="warn",
        message=f"{len(paths)} of {total} files or rows were skipped, such as "
        f"{listing(paths, 3)}: {skipped['reason'].iloc[0]}",
        advice="Mend them at their origin. If they are of one class, what is left is biased.",
        values={"count": len(paths), "share": len(paths) / total},
        sample_ids=one_by_one(paths),
    )


def find_file_size_outliers(subject: Subject) -> list[Finding]:
    """Find files many times larger or smaller than the others."""
    sizes = subject.table["file_bytes"]
    odd = _odd(sizes, subject.config.size_factor)
    if not odd.any():
        return []
    found, median = sizes[odd], float(sizes.median())
    return [
        Finding(
            check="file_size_outliers",
            severity="info",
            message=f"{len(found)} files are more than {subject.config.size_factor:g} times "
            f"larger or smaller than the median of {median:,.0f} bytes: they have from "
            f"{found.min():,.0f} to {found.max():,.0f} bytes.",
            advice="Look at them: a small file may be blank or cut off, a large one of another "
            "origin.",
            values={"count": len(found), "median_bytes": median, "max_bytes": int(found.max())},
            sample_ids=one_by_one(subject.table["sample_id"][odd]),
        )
    ]


def find_image_size_outliers(subject: Subject) -> list[Finding]:
    """Find images whose area or proportions are far from those of the others."""
    height = subject.table["meta_height"].astype("float64")
    width = subject.table["meta_width"].astype("float64")
    factor = subject.config.size_factor
    odd = _odd(height * width, factor) | _odd(width / height, factor)
    if not odd.any():
        return []
    sizes = [f"{w:.0f}x{h:.0f}" for w, h in zip(width[odd], height[odd], strict=True)]
    return [
        Finding(
            check="image_size_outliers",
            severity="info",
            message=f"{int(odd.sum())} images differ more than {factor:g} times in area or "
            f"proportions from the median of {width.median():.0f}x{height.median():.0f} pixels: "
            f"{listing(sizes, 5)}.",
            advice="Look at them: scaled to the size of the others little may be left of them.",
            values={"count": int(odd.sum())},
            sample_ids=one_by_one(subject.table["sample_id"][odd]),
        )
    ]


def _odd(values: pd.Series, factor: float) -> pd.Series:
    """Tell which positive values are a factor off the median, where the most are near it."""
    with np.errstate(divide="ignore"):
        logs = np.log(values.to_numpy(np.float64))
    logs = np.where(np.isneginf(logs), np.log(0.5), logs)  # an empty file, in bytes
    if np.isnan(logs).all():
        return pd.Series(False, index=values.index)
    far = np.abs(logs - np.nanmedian(logs)) > np.log(factor)
    z = np.abs(robust_z(logs))
    return pd.Series(far & ((z > _ODD_Z) | (z == 0)), index=values.index)


def find_mixed_modes(subject: Subject) -> list[Finding]:
    """Find files of more than one colour mode."""
    modes = subject.table["file_mode"]
    counts = modes.value_counts()
    if len(counts) < 2:
        return []
    rest = modes.notna() & (modes != counts.index[0])
    share = float(rest.sum() / modes.notna().sum())
    listed = ", ".join(f"{mode} {count}" for mode, count in counts.items())
    return [
        Finding(
            check="mixed_modes",
            severity="warn" if share < _STRAY_SHARE else "info",
            message=f"The files are of {len(counts)} colour modes: {listed}.",
            advice="Bring them to one with ingest.source.channels=1 or 3, and see in the shortcut "
            "check whether the mode gives the class away.",
            values={str(mode): int(count) for mode, count in counts.items()},
            sample_ids=one_by_one(subject.table["sample_id"][rest]),
        )
    ]


def _has_sizes(subject: Subject) -> bool:
    return has_column("meta_height")(subject) and has_column("meta_width")(subject)


CHECKS = (
    Check("bad_files", "files and rows that could not be read, by reason", find_bad_files),
    Check(
        "file_size_outliers",
        "files many times larger or smaller than the others",
        find_file_size_outliers,
        has_column("file_bytes"),
    ),
    Check(
        "image_size_outliers",
        "images many times larger, smaller, wider or higher than the others",
        find_image_size_outliers,
        _has_sizes,
    ),
    Check(
        "mixed_modes",
        "files of several colour modes, such as grey among colour",
        find_mixed_modes,
        has_column("file_mode"),
    ),
)
