"""Which of the project's source files a piece of code runs, and a hash of what they say.

The hash is over the syntax trees, so comments, doc strings and layout do not count.
"""

import ast
import functools
import hashlib
from pathlib import Path

_PACKAGE_ROOT = Path(__file__).parent


def source_closure(module: str, without: tuple[str, ...] = ()) -> list[Path]:
    """Return the files of `module` and of all modules of this package that it imports, sorted.

    Imports inside functions count too; so do the packages on the way (`__init__.py`). Only the
    imports of the root package are not followed: they are a convenience for users, which no
    module of the project runs.

    Args:
        module: A dotted name, e.g. ``foldwise.tasks.train``.
        without: What modules that are not followed begin with, e.g. ``foldwise.models.gan``: those
            that are not run in the case at hand.
    """
    found: set[Path] = set()
    pending = [module]
    while pending:
        for path in _files_of(pending.pop()):
            if path not in found:
                found.add(path)
                if path != _PACKAGE_ROOT / "__init__.py":
                    names = _imported_names(path.read_text(encoding="utf-8"))
                    pending += [name for name in names if not name.startswith(without)]
    return sorted(found)


def code_hash(module: str, without: tuple[str, ...] = ()) -> str:
    """Return the SHA-256 of the syntax trees of `source_closure`, doc strings left out."""
    digest = hashlib.sha256()
    for path in source_closure(module, without):
        tree = _without_docstrings(ast.parse(path.read_text(encoding="utf-8")))
        digest.update(path.relative_to(_PACKAGE_ROOT).as_posix().encode())
        digest.update(ast.dump(tree).encode())
    return digest.hexdigest()


def _files_of(name: str) -> list[Path]:
    """Return the files that importing `name` runs; a name inside a module gives that module."""
    package, *parts = name.split(".")
    if package != _PACKAGE_ROOT.name:
        return []
    files, folder = [_PACKAGE_ROOT / "__init__.py"], _PACKAGE_ROOT
    for part in parts:
        if (folder / f"{part}.py").exists():
            files.append(folder / f"{part}.py")
            break
        folder = folder / part
        if not (folder / "__init__.py").exists():
            break
        files.append(folder / "__init__.py")
    return files


@functools.cache  # by what it says: most files are in the closure of most stages
def _imported_names(source: str) -> tuple[str, ...]:
    names: list[str] = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            names += [f"{node.module}.{alias.name}" for alias in node.names]
    return tuple(names)


def _without_docstrings(tree: ast.Module) -> ast.Module:
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            first = node.body[0] if node.body else None
            if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant):
                node.body = node.body[1:]
    return tree
