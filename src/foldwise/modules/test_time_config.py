"""Parameters of predictions that are averaged over changed copies of the input."""

from pydantic import Field

from foldwise.config import Config
from foldwise.errors import UserError


class TestTimeConfig(Config):
    """Which copies of each image are predicted beside it; the default is none.

    Only for what leaves the class as it is: a mirrored 2 is no 2.
    """

    __test__ = False  # pytest takes it for tests by its name

    flip: bool = False  # also the mirrored image
    shift: int = Field(0, ge=0, le=16)  # px: also two moved along the diagonal, either way


def require_fitting_shift(config: TestTimeConfig, height: int, width: int) -> None:
    """Raise a UserError where images of this size cannot be shifted so far; ask before a fit."""
    if config.shift >= min(height, width):
        raise UserError(
            f"test_time.shift is {config.shift} px, but the images have only {height} x {width} "
            f"px. Allowed: 0 to {min(height, width) - 1}; 1 is usual for 32 x 32 px."
        )
