import numpy as np
import pandas as pd
import pytest

from foldwise.data.audit.shortcuts import ShortcutsConfig, find_shortcuts
from foldwise.data.samples import Feature, Samples
from foldwise.tasks.audit_figures import class_figure, shortcuts_figure
from foldwise.tasks.figure_style import inline_svg


def images(labels, **columns):
    labels = np.asarray(labels, dtype=str)
    x = np.random.default_rng(0).integers(0, 256, (len(labels), 1, 4, 4), dtype=np.uint8)
    known = {"sample_id": [f"s{i}" for i in range(len(labels))], "label": labels}
    table = pd.DataFrame({**known, "official_split": None, "source": "npz", **columns})
    return Samples(x, table, tuple(dict.fromkeys(sorted(labels))))


def regression(target):
    table = pd.DataFrame({"target": target, "sample_id": "s"})
    return Samples(np.zeros((len(table), 1), np.float32), table, modality="table",
                   features=(Feature(name="f"),))  # fmt: skip


def bars(axes):
    """Return the widths of the bars of each part of the split."""
    return {c.get_label(): [bar.get_width() for bar in c.patches] for c in axes.containers}


def names(axes):
    return [label.get_text() for label in axes.get_yticklabels()]


def test_bars_are_the_sizes_of_the_classes():
    (axes,) = class_figure(images(["b"] * 5 + ["a"] * 2 + ["c"])).axes
    assert bars(axes) == {"samples": [2, 5, 1]}
    assert names(axes) == ["a", "b", "c"]
    assert [text.get_text() for text in axes.texts] == ["2", "5", "1"]


def test_bars_are_stacked_by_the_official_split():
    split = ["test", "train", "train", None, "train", "test"]
    (axes,) = class_figure(images(list("aaabbb"), official_split=split)).axes
    assert bars(axes) == {"train": [2, 1], "test": [1, 1], "no part": [0, 1]}
    stacked = [[bar.get_x() for bar in c.patches] for c in axes.containers]
    assert stacked == [[0, 0], [2, 1], [3, 2]]


def test_of_many_classes_the_largest_and_the_smallest_are_shown():
    sizes = {f"class {i:03d}": i for i in range(1, 61)}
    (axes,) = class_figure(images([n for n, size in sizes.items() for _ in range(size)])).axes
    expected = [f"class {i:03d}" for i in [*range(60, 40, -1), *range(20, 0, -1)]]
    assert names(axes) == expected
    assert "20 classes" in axes.get_title(loc="left")


@pytest.mark.parametrize("high", [12, 300])
def test_each_bar_of_whole_numbers_holds_equally_many(high):
    target = np.arange(1, high + 1)
    (axes,) = class_figure(regression(target)).axes
    heights = [bar.get_height() for bar in axes.patches]
    assert sum(heights) == high
    assert len(set(heights[:-1])) == 1


def test_each_step_ahead_has_a_histogram():
    table = pd.DataFrame({f"target_{i}": np.random.default_rng(i).normal(size=50) for i in (1, 2)})
    samples = Samples(np.zeros((50, 3, 1), np.float32), table, modality="series")
    panels = class_figure(samples).axes
    assert [panel.get_title(loc="left")[:8] for panel in panels] == ["target_1", "target_2"]
    assert [sum(bar.get_height() for bar in panel.patches) for panel in panels] == [50, 50]


@pytest.fixture(scope="module")
def shortcuts():
    labels = np.repeat(["a", "b"], 40)
    sizes = np.random.default_rng(0).integers(50, 90, (2, 80)) + 30 * (labels == "b")
    samples = images(labels, meta_width=sizes[0], file_bytes=sizes[1])
    return find_shortcuts(samples, ShortcutsConfig())


def test_intervals_and_chance_are_those_of_the_table(shortcuts):
    (axes,) = shortcuts_figure(shortcuts).axes
    drawn = {}
    for container in axes.containers:
        (segments,) = (bars.get_segments() for bars in container.lines[2])
        for (low, row), (high, _) in segments:
            drawn[int(row)] = (low, high)
    expected = shortcuts.table[["low", "high"]].to_numpy()
    np.testing.assert_allclose([drawn[i] for i in range(len(expected))], expected)
    assert axes.lines[0].get_xdata() == [0.5, 0.5]
    assert "all a model can see" in names(axes)
    assert "file size" in names(axes)


def test_the_same_shortcuts_give_the_same_bytes(shortcuts):
    first, second = (inline_svg(shortcuts_figure(shortcuts), "title") for _ in range(2))
    assert first == second
