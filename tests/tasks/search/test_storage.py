"""Where studies are kept, and what is said where they cannot be."""

import sqlite3
import sys

import optuna
import pytest
from optuna.trial import TrialState
from postgres_server import PASSWORD, running_postgres
from study_cases import a_config, a_study, run_waiting

from foldwise.tasks.search.storage import (
    JOURNAL_FILE,
    SQLITE_FILE,
    hide_password,
    open_storage,
    presence_folder,
)
from foldwise.tasks.search.study import finished_trials
from foldwise.tasks.search.trial import SearchError


def test_a_journal_is_a_file_that_the_next_process_reads(tmp_path):
    study = a_study(tmp_path / "new", a_config(n_trials=3))
    run_waiting(study, a_config(n_trials=3))
    reread = a_study(tmp_path / "new", a_config(n_trials=3))
    assert (tmp_path / "new" / JOURNAL_FILE).is_file()
    assert [trial.values for trial in finished_trials(reread)] == [
        trial.values for trial in finished_trials(study)
    ]


def test_sqlite_is_a_file_of_its_own_where_readers_do_not_wait_for_writers(tmp_path):
    run_waiting(a_study(tmp_path, a_config(n_trials=2, storage="sqlite")), a_config())
    with sqlite3.connect(tmp_path / SQLITE_FILE) as connection:
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
        assert connection.execute("SELECT count(*) FROM trials").fetchone() == (2,)


def test_a_url_of_a_file_is_a_database_with_heartbeats(tmp_path):
    storage = open_storage(f"sqlite:///{tmp_path}/mine.db", tmp_path / "work")
    assert storage.get_heartbeat_interval()
    assert presence_folder(storage) is None
    assert (tmp_path / "mine.db").is_file()


def test_neither_optuna_nor_its_experiments_say_anything(tmp_path, capfd, recwarn):
    level = optuna.logging.get_verbosity()
    for storage in ("journal", "sqlite", f"sqlite:///{tmp_path}/mine.db"):
        a_study(tmp_path, a_config(n_trials=1, storage=storage))
    assert not recwarn.list
    assert "".join(capfd.readouterr()) == ""
    assert optuna.logging.get_verbosity() == level


@pytest.mark.parametrize(
    ("storage", "told"),
    [
        ("journals", "storage is 'journals'. Allowed: journal, sqlite, or the URL"),
        ("postgresq://anna@host/name", "begins with postgresq://, which is not known"),
        ("sqlite://", "in memory, which ends with its process"),
        ("sqlite:////nowhere/search.db", "storage sqlite:////nowhere/search.db cannot be reached"),
        ("http://anna:secret@host:port/name", "storage is no URL. Allowed: journal, sqlite"),
    ],
)
def test_what_is_no_storage_is_refused(tmp_path, storage, told):
    with pytest.raises(SearchError) as caught:
        open_storage(storage, tmp_path)
    assert told in str(caught.value)
    assert "secret" not in str(caught.value)


def test_a_server_that_is_not_there_is_told_without_the_password(tmp_path):
    url = f"postgresql://anna:secret@/name?host={tmp_path}&application_name=x"
    with pytest.raises(SearchError, match="cannot be reached") as caught:
        open_storage(url, tmp_path)
    told = str(caught.value)
    assert "anna:***@" in told
    assert "Start the database, or correct storage" in told
    assert "secret" not in told
    assert caught.value.__cause__ is None  # nor in what a traceback would show


def test_a_driver_that_is_not_installed_is_told_with_its_extra(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "psycopg", None)
    monkeypatch.delitem(sys.modules, "sqlalchemy.dialects.postgresql.psycopg", raising=False)
    with pytest.raises(SearchError, match=r"uv pip install 'foldwise\[postgresql\]'"):
        open_storage("postgresql://anna:secret@localhost/name", tmp_path)


