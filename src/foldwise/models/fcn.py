"""The fully convolutional network for series.

Wang, Yan and Oates, Time Series Classification from Scratch with Deep Neural Networks: A Strong
Baseline (IJCNN 2017).
"""

from itertools import pairwise

from torch import nn

from foldwise.models.config.temporal import FcnConfig
from foldwise.models.input_spec import SequenceSpec
from foldwise.models.normed_step_convolution import NormedStepConvolution
from foldwise.models.sequence_input import SequenceInput
from foldwise.models.step_network import StepNetwork


def build(config: FcnConfig, spec: SequenceSpec, num_outputs: int) -> StepNetwork:
    """Build convolutions with batch norm and rectifiers, the mean over all steps, and the head."""
    sequence = SequenceInput(config, spec)
    widths = pairwise((sequence.num_features, *config.widths))
    blocks = [
        NormedStepConvolution(num_in, num_out, kernel_size)
        for (num_in, num_out), kernel_size in zip(widths, config.kernel_sizes, strict=True)
    ]
    head = nn.Linear(config.widths[-1], num_outputs)
    seen = 1 + sum(size - 1 for size in config.kernel_sizes)
    return StepNetwork(sequence, blocks, head, receptive_field=seen, dropout=config.dropout)
