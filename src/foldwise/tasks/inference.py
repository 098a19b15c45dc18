"""What a fitted network says of samples, batch by batch.

N: samples, K: classes, O: outputs.
"""

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from foldwise.data.preprocessing import AnyPreprocessing
from foldwise.data.samples import Samples
from foldwise.modules.data_module import EvaluationBatches, Part
from foldwise.modules.hardware import reproducible
from foldwise.modules.inputs import open_inputs
from foldwise.modules.test_time import predict_logits
from foldwise.modules.test_time_config import TestTimeConfig

Rows = npt.NDArray[np.int64]


def class_probabilities(
    network: nn.Module,
    samples: Samples,
    rows: Rows,
    preprocessing: AnyPreprocessing,
    test_time: TestTimeConfig,
) -> npt.NDArray[np.float64]:
    """Return class probabilities (n, K) of some samples, in float32 precision.

    Args:
        network: In evaluation mode.
        samples: The samples.
        rows: (n,), which of them, in which order.
        preprocessing: What the network's inputs undergo.
        test_time: Which changed copies count as well.
    """
    return _outputs(network, samples, rows, preprocessing, test_time).softmax(dim=1).cpu().numpy()


def predicted_numbers(
    network: nn.Module, samples: Samples, rows: Rows, preprocessing: AnyPreprocessing
) -> npt.NDArray[np.float64]:
    """Return the outputs (n, O) of a regression's network for some samples, as they are."""
    plain = TestTimeConfig()
    return _outputs(network, samples, rows, preprocessing, plain).cpu().numpy()


def evaluation_batches(
    network: nn.Module, samples: Samples, rows: Rows, preprocessing: AnyPreprocessing
) -> EvaluationBatches:
    """Return the batches of some samples, all labels 0, on the device of the network."""
    device = next(network.parameters()).device
    part = Part(rows, np.zeros(len(rows), dtype=np.int64))
    # Each is looked at once: no copy of all.
    inputs = open_inputs(samples, rows, preprocessing, device, is_resident=False)
    return EvaluationBatches(inputs, part, device)


def _outputs(
    network: nn.Module,
    samples: Samples,
    rows: Rows,
    preprocessing: AnyPreprocessing,
    test_time: TestTimeConfig,
) -> torch.Tensor:
    with torch.inference_mode(), reproducible():
        found = [
            predict_logits(network, inputs, test_time).double()
            for inputs, _ in evaluation_batches(network, samples, rows, preprocessing)
        ]
        return torch.cat(found)
