"""An observer of a training that remembers, and may end it."""

from foldwise.tasks.events import EpochFinished


class Recorder:
    """Keeps all events; raises after the epoch `stop_at`, a fold and a number."""

    def __init__(self, stop_at=None):
        self.events, self.stop_at = [], stop_at

    def __call__(self, event):
        self.events.append(event)
        if isinstance(event, EpochFinished) and (event.fold, event.record.epoch) == self.stop_at:
            raise RuntimeError("killed here")

    def of(self, kind):
        return [event for event in self.events if isinstance(event, kind)]
