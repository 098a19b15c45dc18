import os
import signal
from pathlib import Path

import pytest
from project_copy import ROOT, copy_project

# What is started in the background ignores SIGINT, and so would all that tests start.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

DATA = Path(os.environ.get("FOLDWISE_DATA", ROOT / ".." / "shared" / "data")).resolve()


@pytest.fixture
def project(tmp_path):
    """A copy of the project of its own."""
    return copy_project(tmp_path / "project")


@pytest.fixture(scope="session")
def real_data():
    """The folder of real data, where there is one."""
    if not DATA.is_dir():
        pytest.skip(f"no real data: {DATA} is not there (set FOLDWISE_DATA)")
    return DATA


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    """The folder and the address of an MLflow store, the default one while a module runs."""
    import mlflow

    from foldwise.tracking import prepare_store

    project = tmp_path_factory.mktemp("project")
    uri = f"sqlite:///{project / 'mlflow.db'}"
    prepare_store(uri, "first", project)
    before = mlflow.get_tracking_uri()
    mlflow.set_tracking_uri(uri)
    yield project, uri
    mlflow.set_tracking_uri(before)


@pytest.fixture
def client(store):
    """A client of the store."""
    from mlflow.tracking import MlflowClient

    return MlflowClient(store[1])
