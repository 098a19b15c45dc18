"""Where studies are kept: a journal, a database of SQLite, or one that machines share."""

import contextlib
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

import optuna
import sqlalchemy
from optuna.storages import BaseStorage, JournalStorage, RDBStorage

from foldwise.atomic import one_at_a_time
from foldwise.tasks.search.hidden_password import has_loose_at, hide_password
from foldwise.tasks.search.journal_file import JournalFile
from foldwise.tasks.search.journal_lock import JournalLock
from foldwise.tasks.search.queue_storage import QueueStorage
from foldwise.tasks.search.quiet import experiments_expected, quiet_optuna
from foldwise.tasks.search.sqlite_storage import SqliteStorage
from foldwise.tasks.search.trial import SearchError

if TYPE_CHECKING:
    from optuna.trial import FrozenTrial

JOURNAL_FILE, SQLITE_FILE = "journal.log", "search.db"
HEARTBEAT_SECONDS = 15
# A process that has said nothing for so many heartbeats is dead.
_MISSED = 4
_BUSY_SECONDS = 60
_CONNECT_SECONDS = 10
_ATTEMPTS = 5  # to make the tables, which another machine may do just then
_ALLOWED = (
    "Allowed: journal, sqlite, or the URL of a database, e.g. postgresql+psycopg://user@host/name."
)
_DRIVERS = {  # by the name in a URL: what makes it work
    "psycopg": "uv pip install 'foldwise[postgresql]'",
    "pymysql": "uv pip install pymysql",
    "mysqldb": "uv pip install mysqlclient",
}
# Folders of storages whose processes tell one another apart by locks there, not by heartbeats.
_folders: WeakKeyDictionary[BaseStorage, Path] = WeakKeyDictionary()

StaleTrialCallback = Callable[["optuna.Study", "FrozenTrial"], None]


def open_storage(
    storage: str,
    folder: Path,
    *,
    on_stale: StaleTrialCallback | None = None,
    heartbeat_seconds: int = HEARTBEAT_SECONDS,
) -> BaseStorage:
    """Open a storage, and make it where it is not there yet.

    Args:
        storage: `journal` or `sqlite`, files in `folder`, or the URL of a database.
        folder: The workspace of the search on this machine.
        on_stale: Called with each trial whose process is found to be dead by its heartbeat.
        heartbeat_seconds: How often the processes that share a URL say that they live.

    Raises:
        SearchError: It cannot be reached; the message says what to do, and has no password.
    """
    folder.mkdir(parents=True, exist_ok=True)
    if storage == "journal":
        return _open_journal(folder)
    if storage == "sqlite":
        return _open_sqlite(folder)
    return _open_url(storage, folder, on_stale, heartbeat_seconds)


@contextlib.contextmanager
def losing_it_told(storage: str) -> Iterator[None]:
    """Turn the error of a database that went away into one that says what to do.

    Raises:
        SearchError: The storage could be reached before, and cannot any more.
    """
    try:
        yield
    except (sqlalchemy.exc.SQLAlchemyError, optuna.exceptions.StorageInternalError) as error:
        reason = _reason(error, sqlalchemy.make_url(storage)) if "://" in storage else f"{error}"
        raise SearchError(
            f"The storage {hide_password(storage)} cannot be reached any more: {reason} Trials "
            "that have ended are kept there, the others are tried again. Start the database, "
            "then the search."
        ) from None


def presence_folder(storage: BaseStorage) -> Path | None:
    """Return the folder in which processes show that they live; None: by their heartbeats."""
    return _folders.get(storage)


def _open_journal(folder: Path) -> BaseStorage:
    path = folder / JOURNAL_FILE
    try:
        lock = JournalLock(path)
        lock.acquire()  # mends what a killed process has left
        lock.release()
        storage = JournalStorage(JournalFile(str(path), lock_obj=lock))
    except OSError as error:
        raise SearchError(
            f"The journal of the search, {path}, cannot be opened: {error.strerror}. Give the "
            "project a folder that it can write to, or set storage to the URL of a database."
        ) from error
    except (ValueError, KeyError) as error:  # json.JSONDecodeError is a ValueError
        raise SearchError(
            f"The journal of the search, {path}, is damaged ({error}). Put an earlier copy in its "
            "place, or move it away: the search then begins anew."
        ) from error
    _folders[storage] = folder
    return storage


def _open_sqlite(folder: Path) -> BaseStorage:
    url = sqlalchemy.URL.create("sqlite", database=str((folder / SQLITE_FILE).resolve()))
    with one_at_a_time(folder):
        storage = QueueStorage(_open_database(url, {}))
    _folders[storage] = folder
    return storage


def _open_url(
    storage: str, folder: Path, on_stale: StaleTrialCallback | None, heartbeat_seconds: int
) -> BaseStorage:
    url = _parsed(storage)
    with one_at_a_time(folder):
        return QueueStorage(
            _open_database(
                url,
                {
                    "heartbeat_interval": heartbeat_seconds,
                    "grace_period": _MISSED * heartbeat_seconds,
                    "heartbeat_stale_trial_callback": on_stale,
                },
            )
        )


