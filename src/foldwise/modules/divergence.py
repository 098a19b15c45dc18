"""A fit whose loss is no longer a number."""

from foldwise.errors import UserError


class DivergedError(UserError):
    """The loss is no longer a number."""

    def __init__(self, found: str, rate: float) -> None:
        """Say what was found, and what helps.

        Args:
            found: Which loss is what, and when.
            rate: The learning rate at that time.
        """
        super().__init__(
            f"{found} at a learning rate of {rate:g}. Try a smaller fit.optimizer.lr, a longer "
            "fit.schedule.warmup_fraction, a smaller fit.gradient_clip_norm (1 is usual, 0 is "
            "none), or fit.precision=float32."
        )
