import subprocess
import sys

from foldwise import code_closure
from foldwise.code_closure import code_hash, source_closure
from foldwise.tasks import train

LOADED = """
import sys, foldwise.data.folds
print(*[m.__file__ for n, m in sys.modules.items() if n.split('.')[0] == 'foldwise'])
"""


def names(module):
    return {
        path.relative_to(code_closure._PACKAGE_ROOT).as_posix() for path in source_closure(module)
    }


def test_the_closure_holds_what_training_runs_and_nothing_of_kedro():
    files = names("foldwise.tasks.train")
    assert {"tasks/train.py", "modules/classifier.py", "models/small_cnn.py", "seeds.py"} <= files
    assert not files & {"hooks.py", "settings.py", "tracking.py", "pipeline_registry.py"}


def test_the_closure_is_what_an_import_really_loads():
    command = [sys.executable, "-c", LOADED]
    loaded = subprocess.run(command, capture_output=True, text=True, check=True)
    assert set(loaded.stdout.split()) <= {str(p) for p in source_closure("foldwise.data.folds")}


def test_a_stage_that_trains_nothing_does_not_depend_on_the_networks():
    assert not {name for name in names("foldwise.data.folds") if name.startswith("models/")}


def test_what_only_a_generator_runs_is_left_out_of_other_trainings():
    whole = set(source_closure("foldwise.tasks.train"))
    plain = set(source_closure("foldwise.tasks.train", train._GENERATOR_CODE))
    left_out = {path.relative_to(code_closure._PACKAGE_ROOT).as_posix() for path in whole - plain}
    assert {"models/gan/config.py", "tasks/gan_config.py", "data/joined_rows.py"} <= left_out
    assert not {path for path in plain if "gan" in path.name or "tasks/synthetic" in str(path)}
    assert {"tasks/fit_fold.py", "data/balance/config.py", "tasks/recipe.py"}.isdisjoint(left_out)


def project(tmp_path, monkeypatch, body):
    root = tmp_path / "foldwise"
    root.mkdir(exist_ok=True)
    (root / "__init__.py").write_text("")
    (root / "work.py").write_text(body)
    monkeypatch.setattr(code_closure, "_PACKAGE_ROOT", root)
    return code_hash("foldwise.work")


def test_comments_and_doc_strings_do_not_count_but_code_does(tmp_path, monkeypatch):
    plain = project(tmp_path, monkeypatch, "def f(x):\n    return x + 1\n")
    body = '"""Module."""\n\n# why\ndef f(x):\n    """Add."""\n    return (x  + 1)\n'
    dressed = project(tmp_path, monkeypatch, body)
    changed = project(tmp_path, monkeypatch, "def f(x):\n    return x + 2\n")
    assert plain == dressed
    assert plain != changed
