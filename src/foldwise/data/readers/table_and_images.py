"""Where a table and the images that it names lie: in folders, or both in one archive."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path, PurePosixPath

from pydantic import Field

from foldwise.data.bad_input import IngestError, printable
from foldwise.data.readers.archive import ArchiveLimits, scan_archive
from foldwise.data.readers.archive_table import copy_table
from foldwise.data.readers.delimited_format import DelimitedFormat
from foldwise.data.readers.image_places import ArchivePlaces, FolderPlaces, ImagePlaces

_ARCHIVE_SUFFIXES = (".tar", ".tar.gz", ".tgz", ".zip")


class TableAndImages(DelimitedFormat):
    """Which table names which images.

    Both may lie in a `.tar`, `.tar.gz` or `.zip` file, which is read in place, or in a folder:
    `table` says where in it the table is. Then the same parameters do for a data set in its
    archive and unpacked.
    """

    path: Path  # of the table, or of what `table` lies in; `~` is the home folder
    table: str | None = None  # the path of the table in the archive or folder that `path` names
    root: Path | None = None  # folder or archive of the images; none: that of the table
    image_folder: str | None = None  # in `root`; none: the top, or beside the table if in there
    max_members: int = Field(2_000_000, ge=1)  # of an archive

    def inputs(self) -> Sequence[Path]:
        """Return the table, and the folder or archive of the images."""
        return tuple(dict.fromkeys([self.path.expanduser(), self._root()]))

    def image_places(self, scratch: Path) -> ImagePlaces:
        """Return what finds the images.

        Args:
            scratch: A gzipped archive is unpacked into `archive.tar` there, which is to be removed
                when all images are read.

        Raises:
            IngestError: There is no such folder or archive, or it is damaged.
        """
        root, folder = self._root(), self._image_folder()
        if root.is_file():
            return self._places_in_archive(root, folder, scratch)
        if not root.is_dir():
            raise IngestError(f"ingest.source.root: '{root}' is not a folder and no archive.")
        if not (root / folder).is_dir():
            raise IngestError(
                f"ingest.source.image_folder: '{printable(folder)}' is not a folder in '{root}'."
            )
        return FolderPlaces(root / folder)

    @contextmanager
    def table_file(self, scratch: Path) -> Iterator[Path]:
        """Give the table as a file; one from an archive is there only as long as this lasts.

        Raises:
            IngestError: There is no such table; or what is raised meanwhile, with the name of the
                archive instead of that of the copy.
        """
        path = self.path.expanduser()
        if self.table is None or path.is_dir():
            _refuse_archive(path)
            yield path if self.table is None else path / self.table
            return
        copy = copy_table(path, self.table, scratch, self.max_unpacked_bytes)
        try:
            yield copy
        except IngestError as error:
            raise IngestError(str(error).replace(str(copy), f"{path}/{self.table}")) from error
        finally:
            copy.unlink()

    def _root(self) -> Path:
        if self.root is not None:
            return self.root.expanduser()
        return (self.path.parent if self.table is None else self.path).expanduser()

    def _image_folder(self) -> str:
        if self.image_folder is not None:
            return self.image_folder
        is_beside_table = self.table is not None and self.root is None
        return str(PurePosixPath(self.table or "").parent) if is_beside_table else ""

    def _places_in_archive(self, root: Path, folder: str, scratch: Path) -> ImagePlaces:
        limits = ArchiveLimits(self.max_members, self.max_unpacked_bytes)
        try:
            return ArchivePlaces(scan_archive(root, scratch, limits), folder)
        except IngestError as error:
            if self.root is None:
                raise
            named = str(error).replace("ingest.source.path:", "ingest.source.root:")
            raise IngestError(named) from error


def _refuse_archive(path: Path) -> None:
    if path.is_file() and path.name.lower().endswith(_ARCHIVE_SUFFIXES):
        raise IngestError(
            f"ingest.source.path: '{path}' is an archive, not a table. ingest.source.table says "
            "where in it the table is, e.g. data/labels.csv; a table beside it goes into "
            "ingest.source.path, and the archive into ingest.source.root."
        )
