"""A database of trials of which most wait."""

import sqlalchemy
from optuna.storages import RDBStorage
from optuna.storages._cached_storage import _CachedStorage, _StudyInfo
from optuna.storages._rdb.models import TrialModel
from optuna.trial import TrialState


class QueueStorage(_CachedStorage):
    """Optuna's cache before a database, which knows that a waiting trial does not change.

    Optuna's own keeps finished trials, and reads all others with all that is noted of them
    whenever it is asked for trials, as a pruner does after each epoch. With a plan of 200 trials
    that was 85 ms of a processor per trial on SQLite, and 130 ms on PostgreSQL.
    """

    def __init__(self, backend: RDBStorage) -> None:
        """Keep what is read from `backend`."""
        super().__init__(backend)
        self._newest: dict[int, int] = {}  # id of the newest trial that was read, by study

    def _read_trials_from_remote_storage(self, study_id: int) -> None:
        with self._lock:
            study = self._studies.setdefault(study_id, _StudyInfo())
            newest = self._newest.get(study_id, -1)
            # Ids of a study rise in the order in which its trials are there: who adds one holds a
            # lock on the study.
            changed = study.unfinished_trial_ids - self._waiting(study_id)
            trials = self._backend._get_trials(
                study_id,
                states=None,
                included_trial_ids=changed,
                trial_id_greater_than=newest,
            )
            self._add_trials_to_cache(study_id, trials)
            for trial in trials:
                if trial.state.is_finished():
                    study.unfinished_trial_ids.discard(trial._trial_id)
                else:
                    study.unfinished_trial_ids.add(trial._trial_id)
            self._newest[study_id] = max([newest, *(trial._trial_id for trial in trials)])

    def _waiting(self, study_id: int) -> set[int]:
        query = sqlalchemy.select(TrialModel.trial_id).where(
            TrialModel.study_id == study_id, TrialModel.state == TrialState.WAITING
        )
        with self._backend.engine.connect() as connection:
            return set(connection.scalars(query))
