"""A tree of image files: what lies in it, whatever the order in which the disk lists it."""

import os
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from foldwise.data.bad_input import BadFile, IngestError, printable
from foldwise.data.images.decode import SUFFIXES
from foldwise.data.images.store import Entry, FolderStore, Store

_NOT_CONTENT = "__MACOSX"  # what archives made on a Mac carry along
_NOT_REGULAR = "not a regular file"


@dataclass(frozen=True, order=True, slots=True)
class ImageFile:
    """A file with the ending of an image; files sort by their id, by plain code points."""

    sample_id: str  # path relative to the root, POSIX, NFC-normalised
    entry: Entry = field(compare=False)  # by which the store finds it

    @property
    def parts(self) -> list[str]:
        """Return the names along the id."""
        return self.sample_id.split("/")


@dataclass
class Tree:
    """The contents of a folder or an archive."""

    root: Path
    store: Store  # reads the files
    folders: list[str] = field(default_factory=list)  # ids of all folders, sorted
    files: list[ImageFile] = field(default_factory=list)  # sorted
    bad_files: list[BadFile] = field(default_factory=list)
    num_ignored: int = 0  # hidden files, and files without the ending of an image

    def add_bad_file(self, sample_id: str, reason: str) -> None:
        """Note a file that cannot be read."""
        self.bad_files.append(BadFile(printable(sample_id), reason))

    def sort(self) -> None:
        """Sort all; of files whose names differ by Unicode normalisation only keep the first."""
        self.folders = sorted(set(self.folders))
        kept: dict[str, ImageFile] = {}
        for file in sorted(self.files, key=lambda file: (file.sample_id, str(file.entry))):
            if file.sample_id in kept:
                reason = "another file has the same name, perhaps but for Unicode normalisation"
                self.add_bad_file(file.sample_id, reason)
            else:
                kept[file.sample_id] = file
        self.files = list(kept.values())


def scan_tree(root: Path) -> Tree:
    """List the images below `root`; hidden files and folders are passed over.

    Raises:
        IngestError: A folder cannot be listed, or its name is not valid Unicode.
    """
    resolved = root.resolve()
    tree = Tree(resolved, FolderStore(str(resolved)))
    pending = [""]
    while pending:
        pending.extend(_scan_folder(pending.pop(), tree))
    tree.sort()
    return tree


def is_passed_over(name: str) -> bool:
    """Tell whether a file or folder of this name is no content: hidden, or left by a Mac."""
    return name.startswith(".") or name == _NOT_CONTENT


def is_image_name(name: str) -> bool:
    """Tell whether a file name has the ending of an image."""
    return os.path.splitext(name)[1].lower() in SUFFIXES


def identifier(path: str) -> str:
    """Return the id of a relative path."""
    return path if path.isascii() else unicodedata.normalize("NFC", path)


def is_unicode(text: str) -> bool:
    """Tell whether a name could be decoded."""
    return text.isascii() or not any("\ud800" <= c <= "\udfff" for c in text)


def reason_to_refuse_link(path: Path, root: Path) -> str:
    """Return why a link is not followed, or nothing where it leads to a file below the root."""
    try:
        target = path.resolve(strict=True)
    except (OSError, RuntimeError):  # RuntimeError: a loop, up to Python 3.12
        return "a link to nothing or to itself"
    if not target.is_relative_to(root):
        return f"a link that leads out of the folder, to {printable(str(target))}"
    if target.is_dir():
        return "a link to a folder; such links are not followed"
    return "" if target.is_file() else _NOT_REGULAR


def _scan_folder(folder: str, tree: Tree) -> Iterator[str]:
    """Sort the entries of one folder into the tree; yield its sub-folders."""
    try:
        with os.scandir(tree.root / folder) as listed:
            entries = list(listed)
    except OSError as error:
        path = printable(str(tree.root / folder))
        raise IngestError(
            f"ingest.source.path: '{path}' cannot be read ({error.strerror})."
        ) from None
    for entry in entries:
        path = f"{folder}/{entry.name}" if folder else entry.name
        if is_passed_over(entry.name):
            tree.num_ignored += not entry.is_dir(follow_symlinks=False)
        elif entry.is_dir(follow_symlinks=False):
            tree.folders.append(_folder_id(path, tree.root))
            yield path
        elif is_image_name(entry.name) or (entry.is_symlink() and os.path.isdir(entry.path)):
            _add_file(entry, path, tree)
        else:
            tree.num_ignored += 1


def _add_file(entry: os.DirEntry[str], path: str, tree: Tree) -> None:
    sample_id = identifier(path)
    if not is_unicode(sample_id):
        reason = "its name is not valid Unicode"
    elif entry.is_symlink():
        reason = reason_to_refuse_link(Path(entry.path), tree.root)
    else:
        reason = "" if entry.is_file() else _NOT_REGULAR
    if reason:
        tree.add_bad_file(sample_id, reason)
    else:
        tree.files.append(ImageFile(sample_id, path))


def _folder_id(path: str, root: Path) -> str:
    if not is_unicode(path):
        raise IngestError(
            f"The name of the folder '{printable(str(root / path))}' is not Unicode."
        )
    return identifier(path)
