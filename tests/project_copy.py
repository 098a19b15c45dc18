"""A copy of the project to run in, and how to run it."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def copy_project(to: Path) -> Path:
    """Copy what a run needs, so that nothing is written into the repository."""
    for name in ("conf", "src", "notebooks"):
        ignore = shutil.ignore_patterns("__pycache__", "*.egg-info")
        shutil.copytree(ROOT / name, to / name, ignore=ignore)
    for name in ("pyproject.toml", ".telemetry"):
        shutil.copy(ROOT / name, to)
    return to


def kedro(project: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess:
    """Run the kedro command in a project and wait for it."""
    return subprocess.run(
        [Path(sys.executable).parent / "kedro", *arguments],
        cwd=project,
        env=clean_environment(**environment),
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
    )


def clean_environment(**more: str) -> dict[str, str]:
    """The environment without what would point a run elsewhere."""
    kept = {name: value for name, value in os.environ.items() if "MLFLOW" not in name}
    return kept | more


def tree(root: Path) -> dict[str, bytes]:
    """All files below a folder with their bytes."""
    return {p.relative_to(root).as_posix(): p.read_bytes() for p in root.rglob("*") if p.is_file()}
