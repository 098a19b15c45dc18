import json

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from foldwise.atomic import read_sealed_json, sha256_file
from foldwise.data.samples import Feature, Samples
from foldwise.data.sources.image_folder import ImageFolderSource
from foldwise.tasks.drawn_samples import DrawnSamples, class_folders, write_drawn_samples

FACTS = {"weights_sha256": "ab12", "seed": 7}


def pictures(labels=("0", "1", "1"), channels=1, classes=None):
    generator = np.random.default_rng(0)
    x = generator.integers(0, 256, (len(labels), channels, 5, 6), dtype=np.uint8)
    table = pd.DataFrame({"sample_id": [f"s{i}" for i in range(len(labels))], "label": labels})
    samples = Samples(x, table, classes or tuple(sorted(set(labels))))
    latents = generator.normal(size=(len(labels), 4)).astype(np.float32)
    return DrawnSamples(samples, latents, FACTS)


@pytest.mark.parametrize("channels", [1, 3])
def test_pictures_can_be_read_again_with_their_classes(tmp_path, channels):
    drawn = pictures(channels=channels)
    write_drawn_samples(tmp_path / "out", drawn)
    source = ImageFolderSource(path=tmp_path / "out" / "pictures", image_size=(5, 6))
    read = source.read(tmp_path)
    np.testing.assert_array_equal(read.x, drawn.samples.x)
    assert read.table["label"].tolist() == ["0", "1", "1"]


def test_each_row_says_which_file_class_latent_seed_and_generator_belong_together(tmp_path):
    drawn = pictures()
    write_drawn_samples(tmp_path, drawn)
    table = pd.read_csv(tmp_path / "samples.csv", dtype={"label": str})
    assert table["file"].tolist() == [
        "pictures/0/00000.png",
        "pictures/1/00000.png",
        "pictures/1/00001.png",
    ]
    for row, x in zip(table.itertuples(), drawn.samples.x, strict=True):
        image = Image.open(tmp_path / row.file)
        np.testing.assert_array_equal(np.asarray(image), x[0])
        assert image.text["Source"] == "synthetic: drawn from the generator ab12"
    assert table["latent_row"].tolist() == [0, 1, 2]
    assert set(table["seed"]) == {7}
    assert set(table["generator_sha256"]) == {"ab12"}
    assert table["synthetic"].all()
    latents = np.load(tmp_path / "latents.npy", allow_pickle=False)
    np.testing.assert_array_equal(latents, drawn.latents)


def test_the_manifest_seals_what_lies_beside_it(tmp_path):
    write_drawn_samples(tmp_path, pictures())
    manifest = read_sealed_json(tmp_path / "manifest.json")
    assert manifest["num_samples"] == 3
    assert manifest["synthetic"] is True
    assert FACTS.items() <= manifest.items()
    for name in ("latents.npy", "samples.csv"):
        assert manifest["files"][name] == sha256_file(tmp_path / name)
    changed = json.loads((tmp_path / "manifest.json").read_text()) | {"seed": 8}
    (tmp_path / "manifest.json").write_text(json.dumps(changed))
    with pytest.raises(ValueError, match="checksum"):
        read_sealed_json(tmp_path / "manifest.json")


def test_nothing_of_an_earlier_run_stays(tmp_path):
    write_drawn_samples(tmp_path / "out", pictures())
    write_drawn_samples(tmp_path / "out", pictures(("1",)))
    assert [p.name for p in (tmp_path / "out/pictures").rglob("*.png")] == ["00000.png"]
    assert sorted(p.name for p in (tmp_path / "out/pictures").iterdir()) == ["1"]
    assert [p.name for p in tmp_path.iterdir()] == ["out"]


def test_series_become_tables_of_their_channels(tmp_path):
    x = np.linspace(-1, 1, 2 * 4 * 2, dtype=np.float32).reshape(2, 4, 2)
    samples = Samples(
        x,
        pd.DataFrame({"sample_id": ["a", "b"], "label": ["flat", "flat"]}),
        ("flat",),
        modality="series",
        features=(Feature(name="speed"), Feature(name="=1+1")),
    )
    latents = np.zeros((2, 4, 3), np.float32)
    write_drawn_samples(tmp_path, DrawnSamples(samples, latents, FACTS))
    table = pd.read_csv(tmp_path / "series" / "flat" / "00001.csv", dtype=np.float32)
    assert table.columns.tolist() == ["speed", "'=1+1"]
    np.testing.assert_array_equal(table.to_numpy(), x[1])


@pytest.mark.parametrize(
    "label",
    ["../up", "a/b", "a\\b", ".hidden", "end.", " x", "a\nb", "", "x" * 300, "con:1", "\0"],
)
def test_a_class_cannot_lead_out_of_its_folder(tmp_path, label):
    drawn = pictures((label, "plain"), classes=("plain", label))
    write_drawn_samples(tmp_path / "out", drawn)
    assert class_folders(("plain", label)) == ["plain", "class_1"]
    assert (tmp_path / "out/pictures/class_1/00000.png").is_file()
    assert [p.name for p in tmp_path.iterdir()] == ["out"]
    table = pd.read_csv(tmp_path / "out/samples.csv", keep_default_na=False, lineterminator="\n")
    assert table["label"][0] == label or "\0" in label


def test_classes_never_share_a_folder():
    names = class_folders(["a", "A", "class_1", "b/"])
    assert len({name.casefold() for name in names}) == 4
    assert class_folders(["Katze", "Hündin", "日本"]) == ["Katze", "Hündin", "日本"]


def test_a_formula_in_a_label_is_quoted(tmp_path):
    write_drawn_samples(tmp_path, pictures(("=1+1",)))
    assert pd.read_csv(tmp_path / "samples.csv")["label"][0] == "'=1+1"
