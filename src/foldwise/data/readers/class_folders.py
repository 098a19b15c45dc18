"""Which folders of a tree are the classes: those at its top, or those inside an official split."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass

from foldwise.data.bad_input import IngestError, listing, printable
from foldwise.data.images.decode import SUFFIXES
from foldwise.data.readers.folder_tree import ImageFile, Tree

logger = logging.getLogger(__name__)

EXPECTED = "Expected is a folder with one sub-folder of images per class."

_SPLITS = {"train": "train", "val": "val", "valid": "val", "validation": "val", "test": "test"}


@dataclass(frozen=True)
class ClassFolders:
    """The classes of a tree and the files in them, sorted by class, then by id."""

    depth: int  # at which the class folders stand: 0, or 1 below an official split
    classes: tuple[str, ...]
    files: tuple[ImageFile, ...]

    def label(self, file: ImageFile) -> str:
        """Return the class of a file."""
        return file.parts[self.depth]

    def official_split(self, file: ImageFile) -> str | None:
        """Return train, val or test, or None where the tree has no official split."""
        return _SPLITS[file.parts[0]] if self.depth else None


def find_class_folders(tree: Tree) -> ClassFolders:
    """Return the classes of a tree.

    Raises:
        IngestError: There are no folders, a class folder is empty, or images lie where only class
            folders should.
    """
    top = _names_at(tree, 0)
    depth = 1 if _is_official_split(top) else 0
    _refuse_flat_tree(tree, top)
    _refuse_flat_split(tree, top, depth)
    classes = _names_at(tree, depth)
    inside = (file for file in tree.files if len(file.parts) > depth + 1)
    files = sorted(inside, key=lambda file: (file.parts[depth], file.sample_id))
    found = ClassFolders(depth, tuple(classes), tuple(files))
    _refuse_empty_classes(tree, found)
    _log_surprises(tree, found)
    return found


def _names_at(tree: Tree, depth: int) -> list[str]:
    """Return the sorted names of the folders at a depth."""
    parts = (folder.split("/") for folder in tree.folders)
    return sorted({names[depth] for names in parts if len(names) == depth + 1})


def _is_official_split(top: Sequence[str]) -> bool:
    return "train" in top and len(top) > 1 and all(name in _SPLITS for name in top)


def _refuse_flat_tree(tree: Tree, top: list[str]) -> None:
    if not top and not tree.bad_files:
        raise IngestError(
            f"{_where(tree)} has no sub-folders; directly in it are {len(tree.files)} images and "
            f"{tree.num_ignored} other files. {EXPECTED}"
        )


def _refuse_flat_split(tree: Tree, top: list[str], depth: int) -> None:
    if depth and any(len(file.parts) == 2 for file in tree.files):
        raise IngestError(
            f"{_where(tree)} has the sub-folders {listing(top)}, which look like an official "
            "split, but images lie directly in them. Expected are class folders inside each."
        )


def _refuse_empty_classes(tree: Tree, found: ClassFolders) -> None:
    bad = (file.path.split("/") for file in tree.bad_files)
    occupied = {names[found.depth] for names in bad if len(names) > found.depth}
    occupied |= {found.label(file) for file in found.files}
    empty = sorted(set(found.classes) - occupied)
    if empty:
        raise IngestError(
            f"{_where(tree)}: the class folders {listing(empty)} hold no images. Expected is at "
            f"least one file ending in {' '.join(sorted(SUFFIXES))} in each; remove the folders "
            "that are no classes."
        )


def _log_surprises(tree: Tree, found: ClassFolders) -> None:
    if tree.num_ignored:
        logger.info("Passed over %d hidden files or files of other kinds.", tree.num_ignored)
    if len(found.files) < len(tree.files):
        num_loose = len(tree.files) - len(found.files)
        logger.warning("Passed over %d images that lie outside the class folders.", num_loose)
    if found.files and all(len(file.parts) > found.depth + 2 for file in found.files):
        logger.warning(
            "No image lies directly in its class folder, all lie deeper. The classes are %s: "
            "does ingest.source.path stand one level too high?",
            listing(list(found.classes)),
        )


def _where(tree: Tree) -> str:
    return f"ingest.source.path: '{printable(str(tree.root))}'"
