"""Archives are read in place, as the folder inside would be, and never trusted."""

import contextlib
import gzip
import io
import os
import shutil
import stat
import struct
import subprocess
import tarfile
import time
import zipfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from foldwise.data.bad_input import IngestError
from foldwise.data.images.decode import BadImageError
from foldwise.data.images.store import TarStore
from foldwise.data.ingest import IngestConfig, ingest
from foldwise.data.readers.archive import ArchiveLimits, scan_archive

NAMES = ("train/cats/1.png", "train/cats/ä ß.jpg", "train/dogs/2.png", "test/dogs/$ 3.bmp")
ENDINGS = (".tar", ".tar.gz", ".tgz", ".zip")


def picture(seed, suffix=".png", size=8):
    pixels = np.random.default_rng(seed).integers(0, 256, (size, size), np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, Image.registered_extensions()[suffix])
    return buffer.getvalue()


@pytest.fixture(autouse=True)
def _no_code_hash(monkeypatch):
    # It is tested elsewhere, and takes longer than everything here.
    monkeypatch.setattr("foldwise.data.input_fingerprint.code_hash", lambda module: module)


@pytest.fixture
def tree(tmp_path):
    root = tmp_path / "pets"
    for seed, name in enumerate(NAMES):
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(picture(seed, path.suffix))
        os.utime(path, (10**9 + 2 * seed, 10**9 + 2 * seed))
    return root


def pack(tree, path, top="pets/"):
    """Pack a folder with the standard tools of Python; return the path."""
    files = sorted(file for file in tree.rglob("*") if file.is_file())
    if path.suffix == ".zip":
        with zipfile.ZipFile(path, "w") as archive:
            for i, file in enumerate(files):
                how = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)[i % 2]
                archive.write(file, f"{top}{file.relative_to(tree).as_posix()}", how)
    else:
        with tarfile.open(path, "w" if path.suffix == ".tar" else "w:gz") as archive:
            for file in reversed(files):
                archive.add(file, f"{top}{file.relative_to(tree).as_posix()}")
    return path


def tar_of(path, members):
    """Write a tar file of (name, contents or a function that changes the header)."""
    with tarfile.open(path, "w") as archive:
        for name, contents in members:
            info = tarfile.TarInfo(name)
            if callable(contents):
                contents(info)
                archive.addfile(info)
            else:
                info.size = len(contents)
                archive.addfile(info, io.BytesIO(contents))
    return path


def link_to(target, kind=tarfile.SYMTYPE):
    def change(info):
        info.type, info.linkname = kind, target

    return change


def as_type(kind):
    def change(info):
        info.type = kind

    return change


def ingest_path(path, on_bad_file="error", **parameters):
    folder = path.parent / "out" / path.name
    source = {"kind": "image_folder", "path": path, "image_size": 8, **parameters}
    return ingest(IngestConfig.of(source=source, on_bad_file=on_bad_file), folder)


def good_members():
    return [("a/1.png", picture(1)), ("b/2.png", picture(2))]


@pytest.mark.parametrize("top", ["pets/", "./", "", "deep/er/"])
@pytest.mark.parametrize("ending", ENDINGS)
def test_an_archive_gives_the_samples_of_its_folder(tree, tmp_path, ending, top, monkeypatch):
    monkeypatch.setenv("TZ", "UTC")  # a zip file holds local time
    time.tzset()
    expected = ingest_path(tree).samples
    found = ingest_path(pack(tree, tmp_path / f"my pets{ending}", top)).samples
    assert found.table.equals(expected.table)
    np.testing.assert_array_equal(found.x, expected.x)
    assert found.classes == ("cats", "dogs")
    assert set(found.table["official_split"]) == {"train", "test"}
    left = {file.name for file in (tmp_path / "out" / f"my pets{ending}").iterdir()}
    assert left == {"x.npy", "table.parquet", "schema.json", "skipped_files.parquet"}


def test_what_a_system_tool_packs_is_read(tree, tmp_path):
    if shutil.which("tar") is None:
        pytest.skip("no tar program here")
    (tree / "train" / "cats" / "again.png").hardlink_to(tree / "train" / "cats" / "1.png")
    path = tmp_path / "pets.tar.gz"
    subprocess.run(["tar", "czf", path, "-C", tree.parent, "pets"], check=True)
    found, expected = ingest_path(path).samples, ingest_path(tree).samples
    assert found.table.equals(expected.table)
    np.testing.assert_array_equal(found.x, expected.x)