@pytest.mark.parametrize("name", ["mlflow.db", "tracking.db"])
def test_the_database_of_mlflow_is_refused_and_left_as_it_is(tmp_path, name):
    path = tmp_path / name
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE experiments (id INTEGER)")
        connection.execute("CREATE TABLE runs (id INTEGER)")
    before = path.read_bytes()
    with pytest.raises(SearchError, match="the database of MLflow, and a search needs its own"):
        open_storage(f"sqlite:///{path}", tmp_path)
    assert path.read_bytes() == before


def test_mlflow_db_is_refused_before_it_is_there(tmp_path):
    with pytest.raises(SearchError, match="the database of MLflow"):
        open_storage(f"sqlite:///{tmp_path}/mlflow.db", tmp_path)
    assert not (tmp_path / "mlflow.db").exists()


def test_half_a_line_of_a_killed_process_is_cut_off(tmp_path):
    run_waiting(a_study(tmp_path, a_config(n_trials=2)), a_config(n_trials=2))
    journal = tmp_path / JOURNAL_FILE
    whole = journal.read_bytes()
    journal.write_bytes(whole + b'{"op_code":4,"worker_id":"x","study')
    study = a_study(tmp_path, a_config(n_trials=2))
    assert len(finished_trials(study)) == 2
    assert journal.read_bytes() == whole


def test_a_damaged_journal_is_told(tmp_path):
    a_study(tmp_path, a_config(n_trials=2))
    journal = tmp_path / JOURNAL_FILE
    first, *others = journal.read_bytes().splitlines(keepends=True)
    journal.write_bytes(b"".join([first[:20] + b"\n", *others]))
    with pytest.raises(SearchError, match=r"journal\.log, is damaged .* move it away"):
        open_storage("journal", tmp_path)


def test_passwords_are_hidden():
    assert hide_password("mysql+pymysql://anna:s3cret@host/name") == (
        "mysql+pymysql://anna:***@host/name"
    )
    assert hide_password("journal") == "journal"
    assert "s3cret" not in hide_password("postgres://anna:s3cret@host:port/name")


@pytest.mark.parametrize("password", ["a@s3cret", "a@b/s3cret", "a@b@s3cret"])
def test_a_password_with_an_at_is_refused_and_not_shown(tmp_path, password):
    url = f"postgresql+psycopg://anna:{password}@host/name"
    assert hide_password(url) == "postgresql+psycopg://***"
    with pytest.raises(SearchError, match="written %40") as caught:
        open_storage(url, tmp_path)
    assert "s3cret" not in str(caught.value)


@pytest.mark.slow
def test_a_password_of_postgresql_is_told_nowhere(tmp_path, capfd):
    with running_postgres() as url:
        study = a_study(tmp_path, a_config(n_trials=2, storage=url))
        run_waiting(study, a_config(n_trials=2))
        assert len(finished_trials(study)) == 2
        with pytest.raises(SearchError, match="password authentication failed") as caught:
            open_storage(url.replace("cret", "cr3t"), tmp_path)
    written = [path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()]
    texts = [str(caught.value), *capfd.readouterr(), *map(bytes.decode, written)]
    assert not [text for text in texts if PASSWORD in text or "cret" in text or "cr3t" in text]


def test_a_process_sees_what_others_have_done_since_it_looked(tmp_path):
    mine, theirs = (a_study(tmp_path, a_config(storage="sqlite")) for _ in range(2))
    assert {trial.state for trial in mine.trials} == {TrialState.WAITING}
    run_waiting(theirs, a_config(), most=2)
    theirs.ask().set_user_attr("note", 1)
    theirs.enqueue_trial({}, user_attrs={"plan": 6})
    assert mine.trials == theirs.trials
    assert [trial.state.name for trial in mine.trials] == (
        ["COMPLETE"] * 2 + ["RUNNING"] + ["WAITING"] * 4
    )
    assert mine.trials == a_study(tmp_path, a_config(n_trials=7, storage="sqlite")).trials
