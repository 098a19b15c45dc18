"""What was added to a fold's training part by a generator; free of torch."""

from foldwise.config import Config
from foldwise.data.findings import Finding

SYNTHETIC = "synthetic"  # folder beside a fold's weights


class ClassFill(Config):
    """How one class was filled up."""

    name: str
    real: int  # samples of the training part
    wanted: int  # samples that it lacked
    added: int
    tried: int  # samples that the generator made
    not_of_class: int  # of these, those that the classifier did not take for the class
    copies: int  # of the others, those that are copies of a training sample or of one another


class SyntheticRecord(Config):
    """How a fold's training part was filled up."""

    classes: tuple[ClassFill, ...] = ()  # those that lacked samples
    samples_hash: str | None = None  # of the samples in the folder; None: there are none
    findings: tuple[Finding, ...] = ()

    @property
    def num_added(self) -> int:
        """Samples that were added."""
        return sum(found.added for found in self.classes)
