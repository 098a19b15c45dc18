"""Elman's network, LSTM and GRU as classifiers of sequences.

B: batch, T: steps, D: features of a step, H: hidden size, K: outputs.
"""

from collections.abc import Iterator

from torch import Tensor, nn

from foldwise.models.config.recurrent import GruConfig, LstmConfig, RecurrentConfig, RnnConfig
from foldwise.models.input_spec import SequenceSpec
from foldwise.models.readout import AdditiveAttention, make_readout
from foldwise.models.recurrent_layer import RecurrentLayer, draw_weights, reversal_of
from foldwise.models.sequence_input import SequenceInput

_LAYER = "layer{}"


class Recurrent(nn.Module):
    """Maps sequences, as `SequenceInput` takes them, to outputs (B, K).

    The layers stand one upon another as `layer1`, `layer2`, ... A network that is exported takes
    sequences of the length that it was shown: shorter ones are to be padded.
    """

    def __init__(self, config: RecurrentConfig, spec: SequenceSpec, num_outputs: int) -> None:
        super().__init__()
        self.input = SequenceInput(config, spec)
        self._num_layers = config.num_layers
        num_directions = 2 if config.bidirectional else 1
        num_features = self.input.num_features
        for number in range(1, config.num_layers + 1):
            layer = RecurrentLayer(
                lambda size: _make_cell(config, size),
                num_features,
                bidirectional=config.bidirectional,
                dropout=config.dropout if number > 1 else 0.0,
            )
            self.add_module(_LAYER.format(number), layer)
            num_features = num_directions * config.hidden_size
        self.readout = make_readout(config.readout, num_features, num_directions=num_directions)
        self.dropout = nn.Dropout(config.dropout)
        self.head = nn.Linear(num_features, num_outputs)

    def forward(self, inputs: Tensor) -> Tensor:
        """Map inputs to (B, K)."""
        states, mask = self.states(inputs)
        outputs: Tensor = self.head(self.dropout(self.readout(states, mask)))
        return outputs

    def states(self, inputs: Tensor) -> tuple[Tensor, Tensor]:
        """Return what the last layer holds at each step, (B, T, D), and the mask (B, T).

        The states at padding mean nothing.
        """
        features, mask = self.input(inputs)
        reversal = reversal_of(mask)
        for layer in self._layers():
            features = layer(features, reversal)
        return features, mask

    def attention(self, inputs: Tensor) -> Tensor:
        """Return how much each step counts, (B, T): rows sum to 1 and are 0 at padding.

        Raises:
            ValueError: The readout is not `attention`.
        """
        if not isinstance(self.readout, AdditiveAttention):
            raise ValueError(
                "Only a network with the readout 'attention' weighs its steps, but this one has "
                f"the readout {type(self.readout).__name__}."
            )
        return self.readout.weights(*self.states(inputs))

    def _layers(self) -> Iterator[nn.Module]:
        for number in range(1, self._num_layers + 1):
            yield self.get_submodule(_LAYER.format(number))


def build(config: RecurrentConfig, spec: SequenceSpec, num_outputs: int) -> Recurrent:
    """Build the network; its weights are drawn from torch's global generator.

    Args:
        config: Which network, and its parameters.
        spec: Of the sequences.
        num_outputs: K.
    """
    return Recurrent(config, spec, num_outputs)


def _make_cell(config: RecurrentConfig, num_features: int) -> nn.RNNBase:
    size, gate_bias = config.hidden_size, 0.0
    cell: nn.RNNBase
    match config:
        case RnnConfig(nonlinearity=nonlinearity):
            cell = nn.RNN(num_features, size, nonlinearity=nonlinearity, batch_first=True)
        case LstmConfig(forget_bias=gate_bias):
            cell = nn.LSTM(num_features, size, batch_first=True)
        case GruConfig(update_bias=gate_bias):
            cell = nn.GRU(num_features, size, batch_first=True)
        case _:
            raise AssertionError(f"{type(config).__name__} is no recurrent network.")
    draw_weights(cell, gate_bias)
    return cell
