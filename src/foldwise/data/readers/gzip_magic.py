"""Whether a file is gzipped: by what it begins with, not by its name."""

from pathlib import Path

_MAGIC = b"\x1f\x8b"


def is_gzipped(file: Path) -> bool:
    """Tell whether the first bytes are those of gzip (RFC 1952)."""
    with file.open("rb") as stream:
        return stream.read(len(_MAGIC)) == _MAGIC
