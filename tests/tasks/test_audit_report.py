import base64
import io
import re

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from test_report import HOSTILE, Page

from foldwise.data.audit.audit import run_audit
from foldwise.data.audit.config import AuditConfig
from foldwise.data.findings import Finding
from foldwise.data.samples import Feature, Samples, array_hash
from foldwise.tasks.audit_examples import examples_of
from foldwise.tasks.audit_report import render_audit_report

NOTHING = pd.DataFrame({"path": [], "reason": []}, dtype="str")
PROVENANCE = {"Data": {"samples": "ab" * 32}, "Parameters": {"audit.seed": 0}}


def make(x, labels=None, modality="image", ids=None, tokens=(), features=None, **columns):
    table = pd.DataFrame({"sample_id": ids or [f"s{i:03d}" for i in range(len(x))]})
    table["source"] = "npz"
    table["sha256"] = [array_hash(sample) for sample in x]
    table[["group", "official_split"]] = None
    for name, values in {**({} if labels is None else {"label": labels}), **columns}.items():
        table[name] = values
    classes = () if labels is None else tuple(sorted(set(labels)))
    if features is None and modality in ("table", "series"):
        features = tuple(Feature(name=f"f{i}") for i in range(x.shape[-1]))
    return Samples(x, table, classes, modality=modality, features=features or (), tokens=tokens)


def render(samples, skipped=NOTHING, **config):
    audit = run_audit(samples, skipped, AuditConfig.of(**config))
    return audit, render_audit_report(audit, samples, skipped, provenance=PROVENANCE)


def text_of(html):
    return " ".join(Page(html).text.split())


def image_set(labels=("cat", "dog"), size=60, shape=(3, 12, 12)):
    generator = np.random.default_rng(0)
    x = generator.integers(0, 256, (size, *shape), dtype=np.uint8)
    x[1], x[3] = x[0], x[2]
    names = generator.permutation(np.resize(labels, size)).tolist()
    return make(x, names, ids=[f"{n}/{i}.png" for i, n in enumerate(names)])


def text_set():
    tokens = ("", "<b>free</b>", "call", "me", "{{ 7 * 7 }}", "later")
    x = np.random.default_rng(0).integers(1, 6, (60, 9)).astype(np.int32)
    x[1] = x[0] = [1, 2, 3, 4, 5, 1, 1, 1, 1]
    return make(x, ["ham", "spam"] * 30, "tokens", tokens=tokens, length=np.full(60, 9))


def table_set():
    x = np.random.default_rng(0).normal(size=(60, 3)).astype(np.float32)
    x[:, 2] = np.arange(60) % 2
    x[5, 0], x[7, 1] = np.nan, 1e4
    colour = Feature(name="colour", kind="categorical", categories=("blue", "red"))
    features = (Feature(name="size"), Feature(name="weight"), colour)
    return make(x, ["yes", "no"] * 30, "table", features=features)


def series_set():
    x = np.random.default_rng(0).normal(size=(60, 20, 2)).astype(np.float32)
    x[1] = x[0]
    x[4, 3:6, 0] = np.nan
    return make(x, modality="series", target=np.random.default_rng(1).normal(size=60))


def windows():
    walk = np.random.default_rng(0).normal(size=80).cumsum()
    x = np.stack([walk[i : i + 12] for i in range(60)])[:, :, None].astype(np.float32)
    ahead = {f"target_{h}": walk[12 + h : 72 + h] for h in (1, 2)}
    time = pd.date_range("2020-01-01", periods=60)
    end = time + pd.Timedelta(days=11)
    return make(x, modality="series", series="one", time=time, time_end=end, **ahead)


SETS = {"images": image_set, "texts": text_set, "rows": table_set, "series": series_set}


@pytest.mark.parametrize("make_samples", [*SETS.values(), windows], ids=[*SETS, "windows"])
def test_the_page_stands_alone_and_tells_all_findings(make_samples):
    samples = make_samples()
    audit, html = render(samples)
    page, text = Page(html), text_of(html)
    assert audit.findings
    for finding in audit.findings:
        assert " ".join(finding.message.split()) in text
        assert " ".join(finding.advice.split()) in text
    for result in audit.results:
        if result.outcome != "found":
            assert result.check.what in text
    assert f"{len(samples)} " in text
    assert "ab" * 32 in text
    assert len(html) < 5e6
    assert not {tag for tag, _ in page.elements} & {"script", "link", "iframe", "object", "embed"}
    for tag, attributes in page.elements:
        for name in ("src", "href", "xlink:href", "action", "data"):
            target = attributes.get(name)
            assert target is None or target.startswith(("#", "data:")), (tag, target)
        assert not any(name.startswith("on") for name in attributes)
    assert not re.search(r"url\((?!#)|@import", html)


def test_the_verdict_counts_what_was_found():
    samples = image_set()
    _, html = render(samples)
    assert "0 errors" in text_of(html)
    assert "No error. Look at the warnings" in text_of(html)
    _, html = render(samples, severity={"exact_duplicates": "error"})
    assert "1 error" in text_of(html)
    assert "Do not split these samples" in text_of(html)
    positions = [html.index(f"<h3>{name}</h3>") for name in ("Errors", "Notes") if name in html]
    assert positions == sorted(positions)


