"""However few or odd the samples, an audit ends with a record."""

import json

import numpy as np
from audited import NOTHING_SKIPPED, samples_of
from hypothesis import given, settings
from hypothesis import strategies as st

from foldwise.data.audit.audit import audit_record, run_audit
from foldwise.data.audit.config import AuditConfig


@st.composite
def odd_samples(draw):
    size = draw(st.integers(1, 7))
    generator = np.random.default_rng(draw(st.integers(0, 2**32)))
    modality = draw(st.sampled_from(["image", "series", "table", "tokens"]))
    shape = {"image": (1, 2, 3), "series": (4, 2), "table": (3,), "tokens": (5,)}[modality]
    x = generator.integers(0, draw(st.integers(1, 4)), (size, *shape))
    x = x.astype({"image": np.uint8, "tokens": np.int32}.get(modality, np.float32))
    if x.dtype == np.float32:
        x[generator.random(x.shape) < draw(st.sampled_from([0, 0.3, 1]))] = np.nan
    columns = {}
    if draw(st.booleans()):
        columns["group"] = generator.choice(["g", "h", None], size)
        columns["official_split"] = generator.choice(["train", "test", None], size)
    if draw(st.booleans()):
        start = generator.integers(0, 4, size).astype(float)
        start[generator.random(size) < 0.2] = np.nan
        columns |= {"time": start, "time_end": start + generator.integers(0, 3, size)}
    if modality in ("series", "tokens") and draw(st.booleans()):
        columns["length"] = generator.integers(0, shape[0] + 1, size)
    if draw(st.booleans()):
        columns |= {"meta_patient": generator.integers(0, 3, size), "file_bytes": np.arange(size)}
    ids = draw(st.sampled_from([None, [f"a/{i}_{i % 2}.png" for i in range(size)]]))
    if draw(st.booleans()):
        labels = generator.choice(["a", "b"], size)
        return samples_of(x, labels, modality=modality, ids=ids, **columns)
    return samples_of(x, target=generator.normal(size=size), modality=modality, ids=ids, **columns)


@settings(deadline=None, max_examples=20)
@given(odd_samples())
def test_an_audit_of_few_odd_samples_ends_with_a_record(samples):
    record = audit_record(run_audit(samples, NOTHING_SKIPPED, AuditConfig()))
    assert json.loads(json.dumps(record, allow_nan=False)) == record
    known = set(samples.table["sample_id"])
    named = [ids for finding in record["findings"] for ids in finding["first_sets"]]
    assert all(known.issuperset(ids) for ids in named)
