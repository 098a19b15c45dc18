import torch
from torch import nn

from foldwise.modules.weight_average import WeightAverage


def network():
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2))


def wander(module, average, num_updates, seed=1):
    """Move weights and statistics at random; return all of them after each update."""
    generator = torch.Generator().manual_seed(seed)
    seen = []
    for _ in range(num_updates):
        with torch.no_grad():
            for tensor in module.state_dict().values():
                if tensor.is_floating_point():
                    tensor += torch.randn(tensor.shape, generator=generator)
                else:
                    tensor += 3
        average.update(module)
        seen.append({k: v.clone() for k, v in module.state_dict().items()})
    return seen


def test_the_mean_is_that_of_the_formula_with_its_warm_up():
    module = network()
    average = WeightAverage(module, 0.8)
    seen = wander(module, average, 60)
    expected = {k: v.double() for k, v in seen[0].items()}
    for number, weights in enumerate(seen[1:], 1):
        keep = min(0.8, (1 + number) / (10 + number))
        for name, tensor in weights.items():
            expected[name] = keep * expected[name] + (1 - keep) * tensor
    found = average.network.state_dict()
    for name, tensor in expected.items():
        if name.endswith("num_batches_tracked"):
            tensor = seen[-1][name].double()
        torch.testing.assert_close(found[name].double(), tensor, rtol=1e-5, atol=1e-5)


def test_what_does_not_move_stays_to_the_bit_and_the_network_is_left_alone():
    module = network()
    before = {k: v.clone() for k, v in module.state_dict().items()}
    average = WeightAverage(module, 0.9)
    for _ in range(5):
        average.update(module)
    for name, tensor in before.items():
        assert torch.equal(average.network.state_dict()[name], tensor)
        assert torch.equal(module.state_dict()[name], tensor)


def test_a_state_that_is_put_back_goes_on_bit_for_bit():
    module, other = network(), network()
    average = WeightAverage(module, 0.99)
    wander(module, average, 7)
    resumed = WeightAverage(other, 0.99)
    other.load_state_dict(module.state_dict())
    resumed.restore({k: v.clone() for k, v in average.state().items()})
    wander(module, average, 5, seed=2)
    wander(other, resumed, 5, seed=2)
    for name, tensor in average.state().items():
        assert torch.equal(tensor, resumed.state()[name])


def test_the_averaged_network_evaluates_and_is_not_trained():
    average = WeightAverage(network(), 0.9)
    assert not any(module.training for module in average.network.modules())
    assert not any(p.requires_grad for p in average.network.parameters())
