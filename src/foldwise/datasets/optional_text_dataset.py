"""A text that not everyone writes, as a catalogue entry."""

from pathlib import Path

from foldwise.datasets.atomic import TextDataset


class OptionalTextDataset(TextDataset):
    """A text; without a file, an empty one, as with `OptionalJSONDataset`."""

    def load(self) -> str:
        """Load the text, or an empty one."""
        return super().load() if Path(self._filepath).exists() else ""
