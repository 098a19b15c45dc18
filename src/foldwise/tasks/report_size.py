"""Keeps a page small enough to open everywhere: of very many pictures the last are left out."""

from collections.abc import Iterable
from dataclasses import replace

from foldwise.tasks.report_section import ReportImage, ReportSection

MAX_PICTURE_BYTES = 3_300_000  # of PNG files; as text in a page of at most 5 MB they take 4/3


def within_size(
    sections: Iterable[ReportSection], limit: int = MAX_PICTURE_BYTES
) -> list[ReportSection]:
    """Return the sections, with a sentence in place of pictures that would pass the limit.

    Args:
        sections: In order; the first pictures are kept, and smaller ones after a large one.
        limit: Bytes of all pictures together.
    """
    shown, left = [], limit
    for section in sections:
        images: list[ReportImage] = []
        for image in section.images:
            if len(image.png) <= left:
                images.append(image)
                left -= len(image.png)
        hidden = len(section.images) - len(images)
        texts = section.paragraphs
        if hidden:
            names = ", ".join(i.title for i in section.images if i not in images)
            texts = (
                *texts,
                f"Left out here, because the page would be too large: {names}. The figures stand "
                "beside the report as files.",
            )
        shown.append(replace(section, paragraphs=texts, images=tuple(images)))
    return shown
