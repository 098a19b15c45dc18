import numpy as np
import pytest
import torch

from foldwise.modules.penalties import penalty


@pytest.mark.parametrize(("l1", "l2"), [(0.3, 0.0), (0.0, 0.7), (0.3, 0.7)])
def test_it_is_the_formula_with_absolute_values(l1, l2):
    generator = np.random.default_rng(0)
    arrays = [generator.normal(size=shape) for shape in ((3, 4), (2, 3, 2, 2), (1,))]
    expected = sum(l1 * np.abs(a).sum() + l2 * (a**2).sum() for a in arrays)
    found = penalty([torch.from_numpy(a) for a in arrays], l1=l1, l2=l2)
    assert float(found) == pytest.approx(expected)


def test_twice_the_penalty_of_squares_is_weight_decay():
    weights = torch.tensor([[1.0, -2.0]], requires_grad=True)
    penalty([weights], l1=0.0, l2=0.25).backward()
    torch.testing.assert_close(weights.grad, 0.5 * weights.detach())
