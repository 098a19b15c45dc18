"""DVC runs the stages of dvc.yaml, and only those whose inputs have changed."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from project_copy import ROOT, clean_environment

BIN = Path(sys.executable).parent
FAMILIES = ("cnn", "rnn", "mlp")
OF_FAMILY = ("train", "explain", "compare_baselines", "evaluate")
STAGES = {"ingest", "audit", "split", "balance", "augment", "baseline"} | {
    f"{stage}_{family}" for stage in OF_FAMILY for family in FAMILIES
}
STAGES |= {"train_gan", "evaluate_gan"}


def dvc(project, *arguments):
    environment = clean_environment(PATH=f"{BIN}:/usr/bin:/bin", DVC_NO_ANALYTICS="1")
    ran = subprocess.run(
        [BIN / "dvc", *arguments],
        cwd=project,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stdout[-3000:] + ran.stderr[-3000:]
    return ran.stdout


def run_stages(output):
    return [line.split("'")[1] for line in output.splitlines() if line.startswith("Running stage")]


def make_small(project):
    """Give the environment that dvc.yaml is for the parameters of the tests."""
    for file in (project / "conf" / "test").glob("parameters_*.yml"):
        base = project / "conf" / "base" / file.name
        values, small = (yaml.safe_load(path.read_text()) for path in (base, file))
        base.write_text(yaml.safe_dump(merged(values, small)))


def merged(values, other):
    if not isinstance(values, dict) or not isinstance(other, dict):
        return other
    return values | {key: merged(values.get(key), value) for key, value in other.items()}


@pytest.mark.slow
def test_everything_is_reproduced_once_and_nothing_twice(project):
    private = shutil.ignore_patterns("tmp", "cache", "config.local")
    shutil.copytree(ROOT / ".dvc", project / ".dvc", ignore=private)
    for name in (".dvcignore", ".gitignore", "dvc.yaml"):
        shutil.copy(ROOT / name, project)
    subprocess.run(["git", "init", "-q", project], check=True)
    make_small(project)

    ran = run_stages(dvc(project, "repro"))  # the preview of augmentation at any time
    assert set(ran) == STAGES
    assert len(ran) == len(STAGES)
    assert run_stages(dvc(project, "repro")) == []
    assert "up to date" in dvc(project, "status")

    found = json.loads(dvc(project, "metrics", "show", "--json"))[""]["data"]
    for family in FAMILIES:
        scores = found[f"data/08_reporting/digits/{family}/metrics.json"]["data"]
        assert 0 <= scores["oof"]["accuracy"]["value"] <= 1
    dvc(project, "plots", "show")
    page = (project / "dvc_plots" / "index.html").read_text()
    assert "outcomes" in page
    assert "curves" in page

    evaluate = project / "conf" / "base" / "parameters_evaluate.yml"
    evaluate.write_text("# Values decide, not the text.\n" + evaluate.read_text())
    assert "up to date" in dvc(project, "status")
    evaluate.write_text(yaml.safe_dump({"evaluate": {"num_resamples": 150}}))
    changed = json.loads(dvc(project, "status", "--json"))
    assert set(changed) == {f"evaluate_{family}" for family in FAMILIES}
