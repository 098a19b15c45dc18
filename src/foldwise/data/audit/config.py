"""The parameters of an audit, and the names of all its checks."""

from collections.abc import Mapping
from typing import Any, Literal, get_args

from pydantic import Field, field_validator

from foldwise.config import Config, unknown_names_message
from foldwise.data.audit.duplicates import DuplicatesConfig
from foldwise.data.audit.shortcut_config import ShortcutsConfig

CheckName = Literal[
    # files
    "bad_files",
    "file_size_outliers",
    "image_size_outliers",
    "mixed_modes",
    # labels
    "missing_labels",
    "single_member_classes",
    "rare_classes",
    "similar_class_names",
    "class_imbalance",
    # targets
    "target_constant",
    "target_outliers",
    "target_heavy_tail",
    "target_few_values",
    # duplicates
    "exact_duplicates",
    "near_duplicates",
    "label_conflicts",
    # groups
    "group_nearly_id",
    "dominant_group",
    "class_in_few_groups",
    "group_across_official_split",
    "undeclared_group",
    # shortcuts
    "visible_shortcut",
    "collection_shortcut",
    "row_order",
    # time
    "overlapping_windows",
    "windows_across_official_split",
    "official_split_against_time",
    "repeated_times",
    "irregular_times",
    # values
    "constant_features",
    "duplicate_features",
    "missing_values",
    "missing_by_class",
    "outliers",
    "zeros_as_missing",
    "sentinel_values",
    "target_leak",
    "blank_images",
    "saturated_images",
    "constant_series",
    "missing_runs",
    "short_samples",
    "truncated_samples",
]
ChosenSeverity = Literal["error", "warn", "info", "off"]


class AuditConfig(Config):
    """What an audit looks for, how grave it is, and from where on."""

    duplicates: DuplicatesConfig = DuplicatesConfig()
    shortcuts: ShortcutsConfig = ShortcutsConfig()
    severity: dict[CheckName, ChosenSeverity] = Field(default_factory=dict)  # else each its own
    seed: int = Field(0, ge=0)  # of the samples that are drawn where all would take too long

    min_class_size: int = Field(5, ge=2)  # a class of fewer members, or groups, is rare
    imbalance_ratio: float = Field(10, gt=1)  # largest class / smallest class
    dominant_share: float = Field(0.5, gt=0, le=1)  # of all samples, in one group
    size_factor: float = Field(8, gt=1)  # a file or image so many times larger than the median
    outlier_z: float = Field(10, gt=0)  # robust standard deviations from the median
    missing_share: float = Field(0.2, gt=0, le=1)  # of a feature's values
    leak_score: float = Field(0.98, gt=0, le=1)  # balanced accuracy or R2 of one feature alone
    alike_share: float = Field(0.2, gt=0.01, le=1)  # pairs that look alike in an undeclared group
    gap_factor: float = Field(10, gt=1)  # a gap in time, in usual steps

    @field_validator("severity", mode="before")
    @classmethod
    def _known_checks(cls, value: Any) -> Any:  # noqa: ANN401  (pydantic passes raw input)
        if not isinstance(value, Mapping):
            return value
        allowed = list(get_args(CheckName))
        unknown = [str(name) for name in value if name not in allowed]
        if unknown:
            raise ValueError(unknown_names_message(unknown, allowed))
        # YAML reads a bare `off` as false.
        return {name: "off" if chosen is False else chosen for name, chosen in value.items()}
