"""The notebooks run as they stand and hold no outputs."""

import json
import subprocess
import sys

import pytest
from project_copy import ROOT, clean_environment

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


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_it_runs(path, project):
    import nbformat
    from nbclient import NotebookClient

    notebook = nbformat.read(project / "notebooks" / path.name, as_version=4)
    folder = {"metadata": {"path": str(project / "notebooks")}}
    client = NotebookClient(notebook, timeout=300, resources=folder)
    client.execute(env=clean_environment(KEDRO_ENV="test"))  # raises what a cell raises
    assert list((project / "data").rglob("cnn/metrics.json"))
    assert (project / "mlflow.db").exists()
