"""A database of SQLite that several processes can share."""

import contextlib
import fcntl
import os
from collections.abc import Iterator, Sequence
from typing import Any

import sqlalchemy
from optuna.storages import RDBStorage
from optuna.trial import TrialState


class SqliteStorage(RDBStorage):
    """Optuna's storage on a file of SQLite, where no two processes take the same trial.

    Optuna reads whether a trial waits and then takes it, and relies on `SELECT ... FOR UPDATE`,
    which SQLite does not have. Transactions that lock the database from their beginning would do
    too, but then reading waits as well, and that is most of what is done.
    """

    def __init__(self, url: str, **arguments: Any) -> None:  # noqa: ANN401  (Optuna's)
        """Open the file that `url` names; the lock is a file beside it."""
        super().__init__(url, **arguments)
        self._lock = f"{sqlalchemy.make_url(url).database}.lock"
        self.engine.dispose()  # connections from before
        sqlalchemy.event.listen(self.engine, "connect", _write_ahead)

    def set_trial_state_values(
        self, trial_id: int, state: TrialState, values: Sequence[float] | None = None
    ) -> bool:
        """Change the state of a trial; see Optuna."""
        with self._alone():
            return super().set_trial_state_values(trial_id, state, values)

    @contextlib.contextmanager
    def _alone(self) -> Iterator[None]:
        descriptor = os.open(self._lock, os.O_CREAT | os.O_RDWR, 0o644)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)


def _write_ahead(connection: Any, _: Any) -> None:  # noqa: ANN401  (of the driver)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=NORMAL")  # with WAL a kill loses nothing
