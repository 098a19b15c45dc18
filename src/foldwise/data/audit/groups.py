"""What is odd about the declared groups: of one member each, too large, too few for a class."""

from foldwise.data.audit.check import Check, Subject, examples, has_column, is_classification
from foldwise.data.audit.undeclared_groups import find_undeclared_groups
from foldwise.data.findings import Finding

_NEARLY_ALL = 0.95  # of the groups have one member
_MIN_GROUPS = 20  # fewer small groups are no sign of an id
_MAX_SETS = 1000


def find_nearly_id(subject: Subject) -> list[Finding]:
    """Find groups that are hardly ever shared by two samples."""
    sizes = subject.table["group"].value_counts()
    share = float((sizes == 1).mean())
    if share < _NEARLY_ALL or len(sizes) < _MIN_GROUPS:
        return []
    return [
        Finding(
            check="group_nearly_id",
            severity="warn",
            message=f"{share:.0%} of the {len(sizes)} groups have one member: the group is nearly "
            "an id of the sample.",
            advice="Name the column that is shared by what belongs together (patient, device, "
            "recording), or none.",
            values={"num_groups": len(sizes), "share_of_single": share},
        )
    ]


def find_dominant_group(subject: Subject) -> list[Finding]:
    """Find a group that holds most of the samples."""
    sizes = subject.table["group"].value_counts()
    share = float(sizes.iloc[0] / len(subject.table))
    if share <= subject.config.dominant_share:
        return []
    return [
        Finding(
            check="dominant_group",
            severity="warn",
            message=f"The group '{sizes.index[0]}' holds {share:.0%} of all samples.",
            advice="Whole groups go to one side, so the parts will be of very different size. If "
            "the name stands for 'unknown', leave the cell empty.",
            values={"group": str(sizes.index[0]), "share": share, "num_groups": len(sizes)},
        )
    ]


def find_class_in_few_groups(subject: Subject) -> list[Finding]:
    """Find classes that live in one group, or in fewer than there are folds."""
    table = subject.table.copy()
    table["unit"] = table["group"].where(table["group"].notna(), table["sample_id"])
    groups = table.groupby("label")["unit"].nunique()
    members = table.groupby("label").size()
    few = groups[(groups < subject.config.min_class_size) & (members > groups)].sort_values()
    if few.empty:
        return []
    listed = ", ".join(f"'{name}' in {count}" for name, count in few.items())
    alone = int((few == 1).sum())
    return [
        Finding(
            check="class_in_few_groups",
            severity="warn",
            message=f"Classes that live in fewer than {subject.config.min_class_size} groups: "
            f"{listed}." + (f" {alone} of them cannot be validated at all." if alone else ""),
            advice="What is learned there may be the group, not the class. Collect the class from "
            "more groups, merge or drop it, or use fewer folds.",
            values={str(name): int(count) for name, count in few.items()},
        )
    ]


def find_group_across_split(subject: Subject) -> list[Finding]:
    """Find groups that stand in more than one part of the official split."""
    rows = subject.table[["sample_id", "group", "official_split"]].dropna()
    parts = rows.groupby("group")["official_split"].transform("nunique")
    shared = rows[parts > 1].groupby("group")["sample_id"]
    if not shared.ngroups:
        return []
    sets = tuple(tuple(sorted(ids)) for _, ids in shared)
    return [
        Finding(
            check="group_across_official_split",
            severity="error",
            message=f"{len(sets)} of {rows['group'].nunique()} groups stand in more than one part "
            f"of the official split, with {int((parts > 1).sum())} samples{examples(sets)}.",
            advice="Scores on that test part are too good. Split anew by groups with "
            "split.test=fraction.",
            values={"count": len(sets), "num_samples": int((parts > 1).sum())},
            sample_ids=sets[:_MAX_SETS],
        )
    ]


_HAS_GROUP = has_column("group")


def _has_group_and_classes(subject: Subject) -> bool:
    return _HAS_GROUP(subject) and is_classification(subject)


def _has_group_and_split(subject: Subject) -> bool:
    return _HAS_GROUP(subject) and has_column("official_split")(subject)


CHECKS = (
    Check(
        "group_nearly_id",
        "groups that are hardly ever shared by two samples",
        find_nearly_id,
        _HAS_GROUP,
    ),
    Check("dominant_group", "one group that holds most samples", find_dominant_group, _HAS_GROUP),
    Check(
        "class_in_few_groups",
        "classes that live in one group, or in fewer than there are folds",
        find_class_in_few_groups,
        _has_group_and_classes,
    ),
    Check(
        "group_across_official_split",
        "groups that stand in several parts of the official split",
        find_group_across_split,
        _has_group_and_split,
    ),
    Check(
        "undeclared_group",
        "user's columns and patterns in file names whose samples look alike",
        find_undeclared_groups,
    ),
)
