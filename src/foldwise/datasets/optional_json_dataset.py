"""Facts that not everyone writes, as a catalogue entry."""

from pathlib import Path
from typing import Any

from foldwise.datasets.atomic import JSONDataset


class OptionalJSONDataset(JSONDataset):
    """A JSON object; without a file, an empty one.

    Predictions of another program can be evaluated by writing their table: of what has made them
    nothing is known.
    """

    def load(self) -> Any:  # noqa: ANN401  (any JSON value)
        """Load the object, or an empty one."""
        return super().load() if Path(self._filepath).exists() else {}
