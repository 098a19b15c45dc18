import pytest
import torch
from torch import nn

from foldwise.errors import UserError
from foldwise.modules.batch_size import choose_batch_size, resolve_batch_size
from foldwise.modules.config import FitConfig

CPU = torch.device("cpu")
needs_gpu = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")


@pytest.mark.parametrize("fixed", [0, 12345])
@pytest.mark.parametrize("per_sample", [1, 7, 4096])
@pytest.mark.parametrize("capacity", [10**6, 80 * 2**30])
def test_the_size_found_fits_into_half_of_the_memory_and_twice_as_much_does_not(
    fixed, per_sample, capacity
):
    def peak(size):
        return fixed + per_sample * size

    size = choose_batch_size(peak, capacity, 10**18)
    assert peak(size) <= capacity / 2 < peak(2 * size)
    assert size & (size - 1) == 0


@pytest.mark.parametrize(("most", "expected"), [(2, 2), (3, 2), (100, 64), (128, 128)])
def test_it_is_no_larger_than_asked_for(most, expected):
    assert choose_batch_size(lambda size: size, 10**9, most) == expected


def test_a_memory_too_small_for_two_samples_is_told():
    with pytest.raises(UserError, match=r"batch of two does not fit into half of the GPU's 1\.0"):
        choose_batch_size(lambda size: 2**29 * size, 2**30, 100)


def test_on_a_cpu_a_number_is_asked_for():
    with pytest.raises(UserError, match=r"runs on a CPU. Give a number, e\.g\. fit\.batch_size"):
        resolve_batch_size(FitConfig(batch_size="auto"), nn.Identity, (1, 8, 8), 1000, CPU)


def test_a_number_stays_and_nothing_is_built():
    fit = FitConfig(batch_size=48)
    assert resolve_batch_size(fit, lambda: pytest.fail("it is built"), (1, 8, 8), 1000, CPU) is fit


@pytest.mark.parametrize(("wrong", "told"), [(1, "greater than or equal to 2"), ("big", "auto")])
def test_a_wrong_size_is_refused(wrong, told):
    with pytest.raises(ValueError, match=told):
        FitConfig(batch_size=wrong)


@needs_gpu
def test_a_gpu_finds_the_same_size_again():
    def build():
        return nn.Sequential(nn.Conv2d(3, 64, 3), nn.AvgPool2d(62), nn.Flatten(), nn.Linear(64, 9))

    fit, device = FitConfig(batch_size="auto"), torch.device("cuda", 0)
    sizes = {
        resolve_batch_size(fit, build, (3, 64, 64), 10**9, device).batch_size for _ in range(2)
    }
    assert len(sizes) == 1
    assert min(sizes) >= 32