@pytest.mark.parametrize(
    ("member", "reason"),
    [
        (("../a/evil.png", picture(3)), r"\.\./a/evil.png: its name leads out of the archive"),
        (("a/../../evil.png", picture(3)), "evil.png: its name leads out of the archive"),
        (("/etc/evil.png", picture(3)), "/etc/evil.png: its name leads out of the archive"),
        (("a/l.png", link_to("../../out.png")), "a/l.png: a link that leads out of the archive"),
        (("a/l.png", link_to("/etc/passwd")), "a/l.png: a link that leads out of the archive"),
        (("a/l.png", link_to("gone.png")), "a/l.png: a link to nothing in the archive"),
        (("a/l.png", link_to("/etc/passwd", tarfile.LNKTYPE)), "a link that leads out"),
        (("a/dev.png", as_type(tarfile.CHRTYPE)), "a/dev.png: not a regular file"),
        (("a/pipe.png", as_type(tarfile.FIFOTYPE)), "a/pipe.png: not a regular file"),
        (("a/1.png", picture(4)), "a/1.png: another file has the same name"),
        (("a/empty.png", b""), "a/empty.png: empty"),
        (("a/text.png", b"only text"), "a/text.png: not an image"),
    ],
)
def test_a_bad_member_of_a_tar_is_named_and_nothing_is_written(tmp_path, member, reason):
    path = tar_of(tmp_path / "x.tar", [*good_members(), member])
    with pytest.raises(IngestError, match=reason):
        ingest_path(path)
    found = ingest_path(path, on_bad_file="skip")
    assert found.samples.table["sample_id"].tolist() == ["a/1.png", "b/2.png"]
    assert not list(tmp_path.parent.rglob("evil.png"))


def test_a_link_within_the_archive_is_followed(tmp_path):
    path = tar_of(tmp_path / "x.tar", [*good_members(), ("a/l.png", link_to("../b/2.png"))])
    samples = ingest_path(path).samples
    assert samples.table["sample_id"].tolist() == ["a/1.png", "a/l.png", "b/2.png"]
    np.testing.assert_array_equal(samples.x[1], samples.x[2])


def zip_of(path, members):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, contents in members:
            archive.writestr(name, contents)
    return path


def zip_link(name):
    info = zipfile.ZipInfo(name)
    info.external_attr = (stat.S_IFLNK | 0o777) << 16
    return info


@pytest.mark.parametrize(
    ("member", "reason"),
    [
        (("../a/evil.png", picture(3)), "its name leads out of the archive"),
        (("/tmp/evil.png", picture(3)), "its name leads out of the archive"),
        ((zip_link("a/l.png"), "/etc/passwd"), "a/l.png: not a regular file"),
        (("a/empty.png", b""), "a/empty.png: empty"),
    ],
)
def test_a_bad_member_of_a_zip_is_named_and_nothing_is_written(tmp_path, member, reason):
    path = zip_of(tmp_path / "x.zip", [*good_members(), member])
    with pytest.raises(IngestError, match=reason):
        ingest_path(path)
    assert len(ingest_path(path, on_bad_file="skip").samples) == 2
    assert not list(tmp_path.parent.rglob("evil.png"))


def test_an_encrypted_zip_is_refused(tmp_path):
    path = zip_of(tmp_path / "x.zip", good_members())
    content = bytearray(path.read_bytes())
    directory = content.index(b"PK\x01\x02")
    content[directory + 8] |= 1
    path.write_bytes(content)
    with pytest.raises(IngestError, match=r"x.zip' is encrypted. Unpack it with its password"):
        ingest_path(path)


def test_a_zip_member_that_unpacks_to_more_than_it_promised_is_bad(tmp_path):
    path = zip_of(tmp_path / "x.zip", [*good_members(), ("b/bomb.png", b"\0" * 10**6)])
    content = path.read_bytes().replace(struct.pack("<I", 10**6), struct.pack("<I", 100))
    path.write_bytes(content)
    found = ingest_path(path, on_bad_file="skip")
    assert found.skipped_files["path"].tolist() == ["b/bomb.png"]
    assert "checksum or size" in found.skipped_files["reason"][0]