def _parsed(storage: str) -> sqlalchemy.URL:
    try:
        url = sqlalchemy.make_url(storage)
    except (sqlalchemy.exc.ArgumentError, ValueError):
        shown = f" is {storage!r}" if "@" not in storage and "/" not in storage else ""
        raise SearchError(f"storage{shown or ' is no URL'}. {_ALLOWED}") from None
    if has_loose_at(url):
        raise SearchError(
            "storage has an @ behind the password, which ends at the first one. An @ within a "
            f"password is written %40. {_ALLOWED}"
        )
    if url.drivername == "postgresql":  # else it is the driver of another package
        url = url.set(drivername="postgresql+psycopg")
    if url.get_backend_name() == "sqlite" and url.database in (None, "", ":memory:"):
        raise SearchError(
            "storage is a database of SQLite in memory, which ends with its process. " + _ALLOWED
        )
    return url


def _open_database(url: sqlalchemy.URL, heartbeat: dict[str, Any]) -> RDBStorage:
    shown = hide_password(url.render_as_string(hide_password=False))
    try:
        _refuse_tracking_store(url, shown)
        return _with_tables(url, heartbeat)
    except (ImportError, sqlalchemy.exc.NoSuchModuleError) as error:
        raise SearchError(_missing_driver(url, error)) from None
    except (
        sqlalchemy.exc.SQLAlchemyError,
        optuna.exceptions.StorageInternalError,
        OSError,
    ) as error:
        raise SearchError(
            f"The storage {shown} cannot be reached: {_reason(error, url)} Start the database, or "
            "correct storage: host, port, user, name of the database, password."
        ) from None
    except RuntimeError as error:  # tables of another version of Optuna
        raise SearchError(f"The storage {shown} cannot be used: {_reason(error, url)}") from None


def _with_tables(url: sqlalchemy.URL, heartbeat: dict[str, Any]) -> RDBStorage:
    kind = SqliteStorage if url.get_backend_name() == "sqlite" else RDBStorage
    for attempt in range(_ATTEMPTS):
        try:
            with experiments_expected(), quiet_optuna():
                storage = kind(
                    url.render_as_string(hide_password=False),
                    engine_kwargs=_engine_arguments(url),
                    **heartbeat,
                )
        except (sqlalchemy.exc.IntegrityError, sqlalchemy.exc.ProgrammingError):
            if attempt == _ATTEMPTS - 1:
                raise
            time.sleep(0.2 * (attempt + 1))
        else:
            return storage
    raise AssertionError("unreachable")


def _engine_arguments(url: sqlalchemy.URL) -> dict[str, Any]:
    arguments: dict[str, Any] = {"pool_pre_ping": True}
    if url.get_backend_name() == "sqlite":
        arguments["connect_args"] = {"timeout": _BUSY_SECONDS}
    elif url.get_driver_name() in ("psycopg", "psycopg2", "pymysql", "mysqldb"):
        arguments["connect_args"] = {"connect_timeout": _CONNECT_SECONDS}
    return arguments


def _refuse_tracking_store(url: sqlalchemy.URL, shown: str) -> None:
    """Refuse MLflow's own database: both keep the version of their tables under one name."""
    is_file = url.get_backend_name() == "sqlite" and url.database is not None
    if is_file and not Path(str(url.database)).exists():
        tables = set[str]()
        if Path(str(url.database)).name == "mlflow.db":
            tables = {"experiments", "runs"}
    else:
        engine = sqlalchemy.create_engine(url, **_engine_arguments(url))
        try:
            tables = set(sqlalchemy.inspect(engine).get_table_names())
        finally:
            engine.dispose()
    if {"experiments", "runs"} <= tables:
        raise SearchError(
            f"storage is {shown}, the database of MLflow, and a search needs its own. {_ALLOWED}"
        )


def _missing_driver(url: sqlalchemy.URL, error: Exception) -> str:
    backend, _, driver = url.drivername.partition("+")
    known = _DRIVERS.get(driver or url.drivername)
    if known:
        return f"storage is of {backend}, whose driver {driver} is not installed: {known}."
    if isinstance(error, sqlalchemy.exc.NoSuchModuleError):
        return f"storage begins with {url.drivername}://, which is not known. {_ALLOWED}"
    return f"storage begins with {url.drivername}://, whose driver is not installed: {error}."


def _reason(error: BaseException, url: sqlalchemy.URL) -> str:
    """Return the first line of what the database has said, without a password."""
    origin = getattr(error, "orig", None) or error.__cause__ or error
    origin = getattr(origin, "orig", None) or origin
    text = " ".join(str(origin).split()).strip()
    for secret in _secrets(url):
        text = text.replace(secret, "***")
    return f"{text.rstrip('.')}."


def _secrets(url: sqlalchemy.URL) -> Iterator[str]:
    if url.password:
        yield str(url.password)
    for name, value in url.query.items():
        if "pass" in name or "secret" in name:
            yield from (value,) if isinstance(value, str) else value
