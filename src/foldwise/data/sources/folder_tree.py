"""A tree of image files: what lies in it, whatever the order in which the disk lists it."""

import os
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from foldwise.data.sources.image_file import SUFFIXES
from foldwise.data.sources.source import BadFile, IngestError, printable

_NOT_CONTENT = "__MACOSX"  # what archives made on a Mac carry along
_NOT_REGULAR = "not a regular file"


@dataclass(frozen=True, order=True)
class ImageFile:
    """A file with the ending of an image; files sort by their id, by plain code points."""

    sample_id: str  # path relative to the root, POSIX, NFC-normalised
    path: Path = field(compare=False)

    @property
    def parts(self) -> tuple[str, ...]:
        """Return the names along the id."""
        return tuple(self.sample_id.split("/"))


@dataclass
class Tree:
    """The contents of a folder."""

    root: Path
    folders: list[str] = field(default_factory=list)  # ids of all folders, sorted
    files: list[ImageFile] = field(default_factory=list)  # sorted
    bad_files: list[BadFile] = field(default_factory=list)
    num_ignored: int = 0  # hidden files, and files without the ending of an image


def scan_tree(root: Path) -> Tree:
    """List the images below `root`; hidden files and folders are passed over.

    Raises:
        IngestError: A folder cannot be listed, or its name is not valid Unicode.
    """
    tree = Tree(root.resolve())
    pending = [tree.root]
    while pending:
        folder = pending.pop()
        pending.extend(_scan_folder(folder, tree))
    tree.folders.sort()
    _move_clashes(tree)
    return tree


def _scan_folder(folder: Path, tree: Tree) -> Iterator[Path]:
    """Sort the entries of one folder into the tree; yield its sub-folders."""
    try:
        with os.scandir(folder) as listed:
            entries = list(listed)
    except OSError as error:
        raise IngestError(f"{printable(str(folder))}: {error.strerror}.") from None
    for entry in entries:
        path = Path(entry.path)
        if entry.name.startswith(".") or entry.name == _NOT_CONTENT:
            tree.num_ignored += not entry.is_dir(follow_symlinks=False)
        elif entry.is_dir(follow_symlinks=False):
            tree.folders.append(_folder_id(path, tree.root))
            yield path
        elif (entry.is_symlink() and path.is_dir()) or path.suffix.lower() in SUFFIXES:
            _add_file(entry, tree)
        else:
            tree.num_ignored += 1


def _add_file(entry: os.DirEntry[str], tree: Tree) -> None:
    path = Path(entry.path)
    sample_id = _identifier(path, tree.root)
    if not _is_unicode(sample_id):
        reason = "its name is not valid Unicode"
    elif entry.is_symlink():
        reason = _reason_to_refuse_link(path, tree.root)
    else:
        reason = "" if entry.is_file() else _NOT_REGULAR
    if reason:
        tree.bad_files.append(BadFile(printable(sample_id), reason))
    else:
        tree.files.append(ImageFile(sample_id, path))


def _reason_to_refuse_link(path: Path, root: Path) -> str:
    try:
        target = path.resolve(strict=True)
    except (OSError, RuntimeError):  # RuntimeError: a loop, up to Python 3.12
        return "a link to nothing or to itself"
    if not target.is_relative_to(root):
        return f"a link that leads out of the folder, to {printable(str(target))}"
    if target.is_dir():
        return "a link to a folder; such links are not followed"
    return "" if target.is_file() else _NOT_REGULAR


def _move_clashes(tree: Tree) -> None:
    """Keep the first of the files whose names differ by Unicode normalisation only."""
    kept: dict[str, ImageFile] = {}
    for file in sorted(tree.files, key=lambda file: (file.sample_id, str(file.path))):
        if file.sample_id in kept:
            reason = "another file has the same name but for Unicode normalisation"
            tree.bad_files.append(BadFile(printable(file.sample_id), reason))
        else:
            kept[file.sample_id] = file
    tree.files = list(kept.values())


def _folder_id(path: Path, root: Path) -> str:
    identifier = _identifier(path, root)
    if not _is_unicode(identifier):
        raise IngestError(f"The name of the folder '{printable(str(path))}' is not valid Unicode.")
    return identifier


def _identifier(path: Path, root: Path) -> str:
    return unicodedata.normalize("NFC", path.relative_to(root).as_posix())


def _is_unicode(text: str) -> bool:
    return not any("\ud800" <= c <= "\udfff" for c in text)
