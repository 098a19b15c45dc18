"""The folder of trained generators as a catalogue entry."""

from foldwise.datasets.fold_models_dataset import FoldModelsDataset
from foldwise.tasks.gan_models import GanModels


class GanModelsDataset(FoldModelsDataset):
    """Gives the folder; training fills it fold by fold, as with other networks."""

    kind = GanModels
