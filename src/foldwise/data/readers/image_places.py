"""Where the images lie that a table names: below a folder, or in an archive."""

import functools
import os
import posixpath
from pathlib import Path
from typing import Protocol

from foldwise.data.bad_input import IngestError, listing, printable
from foldwise.data.images.store import Entry, FolderStore, Store
from foldwise.data.readers.folder_tree import (
    Tree,
    identifier,
    is_unicode,
    reason_to_refuse_link,
)


class ImagePlaces(Protocol):
    """Finds images by their paths as a table spells them."""

    @property
    def store(self) -> Store:
        """Return what reads the images."""
        ...

    def reason_to_refuse(self, path: str) -> str:
        """Return why there is no image for a path, or nothing where there is one."""
        ...

    def entry(self, path: str) -> Entry:
        """Return by what the store finds the image of a path that is not to be refused."""
        ...


class FolderPlaces:
    """Images below a folder; neither `..` nor a link leads out of it."""

    def __init__(self, root: Path) -> None:
        self._root = root.resolve()
        self.store: Store = FolderStore(str(self._root))
        self._real_folder = functools.cache(os.path.realpath)

    def reason_to_refuse(self, path: str) -> str:
        """Return why there is no image for a path, or nothing."""
        file = os.path.join(self._root, path)
        if _is_no_name(path):
            return f"the path '{printable(path)}' is no file name"
        if not Path(self._real_folder(os.path.dirname(file))).is_relative_to(self._root):
            return f"the path '{printable(path)}' leads out of the folder '{self._root}'"
        if os.path.islink(file):
            reason = reason_to_refuse_link(Path(file), self._root)
            return f"the path '{printable(path)}' is {reason}" if reason else ""
        if not os.path.isfile(file):
            problem = "is not a regular file" if os.path.lexists(file) else "does not exist"
            return f"the image '{printable(path)}' {problem} in '{self._root}'"
        return ""

    def entry(self, path: str) -> Entry:
        """Return the path from the folder to the file that was checked, links to folders resolved.

        To cancel `link/..` by its text would lead to another file than the system opens.
        """
        folder, name = os.path.split(os.path.join(self._root, path))
        return os.path.relpath(os.path.join(self._real_folder(folder), name), self._root)


class ArchivePlaces:
    """Images below a folder in an archive.

    Raises:
        IngestError: There is no such folder.
    """

    def __init__(self, tree: Tree, folder: str) -> None:
        self.store = tree.store
        self._top = "" if folder in ("", ".") else f"{_normal(folder)}/"
        self._where = f"'{printable(f'{tree.root.name}/{self._top}'.removesuffix('/'))}'"
        if self._top and self._top.removesuffix("/") not in tree.folders:
            raise IngestError(
                f"ingest.source.image_folder: '{tree.root}' has no folder '{printable(folder)}'. "
                f"Its folders are {listing(tree.folders)}."
            )
        self._entries = {file.sample_id: file.entry for file in tree.files}
        self._bad = {bad.path: bad.reason for bad in tree.bad_files}

    def reason_to_refuse(self, path: str) -> str:
        """Return why there is no image for a path, or nothing."""
        if _is_no_name(path):
            return f"the path '{printable(path)}' is no file name"
        place = self._place(path)
        if not place.startswith(self._top) or place.startswith(("/", "../")):
            return f"the path '{printable(path)}' leads out of the folder {self._where}"
        if printable(place) in self._bad:
            return f"the image '{printable(path)}': {self._bad[printable(place)]}"
        if place not in self._entries:
            return f"the image '{printable(path)}' does not exist in {self._where}"
        return ""

    def entry(self, path: str) -> Entry:
        """Return the entry of the member."""
        return self._entries[self._place(path)]

    def _place(self, path: str) -> str:
        return _normal(posixpath.join(self._top, path))


def _is_no_name(path: str) -> bool:
    return not is_unicode(path) or "\0" in path


def _normal(path: str) -> str:
    return identifier(posixpath.normpath(path))
