"""A folder that holds everything else, as archives often have one, is no class."""

import logging
from dataclasses import replace

from foldwise.data.bad_input import BadFile, printable
from foldwise.data.readers.folder_tree import Tree

logger = logging.getLogger(__name__)


def below_common_top(tree: Tree) -> Tree:
    """Return the tree seen from inside the one folder on top, as long as there is just one.

    It must hold folders itself, and no image may lie beside it or directly in it. Ids lose its
    name: a data set has the same ids unpacked as in its archive.
    """
    while (top := _common_top(tree)) is not None:
        logger.info("Looked through the folder '%s', which holds all others.", printable(top))
        tree = _below(tree, f"{top}/")
    return tree


def _common_top(tree: Tree) -> str | None:
    tops = {folder.partition("/")[0] for folder in tree.folders}
    tops |= {file.sample_id.partition("/")[0] for file in tree.files}
    if len(tops) != 1:
        return None
    (top,) = tops
    has_folders = any(folder.startswith(f"{top}/") for folder in tree.folders)
    has_loose = any(file.sample_id.count("/") < 2 for file in tree.files)
    return top if has_folders and not has_loose else None


def _below(tree: Tree, prefix: str) -> Tree:
    return replace(
        tree,
        folders=[name.removeprefix(prefix) for name in tree.folders if name.startswith(prefix)],
        files=[
            replace(file, sample_id=file.sample_id.removeprefix(prefix)) for file in tree.files
        ],
        bad_files=[BadFile(bad.path.removeprefix(prefix), bad.reason) for bad in tree.bad_files],
    )