def test_a_page_without_findings_says_so():
    audit, _ = render(image_set())
    off = {result.check.name: "off" for result in audit.results}
    _, html = render(image_set(), severity=off)
    text = text_of(html)
    assert "Nothing was found." in text
    assert f"Switched off ({len(off)})" in text
    assert 'id="shortcuts"' not in html


def test_hostile_names_are_escaped_everywhere():
    ids = [f"{HOSTILE[i % 3]}/{i}.png" for i in range(60)]
    samples = image_set(labels=HOSTILE)
    samples.table["sample_id"] = ids
    skipped = pd.DataFrame({"path": [HOSTILE[0]], "reason": [HOSTILE[1]]}, dtype="str")
    _, html = render(samples, skipped)
    page = Page(html)
    assert "<script" not in html
    assert "onerror" not in {name for _, attributes in page.elements for name in attributes}
    for name in HOSTILE:
        assert name in page.text
    _, html = render(text_set())
    assert "<b>free</b>" in Page(html).text
    assert "<b>free</b>" not in html
    assert "{{ 7 * 7 }}" in Page(html).text


def test_skipped_files_are_listed_up_to_a_bound():
    skipped = pd.DataFrame(
        {"path": [f"bad_{i:03d}.png" for i in range(150)], "reason": "truncated"}
    )
    _, html = render(image_set(), skipped.astype("str"))
    text = text_of(html)
    assert "150 files or rows are not among the samples; the first 100 are listed." in text
    assert "bad_099.png" in text
    assert "bad_100.png" not in text


def test_values_are_those_of_the_features():
    _, html = render(table_set())
    text = text_of(html)
    weight = table_set().x[:, 1]
    assert f"{np.median(weight):.5g}" in text
    assert "blue 30, red 30" in text
    assert "10000" in text


def test_the_same_audit_gives_the_same_page():
    assert render(image_set())[1] == render(image_set())[1]


def finding_about(*sets, **values):
    return Finding(check="c", severity="info", message="m", sample_ids=sets, values=values)


@pytest.mark.parametrize("shape", [(1, 8, 8), (3, 20, 30), (3, 300, 150), (2, 9, 9)])
def test_the_picture_is_that_of_the_sample(shape):
    ramp = np.linspace(0, 255, int(np.prod(shape))).reshape(shape).astype(np.uint8)
    samples = make(ramp[None], ["a"], ids=["only"])
    (shown,) = examples_of(finding_about(("only",)), samples).sets[0].samples
    image = Image.open(io.BytesIO(base64.b64decode(shown.picture.split(",")[1])))
    assert max(image.size) == min(max(shape[1:]), 96)
    pixels = np.asarray(image.convert("RGB"), dtype=np.float64)
    expected = ramp.mean(axis=(1, 2)) if shape[0] == 3 else np.full(3, ramp.mean())
    np.testing.assert_allclose(pixels.mean(axis=(0, 1)), expected, atol=2)
    if shape[0] == 1:
        np.testing.assert_array_equal(pixels[..., 0], ramp[0])


def test_texts_values_and_lines_are_those_of_the_samples():
    pair = ("s000", "s001")
    (text, _) = examples_of(finding_about(pair), text_set()).sets[0].samples
    assert text.text.startswith("<b>free</b> call me {{ 7 * 7 }} later")
    (row, _) = examples_of(finding_about(pair, weight=1), table_set()).sets[0].samples
    assert row.values[0] == ("weight", f"{table_set().x[0, 1]:.6g}")
    assert ("colour", "blue") in row.values
    (line,) = examples_of(finding_about(("s004",)), series_set()).sets[0].samples
    points = np.array([point.split(",") for point in line.line.split()], dtype=float)
    known = np.flatnonzero(np.isfinite(series_set().x[4, :, 0]))
    np.testing.assert_allclose(points[:, 0], known * 120 / 19, atol=0.06)
    assert points[:, 1].argmin() == series_set().x[4, known, 0].argmax()


def test_what_is_not_shown_is_counted():
    samples = image_set()
    ids = samples.table["sample_id"].tolist()
    singles = examples_of(finding_about(*((name,) for name in ids)), samples)
    assert len(singles.sets) == 1
    assert len(singles.sets[0].samples) + singles.sets[0].num_more == len(ids)
    pairs = [tuple(ids[i : i + 10]) for i in range(0, 60, 10)]
    shown = examples_of(finding_about(*pairs), samples)
    assert shown.more == "and 2 more sets"
    assert {len(one.samples) + one.num_more for one in shown.sets} == {10}
    assert examples_of(finding_about(), samples).sets == ()


def test_ids_that_are_no_samples_are_shown_as_they_are():
    (shown,) = examples_of(finding_about(("lost/file.png",)), image_set()).sets[0].samples
    assert (shown.sample_id, shown.picture) == ("lost/file.png", None)


def test_counts_that_leave_the_test_part_out_are_named_so():
    samples = image_set()
    assert "test part left out" not in text_of(render(samples)[1])
    samples.table["official_split"] = ["train"] * 40 + ["test"] * 20
    text = text_of(render(samples)[1])
    for name in ("largest class", "smallest class", "imbalance ratio"):
        assert f"{name}, test part left out" in text
