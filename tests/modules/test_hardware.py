import pytest
import torch

from foldwise.modules.config import FitConfig
from foldwise.modules.hardware import choose_num_threads, num_threads


@pytest.mark.parametrize(
    ("batch_size", "shape", "expected"),
    [(128, (1, 8, 8), 1), (128, (1, 28, 28), 3), (64, (3, 64, 64), 8), (2, (1, 8, 8), 1)],
)
def test_threads_follow_the_size_of_a_batch(batch_size, shape, expected, monkeypatch):
    monkeypatch.setattr(torch, "get_num_threads", lambda: 8)
    assert choose_num_threads(FitConfig(batch_size=batch_size), shape) == expected


def test_a_number_that_is_asked_for_is_taken():
    assert choose_num_threads(FitConfig(num_threads=5), (1, 8, 8)) == 5


def test_the_number_of_threads_is_put_back():
    def fail():
        with num_threads(1):
            assert torch.get_num_threads() == 1
            raise RuntimeError

    before = torch.get_num_threads()
    with pytest.raises(RuntimeError):
        fail()
    assert torch.get_num_threads() == before
