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
