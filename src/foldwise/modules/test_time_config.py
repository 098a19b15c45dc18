"""Parameters of predictions that are averaged over changed copies of the input."""

from pydantic import Field

from foldwise.config import Config


class TestTimeConfig(Config):
    """Which copies of each image are predicted beside it; the default is none.

    Only for what leaves the class as it is: a mirrored 2 is no 2.
    """

    __test__ = False  # pytest takes it for tests by its name

    flip: bool = False  # also the mirrored image
    shift: int = Field(0, ge=0, le=16)  # px: also two moved along the diagonal, either way
