"""The parameter that says how large all images are to be."""

from typing import Annotated

from pydantic import Field

from foldwise.data.images.fit import SizePolicy, fit_arrays, fit_image, height_and_width

__all__ = ["ImageSize", "SizePolicy", "fit_arrays", "fit_image", "height_and_width"]

Side = Annotated[int, Field(ge=1, le=4096)]
ImageSize = Side | tuple[Side, Side]  # pixels: one number for a square, or [height, width]
