"""What a clone needs before anything runs: the lock, the floors, silence, the Makefile."""

import re
import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[1]
LOCK = (ROOT / "requirements.lock").read_text(encoding="utf-8")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
DEPENDENCIES = {
    canonicalize_name(requirement.name): requirement
    for requirement in map(Requirement, PROJECT["dependencies"])
}
DEVELOPMENT = {
    canonicalize_name(Requirement(line).name) for line in PROJECT["optional-dependencies"]["dev"]
}
# Each requirement of the lock: its first line and the hashes below it.
LOCKED = re.findall(r"^([a-zA-Z0-9._-]+)==(\S+)([^\n]*\n(?: {4}--hash=\S+[^\n]*\n)*)", LOCK, re.M)

# The newest release with a known hole, or one that must never be had.
REFUSED = [
    ("pillow", "12.99"),
    ("pytorch-lightning", "2.6.2"),
    ("pytorch-lightning", "2.6.3"),
    ("pytorch-lightning", "2.6.5"),
    ("torch", "2.10.9"),
    ("kedro", "1.2.9"),
    ("kedro-datasets", "9.2.9"),
    ("jinja2", "3.1.5"),
]


def test_the_lock_names_no_index():
    assert "://" not in LOCK
    assert not re.search(
        r"^\s*(-i|-f|--(extra-)?index-url|--find-links|--trusted-host)\b", LOCK, re.M
    )


def test_every_requirement_of_the_lock_is_pinned_and_hashed():
    names = re.findall(r"^[a-zA-Z0-9][^=<>~! ;\n]*", LOCK, re.M)
    assert len(LOCKED) == len(names) > 200
    assert all("--hash=sha256:" in hashes for _, _, hashes in LOCKED)


def test_the_direct_dependencies_are_all_there_and_locked():
    assert set(DEPENDENCIES) >= {
        *("kedro", "kedro-datasets", "kedro-mlflow", "kedro-viz", "mlflow", "pytorch-lightning"),
        *("torch", "torchvision", "torchmetrics", "optuna", "dvc", "pandas", "pyarrow", "numpy"),
        *("pydantic", "scikit-learn", "safetensors", "matplotlib", "pillow", "rich"),
    }
    assert {
        *("pytest", "pytest-xdist", "hypothesis", "ruff", "mypy", "import-linter", "pre-commit")
    } <= DEVELOPMENT
    locked = {canonicalize_name(name) for name, _, _ in LOCKED}
    assert set(DEPENDENCIES) | DEVELOPMENT <= locked


@pytest.mark.parametrize(("name", "version"), REFUSED)
def test_releases_with_known_holes_are_refused(name, version):
    assert not DEPENDENCIES[name].specifier.contains(version)


def test_the_lock_obeys_the_floors():
    for name, version, _ in LOCKED:
        requirement = DEPENDENCIES.get(canonicalize_name(name))
        assert requirement is None or requirement.specifier.contains(version), name


def test_nothing_phones_home():
    assert yaml.safe_load((ROOT / ".telemetry").read_text()) == {"consent": False}
    config = (ROOT / ".dvc" / "config").read_text()
    assert re.search(r"^\s*analytics = false$", config, re.M)
    assert re.search(r"^\s*check_update = false$", config, re.M)


def test_the_index_of_dvc_stays_inside_the_project(tmp_path, monkeypatch):
    from dvc.repo import Repo

    shutil.copytree(
        ROOT / ".dvc", tmp_path / ".dvc", ignore=shutil.ignore_patterns("tmp", "cache")
    )
    (tmp_path / ".dvc" / "config.local").unlink(missing_ok=True)
    subprocess.run(["git", "init", "-q", tmp_path], check=True)
    monkeypatch.delenv("DVC_SITE_CACHE_DIR", raising=False)
    monkeypatch.chdir(tmp_path)
    with Repo() as repo:
        folder = Path(repo.site_cache_dir).resolve()
    assert folder.is_relative_to(tmp_path)
    ignored = folder.relative_to(tmp_path)
    assert subprocess.run(["git", "-C", ROOT, "check-ignore", "-q", ignored]).returncode == 0


def test_make_says_which_python_it_needs(tmp_path):
    shutil.copy(ROOT / "Makefile", tmp_path)
    made = subprocess.run(
        ["make", "PYTHON=no-such-python", "run"], cwd=tmp_path, capture_output=True, text=True
    )
    assert made.returncode != 0
    assert "needs Python 3.11 or newer; tried: no-such-python." in made.stderr
    assert "make PYTHON=/path/to/python run" in made.stderr
    assert not (tmp_path / ".venv").exists()


def test_make_help_names_every_public_target():
    shown = subprocess.run(
        ["make", "-C", ROOT, "help"], capture_output=True, text=True, check=True
    )
    targets = {line.split()[1] for line in shown.stdout.splitlines() if line.startswith("make ")}
    assert targets >= {
        "run",
        "test",
        "check",
        "ui",
        "viz",
        "lock",
        "bench",
        "dvc",
        "clean",
        "help",
    }
