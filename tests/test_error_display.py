import sys

import pytest
from kedro.io import DatasetError

from foldwise import error_display
from foldwise.errors import UserError


def wrapped(error):
    try:
        raise error
    except Exception as cause:
        raise DatasetError("Failed while loading") from cause


def while_dealing_with(handled, error, **chain):
    try:
        raise handled
    except Exception:
        if chain:
            raise error from chain["cause"]
        raise error  # noqa: B904  (this is what is tested)


FOR_THE_USER = {
    "a user's error": lambda: while_dealing_with(KeyError("inner"), UserError("told")),
    "wrapped by Kedro": lambda: wrapped(UserError("told")),
    "a full disk": lambda: wrapped(OSError(28, "told", "/data/x.npy")),
    "before a hook failed": lambda: while_dealing_with(UserError("told"), KeyError("hook")),
}
FOR_THE_DEVELOPER = {
    "ours": lambda: wrapped(KeyError("seen")),
    "ours while a file was missing": lambda: while_dealing_with(
        FileNotFoundError("elsewhere"), TypeError("seen")
    ),
    "ours, what was before is said not to matter": lambda: while_dealing_with(
        UserError("elsewhere"), TypeError("seen"), cause=None
    ),
}


@pytest.fixture
def show(monkeypatch, capsys):
    """Show the error that a function raises as at the end of a run; return what is written."""
    monkeypatch.setattr(sys, "excepthook", sys.excepthook)
    monkeypatch.delenv("FOLDWISE_TRACEBACK", raising=False)

    def shown(function):
        error_display.install()
        try:
            function()
        except Exception:
            sys.excepthook(*sys.exc_info())
        return capsys.readouterr().err

    return shown


@pytest.mark.parametrize("name", FOR_THE_USER)
def test_a_users_error_is_told_in_a_few_words(show, name):
    text = show(FOR_THE_USER[name])
    assert text.startswith("\nError: ")
    assert "told" in text
    assert "Traceback" not in text
    assert len(text.splitlines()) == 3


@pytest.mark.parametrize("name", FOR_THE_DEVELOPER)
def test_an_error_of_ours_is_shown_with_its_traceback(show, name):
    text = show(FOR_THE_DEVELOPER[name])
    assert "Traceback" in text
    assert "seen" in text
    assert not text.startswith("\nError: ")


def test_a_switch_shows_all_tracebacks(show, monkeypatch):
    monkeypatch.setenv("FOLDWISE_TRACEBACK", "1")
    monkeypatch.setattr(sys, "excepthook", sys.__excepthook__)
    assert "Traceback" in show(FOR_THE_USER["wrapped by Kedro"])
