"""A PostgreSQL server of the distribution's package, for the time of a test."""

import contextlib
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest

PASSWORD = "se%cret@word"
_USER = "anna"


@contextlib.contextmanager
def running_postgres() -> Iterator[str]:
    """Start a server on a socket in a new folder; yield the URL of its database.

    It is skipped, with the reason, where the programs are not there.
    """
    programs = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    found = programs[-1] if programs else shutil.which("initdb")
    if found is None:
        pytest.skip("PostgreSQL is not installed (apt-get install postgresql)")
    programs_folder = Path(found).resolve().parent
    # Not below tmp_path: the server runs as another user, who may not enter it.
    with tempfile.TemporaryDirectory(prefix="foldwise_pg_", dir="/tmp") as text:
        folder = Path(text)
        as_user = _other_user(folder)
        _start(programs_folder, folder, as_user)
        try:
            yield f"postgresql://{_USER}:{quote(PASSWORD)}@/postgres?host={folder}"
        finally:
            _stop(programs_folder, folder, as_user)


def _other_user(folder: Path) -> list[str]:
    """Return how to run as who the server may be run by: not as root."""
    if os.geteuid() != 0:
        return []
    names = {entry.pw_name for entry in pwd.getpwall()}
    name = "postgres" if "postgres" in names else "nobody"
    if shutil.which("setpriv") is None:
        pytest.skip("PostgreSQL refuses root, and setpriv is not there to be another user")
    shutil.chown(folder, name)
    user = pwd.getpwnam(name)
    return ["setpriv", f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups", "--"]


def _start(programs: Path, folder: Path, as_user: list[str]) -> None:
    password_file = folder / "password"
    password_file.write_text(PASSWORD)
    password_file.chmod(0o644)
    data = folder / "data"
    initdb = ["--username", _USER, "--pwfile", password_file, "--auth=scram-sha-256"]
    _run([*as_user, programs / "initdb", "--pgdata", data, *initdb, "--no-sync"], folder)
    options = f"-c listen_addresses='' -c fsync=off -k {folder}"
    start = ["start", "-w", "--pgdata", data, "-o", options, "-l", folder / "log"]
    _run([*as_user, programs / "pg_ctl", *start], folder)


def kill(url: str) -> None:
    """End the server as if its machine had lost its power."""
    folder = Path(url.partition("?host=")[2])
    process = folder / "data" / "postmaster.pid"
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):  # it has ended
        os.kill(int(process.read_text().splitlines()[0]), signal.SIGQUIT)
    while process.exists():
        time.sleep(0.05)


def _stop(programs: Path, folder: Path, as_user: list[str]) -> None:
    if (folder / "data" / "postmaster.pid").exists():
        stop = [programs / "pg_ctl", "stop", "--pgdata", folder / "data", "-m", "immediate"]
        _run([*as_user, *stop], folder)


def _run(command: list[str | Path], folder: Path) -> None:
    # Not with a pipe: the server would inherit it, and its end never come.
    with (folder / "output").open("w") as output:
        done = subprocess.run(
            command, cwd=folder, stdout=output, stderr=subprocess.STDOUT, timeout=120, check=False
        )
    assert done.returncode == 0, (folder / "output").read_text()
