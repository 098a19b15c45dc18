import pytest
from pydantic import ValidationError

from foldwise.data.audit.config import AuditConfig
from foldwise.data.ingest import IngestConfig
from foldwise.data.split_config import SplitConfig
from foldwise.parameter_errors import explain

WRONG = {
    "a name of a variant": (
        IngestConfig,
        {"source": {"kind": "image_foldr", "path": "/x"}},
        "p.source.kind is 'image_foldr'. Did you mean 'image_folder'? Allowed: digits,",
    ),
    "a parameter of the variant that is missing": (
        IngestConfig,
        {"source": {"kind": "image_folder"}},
        "p.source.path is missing.",
    ),
    "a name in capitals": (
        IngestConfig,
        {"source": {"kind": "DIGITS"}},
        "p.source.kind is 'DIGITS'. Did you mean 'digits'? Allowed: digits,",
    ),
    "a variant where its parameters belong": (
        IngestConfig,
        {"source": "digits"},
        "p.source is 'digits', but it holds parameters of its own: set them by name, as in "
        "p.source.NAME.",
    ),
    "no parameters where some belong": (
        AuditConfig,
        {"severity": "error"},
        "p.severity is 'error', but it holds parameters of its own",
    ),
    "no variant": (IngestConfig, {"source": {}}, "p.source.kind is missing."),
    "an unknown parameter of a variant": (
        IngestConfig,
        {"source": {"kind": "digits", "image_siz": 3}},
        "p.source: unknown parameter 'image_siz' (did you mean 'image_size'?). Allowed:",
    ),
    "a choice between two lists of names": (
        SplitConfig,
        {"scheme": "stratifed"},
        "p.scheme is 'stratifed'. Did you mean 'stratified'? Allowed: auto, stratified, group,",
    ),
    "a number out of range": (
        SplitConfig,
        {"num_folds": 1},
        "p.num_folds is 1, but should be greater than or equal to 2.",
    ),
    "no number": (SplitConfig, {"seed": "x"}, "p.seed is 'x', but should be a valid integer"),
    "a value of a mapping": (
        AuditConfig,
        {"severity": {"near_duplicates": "fatal"}},
        "p.severity.near_duplicates is 'fatal'. Allowed: error, warn, info, off.",
    ),
    "several types": (
        IngestConfig,
        {"source": {"kind": "digits", "image_size": "wide"}},
        "p.source.image_size is 'wide', but should be a valid integer",
    ),
    "a place in a list": (
        IngestConfig,
        {"source": {"kind": "digits", "image_size": [8, 0]}},
        "p.source.image_size.1 is 0, but should be greater than or equal to 1.",
    ),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_wrong_parameter_is_told_as_it_was_given(case):
    kind, given, expected = WRONG[case]
    with pytest.raises(ValidationError) as caught:
        kind.model_validate(given)
    lines = explain(caught.value, "p", given)
    assert any(line.startswith(expected) for line in lines), lines


def test_every_wrong_parameter_has_a_line():
    given = {"num_folds": 1, "seed": -1, "scheme": "x"}
    with pytest.raises(ValidationError) as caught:
        SplitConfig.model_validate(given)
    starts = [line.split(" is ")[0] for line in explain(caught.value, "split", given)]
    assert sorted(starts) == ["split.num_folds", "split.scheme", "split.seed"]
