"""What a fitted network says of images, batch by batch.

N: samples, C: channels, H: height, W: width, K: classes.
"""

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from foldwise.data.preprocessing import Preprocessing
from foldwise.modules.data_module import EvaluationBatches, Part, StreamedImages
from foldwise.modules.hardware import reproducible
from foldwise.modules.test_time import predict_logits
from foldwise.modules.test_time_config import TestTimeConfig

Images = npt.NDArray[np.uint8]
Rows = npt.NDArray[np.int64]


def class_probabilities(
    network: nn.Module,
    x: Images,
    rows: Rows,
    preprocessing: Preprocessing,
    test_time: TestTimeConfig,
) -> npt.NDArray[np.float64]:
    """Return class probabilities (n, K) of some images, in float32 precision.

    Args:
        network: In evaluation mode.
        x: (N, C, H, W).
        rows: (n,), which of them, in which order.
        preprocessing: What the network's inputs undergo.
        test_time: Which changed copies count as well.
    """
    with torch.inference_mode(), reproducible():
        logits = [
            predict_logits(network, inputs, test_time).double()
            for inputs, _ in image_batches(network, x, rows, preprocessing)
        ]
        return torch.cat(logits).softmax(dim=1).cpu().numpy()


def image_batches(
    network: nn.Module, x: Images, rows: Rows, preprocessing: Preprocessing
) -> EvaluationBatches:
    """Return the batches of some images, all labels 0, on the device of the network."""
    device = next(network.parameters()).device
    part = Part(rows, np.zeros(len(rows), dtype=np.int64))
    images = StreamedImages(x, rows, device)  # each is looked at once: no copy of all
    return EvaluationBatches(images, part, preprocessing, device)
