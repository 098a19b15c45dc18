"""The last layer of discriminators.

B: batch, D: features, K: classes.
"""

from torch import Tensor, nn


class ProjectionHead(nn.Module):
    """Scores features: how real they are, and how well they go with the class.

    Projection discriminator (Miyato and Koyama, ICLR 2018): score = w . f + b + e[label] . f,
    with a learned vector e for each class. Without classes only the first two terms.
    """

    def __init__(self, num_features: int, num_classes: int) -> None:
        """Prepare the layers.

        Args:
            num_features: D.
            num_classes: K; 0 if labels are not looked at.
        """
        super().__init__()
        self.score = nn.Linear(num_features, 1)
        self.classes = nn.Embedding(num_classes, num_features) if num_classes else None

    def forward(self, features: Tensor, labels: Tensor) -> Tensor:
        """Map features (B, D) and labels (B,) to scores (B,)."""
        scores: Tensor = self.score(features).squeeze(1)
        if self.classes is not None:
            scores = scores + (self.classes(labels) * features).sum(1)
        return scores
