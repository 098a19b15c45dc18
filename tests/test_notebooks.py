"""The notebooks run as they stand and hold no outputs."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))


def test_there_is_a_quickstart():
    assert "01_quickstart.ipynb" in [path.name for path in NOTEBOOKS]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_outputs_are_stripped(path):
    for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]:
        if cell["cell_type"] == "code":
            assert cell["outputs"] == []
            assert cell["execution_count"] is None
    command = [sys.executable, "-m", "nbstripout", "--verify", path]
    assert subprocess.run(command, check=False).returncode == 0


@pytest.fixture
def clone(tmp_path):
    """A copy of the project, so that nothing is written into this one."""
    for name in ("conf", "src", "notebooks"):
        shutil.copytree(
            ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("local", "*.pyc")
        )
    for name in ("pyproject.toml", ".telemetry"):
        shutil.copy(ROOT / name, tmp_path)
    (tmp_path / "conf" / "local").mkdir()
    return tmp_path


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_it_runs(path, clone):
    import nbformat
    from nbclient import NotebookClient

    notebook = nbformat.read(clone / "notebooks" / path.name, as_version=4)
    environment = {name: value for name, value in os.environ.items() if "MLFLOW" not in name}
    folder = {"metadata": {"path": str(clone / "notebooks")}}
    client = NotebookClient(notebook, timeout=300, resources=folder)
    client.execute(env=environment | {"KEDRO_ENV": "test"})  # raises what a cell raises
    assert list((clone / "data").rglob("cnn/metrics.json"))
    assert (clone / "mlflow.db").exists()
