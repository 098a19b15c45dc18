from foldwise.tasks.report_section import ReportImage, ReportSection
from foldwise.tasks.report_size import within_size


def section(*sizes):
    images = tuple(
        ReportImage(f"picture {number}", bytes(size)) for number, size in enumerate(sizes)
    )
    return ReportSection("a", "A", ("First.",), images=images)


def test_pictures_within_the_limit_are_all_shown():
    given = [section(10, 20), section(30)]
    assert within_size(given, limit=60) == given


def test_what_passes_the_limit_is_left_out_and_said():
    first, second = within_size([section(10, 70, 20), section(40)], limit=60)
    assert [len(image.png) for image in first.images] == [10, 20]
    assert "too large: picture 1." in first.paragraphs[-1]
    assert second.images == ()
    assert second.paragraphs[0] == "First."
    assert sum(len(image.png) for part in (first, second) for image in part.images) <= 60
