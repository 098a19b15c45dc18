from foldwise.datasets.optional_json_dataset import OptionalJSONDataset
from foldwise.datasets.optional_text_dataset import OptionalTextDataset


def test_facts_that_nobody_wrote_are_empty_and_those_that_were_written_come_back(tmp_path):
    dataset = OptionalJSONDataset(filepath=str(tmp_path / "network.json"))
    assert dataset.load() == {}
    dataset.save({"name": "lenet5"})
    assert dataset.load() == {"name": "lenet5"}


def test_a_text_that_nobody_wrote_is_empty_and_one_that_was_written_comes_back(tmp_path):
    dataset = OptionalTextDataset(filepath=str(tmp_path / "baselines.txt"))
    assert dataset.load() == ""
    dataset.save("It is worth it.\n")
    assert dataset.load() == "It is worth it.\n"