def test_a_flipped_byte_in_a_zip_is_noticed(tmp_path):
    path = tmp_path / "x.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        for name, contents in (*good_members(), ("b/3.bmp", picture(3, ".bmp"))):
            archive.writestr(name, contents)
    content = bytearray(path.read_bytes())
    content[content.index(picture(3, ".bmp")) + 1100] ^= 1
    path.write_bytes(content)
    found = ingest_path(path, on_bad_file="skip")
    assert found.skipped_files["path"].tolist() == ["b/3.bmp"]


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"max_members": 3}, "holds more members than ingest.source.max_members=3"),
        ({"max_unpacked_bytes": 100}, "more bytes than ingest.source.max_unpacked_bytes=100"),
    ],
)
@pytest.mark.parametrize("ending", ENDINGS)
def test_archives_over_a_limit_are_refused(tree, tmp_path, ending, parameters, message):
    with pytest.raises(IngestError, match=message):
        ingest_path(pack(tree, tmp_path / f"x{ending}"), **parameters)


def test_a_gzip_bomb_is_stopped_on_the_way(tmp_path):
    path = tmp_path / "bomb.tar.gz"
    with gzip.open(path, "wb") as file:
        for _ in range(20):
            file.write(b"\0" * 2**20)
    with pytest.raises(IngestError, match="max_unpacked_bytes=3000000"):
        ingest_path(path, max_unpacked_bytes=3_000_000)
    assert list(Path(tmp_path / "out").iterdir()) == []


@pytest.mark.parametrize("ending", ENDINGS)
def test_a_truncated_archive_is_an_error(tree, tmp_path, ending):
    path = pack(tree, tmp_path / f"x{ending}")
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 3])
    with pytest.raises(IngestError, match=r"x\.(tar|tgz|zip).*' is damaged or truncated"):
        ingest_path(path)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "is no archive that can be read. Expected is a folder, or a .tar"),
        (b"just text", "is no archive that can be read"),
        (gzip.compress(b"text, gzipped" * 99, mtime=0), "is damaged or truncated"),
        (b"\x1f\x8b" + b"\0" * 99, "is damaged or truncated"),
        (b"PK\x03\x04" + b"\xff" * 99, "is damaged or truncated"),
    ],
)
def test_what_is_no_archive_is_an_error(tmp_path, content, reason):
    path = tmp_path / "x.tar.gz"
    path.write_bytes(content)
    with pytest.raises(IngestError, match=reason):
        ingest_path(path)


@pytest.mark.parametrize("time", ["nan", "inf", "-inf", "9" * 20])
def test_an_impossible_time_in_a_tar_file_is_none(tmp_path, time):
    path = tmp_path / "t.tar"
    with tarfile.open(path, "w", format=tarfile.PAX_FORMAT) as archive:
        for name, contents in good_members():
            info = tarfile.TarInfo(name)
            info.size, info.pax_headers = len(contents), {"mtime": time}
            archive.addfile(info, io.BytesIO(contents))
    assert ingest_path(path).samples.table["file_time"].tolist() == [0, 0]


def test_an_impossible_time_in_a_zip_file_is_none(tmp_path):
    path = tmp_path / "t.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for name, contents in good_members():
            archive.writestr(zipfile.ZipInfo(name, (1990, 15, 1, 0, 0, 0)), contents)
    assert ingest_path(path).samples.table["file_time"].tolist() == [0, 0]


@pytest.mark.parametrize("entry", [[2**63, 10, 0], [2**70, 10, 0], [-1, 10, 0], [0, -1, 0]])
def test_a_place_that_no_file_has_is_a_bad_image(tmp_path, entry):
    path = tar_of(tmp_path / "t.tar", good_members())
    with pytest.raises(BadImageError, match="cannot be read in the archive"):
        TarStore(str(path)).read(entry)


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    ending=st.sampled_from([".tar", ".zip"]),
    changes=st.lists(st.tuples(st.integers(0, 4000), st.integers(0, 255)), max_size=6),
    end=st.integers(0, 5000),
)
def test_mutated_archives_raise_nothing_but_the_named_errors(tmp_path, ending, changes, end):
    path = tmp_path / f"t{ending}"
    if ending == ".zip":
        with zipfile.ZipFile(path, "w") as archive:
            for name, contents in good_members():
                archive.writestr(name, contents)
    else:
        tar_of(path, good_members())
    data = bytearray(path.read_bytes())
    for place, value in changes:
        data[place % len(data)] = value
    path.write_bytes(data if end > 2500 else data[:end])
    with contextlib.suppress(IngestError):
        tree = scan_archive(path, tmp_path, ArchiveLimits(100, 10**8))
        for file in tree.files:
            with contextlib.suppress(BadImageError):
                tree.store.read(file.entry)
