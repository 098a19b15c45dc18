"""How attributions are coloured: orange speaks for the output, blue against it."""

import numpy as np
import numpy.typing as npt

from foldwise.tasks.explain.config import Method
from foldwise.tasks.explain.findings import Array, ChosenSample
from foldwise.tasks.figure_style import shown_name

FOR, AGAINST = "#D55E00", "#0072B2"
LABELS: dict[Method, str] = {
    "saliency": "saliency",
    "integrated_gradients": "integrated gradients",
    "occlusion": "occlusion",
    "gradcam": "Grad-CAM",
    "attention": "attention",
}
_CLIP = 99.5  # percentile of the absolute values that gets the full colour


def label_of(method: str) -> str:
    """Return a method's name for people, or that of the control."""
    names = {str(known): label for known, label in LABELS.items()}
    return (names | {"edges": "edges (control)"}).get(method, method)


def coloured(values: Array) -> npt.NDArray[np.float64]:
    """Return colours (..., 4): the sign is the hue, the size the opacity, 1 at the largest."""
    from matplotlib.colors import to_rgb

    largest = float(np.percentile(np.abs(values), _CLIP)) or float(np.abs(values).max()) or 1.0
    strength = np.clip(np.abs(values) / largest, 0, 1)
    hue = np.where(values[..., None] >= 0, np.array(to_rgb(FOR)), np.array(to_rgb(AGAINST)))
    return np.concatenate([hue, strength[..., None]], axis=-1)


def caption(sample: ChosenSample, separator: str = "\n") -> str:
    """Return which sample it is, what it is, and what the network says."""
    lines = [shown_name(sample.sample_id), f"actual: {shown_name(sample.target)}"]
    predicted = f"predicted: {shown_name(sample.predicted)}"
    if sample.probability is not None:
        predicted += f" ({sample.probability:.0%})"
    lines.append(predicted)
    if sample.is_correct is False:
        lines.append("a mistake")
    return separator.join(lines)
