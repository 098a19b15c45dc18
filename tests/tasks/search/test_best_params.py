from pathlib import Path

import pytest
import yaml

from foldwise.data.augment import AugmentConfig
from foldwise.data.balance import BalanceConfig
from foldwise.tasks.search.best_params import (
    BestFacts,
    best_params_text,
    read_best_params,
    with_best,
)
from foldwise.tasks.search.candidate import build_candidate
from foldwise.tasks.search.trial import SearchError
from foldwise.tasks.train_config import TrainCnnConfig

FACTS = BestFacts(
    study="digits_cnn", trial=17, inner={"val_f1": 0.98765432}, samples="ab12", folds="cd34"
)
RATE = "train_cnn.fit.optimizer.lr"


def base_of(train=None, augment=None, balance=None):
    return {
        "train_cnn": TrainCnnConfig.of(**(train or {})),
        "augment": AugmentConfig.of(**(augment or {})),
        "balance": BalanceConfig.of(**(balance or {})),
    }


def text_of(values, base):
    return best_params_text("cnn", build_candidate(base, values), base, FACTS)


def soft_merge(below, above):
    """Merge as Kedro's loader does with files of parameters: name by name."""
    merged = dict(below)
    for name, value in above.items():
        old = merged.get(name)
        both = isinstance(old, dict) and isinstance(value, dict)
        merged[name] = soft_merge(old, value) if both else value
    return merged


def test_only_what_differs_from_the_base_is_written():
    base = base_of({"fit": {"optimizer": {"name": "adamw", "lr": 0.002}}, "seed": 3})
    found = yaml.safe_load(
        text_of(
            {
                RATE: 0.002,
                "train_cnn.model.dropout": 0.3,
                "balance.method": "none",
                "augment.scale": [0.9, 1.1],
            },
            base,
        )
    )
    assert found == {"train_cnn": {"model": {"dropout": 0.3}}, "augment": {"scale": [0.9, 1.1]}}


def test_the_comment_tells_where_it_comes_from_and_is_the_same_each_time():
    base = base_of()
    text = text_of({RATE: 1e-5}, base)
    assert text == text_of({RATE: 1e-5}, base)
    comment = "\n".join(line for line in text.splitlines() if line.startswith("#"))
    for word in ("search_cnn", "trial 17", "digits_cnn", "val_f1 0.987654", "ab12", "cd34"):
        assert word in comment
    assert yaml.safe_load(text) == {"train_cnn": {"fit": {"optimizer": {"lr": 1e-5}}}}


def test_a_name_cannot_end_the_comment():
    base = base_of()
    facts = BestFacts(study="a\ntrain_cnn: {seed: 9}", trial=0, inner={}, samples="", folds="")
    text = best_params_text("cnn", build_candidate(base, {RATE: 0.01}), base, facts)
    assert yaml.safe_load(text) == {"train_cnn": {"fit": {"optimizer": {"lr": 0.01}}}}


def test_nothing_may_differ():
    text = text_of({RATE: 0.002}, base_of({"fit": {"optimizer": {"name": "adamw", "lr": 0.002}}}))
    assert "Nothing differs" in text
    assert yaml.safe_load(text) == {}


@pytest.mark.parametrize(
    "values",
    [
        {"train_cnn.model.name": "lenet5", RATE: 0.03},
        {"train_cnn.model": {"name": "small_cnn", "widths": [32, 64]}, "train_cnn.seed": 1},
        {"train_cnn.fit.optimizer.name": "sgd", "train_cnn.fit.schedule.name": "one_cycle"},
        {"balance.method": "focal", "balance.gamma": 1.5},
        {"balance.method": "none"},
        {"balance.method": "oversample", "augment.mix.mixup_alpha": 0.2},
    ],
)
def test_it_leads_to_the_winner_where_it_is_pasted(values):
    files = {
        "train_cnn": {
            "model": {"name": "small_cnn", "dropout": 0.4},
            "fit": {"optimizer": {"name": "adamw", "lr": 0.004}, "max_epochs": 3},
        },
        "augment": {"rotation": 10},
        "balance": {"method": "logit_adjustment", "threshold": "macro_f1"},
    }
    base = {
        "train_cnn": TrainCnnConfig.of(**files["train_cnn"]),
        "augment": AugmentConfig.of(**files["augment"]),
        "balance": BalanceConfig.of(**files["balance"]),
    }
    winner = build_candidate(base, values).parameters
    pasted = soft_merge(files, yaml.safe_load(text_of(values, base)))
    for name, config in winner.items():
        assert type(config).model_validate(pasted[name]) == config


def test_what_would_be_in_the_way_where_it_is_pasted_is_told():
    base = base_of({"model": {"name": "small_cnn", "widths": [8]}})
    text = text_of({"train_cnn.model.name": "lenet5"}, base)
    assert "# Where it is pasted, these have to go: train_cnn.model.widths" in text


def merged(best, train, command_line=None):
    config = TrainCnnConfig.of(**soft_merge(train, command_line or {}))
    return with_best(config, "train_cnn", best, TrainCnnConfig.of(**train), command_line)


def test_the_command_line_wins_over_what_was_found_which_wins_over_files():
    best = {"fit": {"optimizer": {"lr": 0.01}, "patience": 4}}
    files = {"fit": {"patience": 9, "optimizer": {"name": "adamw"}}, "seed": 5}
    assert merged(best, files).fit.optimizer.lr == 0.01
    found = merged(best, files, {"fit": {"optimizer": {"lr": 0.5}}})
    assert found.fit.optimizer.lr == 0.5
    assert found.fit.patience == 4
    assert found.seed == 5


def test_another_model_on_the_command_line_goes_without_what_was_found_for_the_one_before():
    best = {"model": {"widths": [16], "dropout": 0.4}}
    found = merged(best, {"model": {"name": "small_cnn"}}, {"model": {"name": "lenet5"}})
    assert found.model == TrainCnnConfig.of(model={"name": "lenet5"}).model
    assert merged(best, {"model": {"name": "small_cnn"}}).model.widths == (16,)


def test_a_remedy_on_the_command_line_is_one_text():
    files = BalanceConfig.of(method="none")
    given = BalanceConfig.of(method="smote")
    found = with_best(given, "balance", {"method": "focal", "gamma": 1.0}, files, "smote")
    assert found == BalanceConfig.of(method="smote")


def test_what_is_not_allowed_is_told_in_the_users_words():
    with pytest.raises(SearchError) as error:
        merged({"fit": {"optimizer": {"lr": -1}}}, {})
    assert "use_best" in str(error.value)
    assert "train_cnn.fit.optimizer.lr is -1, but should be greater than 0" in str(error.value)


def read(tmp_path, text, family="cnn"):
    path = tmp_path / "best_params.yml"
    if text is not None:
        path.write_bytes(text)
    return read_best_params(path, family, Path("data/best_params.yml"))


def test_what_is_written_is_read_again(tmp_path):
    text = text_of({RATE: 0.03, "balance.method": "smote"}, base_of())
    found = read(tmp_path, text.encode())
    assert found == {
        "train_cnn": {"fit": {"optimizer": {"lr": 0.03}}},
        "balance": {"method": "smote"},
    }
    assert read(tmp_path, text_of({}, base_of()).encode()) == {}


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (None, "no search has found parameters yet: there is no data/best_params.yml"),
        (b"train_cnn: {", "data/best_params.yml cannot be read"),
        (b"\xff\xfe\x00", "data/best_params.yml cannot be read"),
        (b"", "does not hold groups of parameters"),
        (b"train_cnn: 3", "does not hold groups of parameters"),
        (b"train_rnn: {seed: 1}", "holds train_rnn. Allowed: train_cnn, augment, balance"),
        (b"!!python/object/apply:os.getcwd []", "cannot be read"),
    ],
)
def test_a_file_that_is_none_is_refused_with_the_command_that_makes_it(tmp_path, text, told):
    with pytest.raises(SearchError) as error:
        read(tmp_path, text)
    assert told in str(error.value)
    assert "`kedro run --pipeline=search_cnn`" in str(error.value)


def test_a_generators_file_holds_the_generator_alone(tmp_path):
    with pytest.raises(SearchError, match=r"holds augment. Allowed: train_gan\."):
        read(tmp_path, b"augment: {rotation: 3}", "gan")


def test_whether_a_search_has_found_them_is_no_part_of_a_recipe():
    stages = AugmentConfig(), BalanceConfig()
    plain, best = (TrainCnnConfig(use_best=flag).recipe(*stages) for flag in (False, True))
    assert plain == best
