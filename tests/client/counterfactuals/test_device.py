"""One function decides where engines with gradients compute."""

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from grandrounds_client.arrays import Labels, Probabilities, Rows
from grandrounds_client.counterfactuals import Counterfactuals, device, find
from grandrounds_client.teacher import Teacher

WEIGHT = np.random.default_rng(0).normal(size=(12, 4)).astype(np.float32) * 3
every_engine = pytest.mark.parametrize("engine", ["linear", "adam"])


class Network(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("weight", torch.from_numpy(WEIGHT))

    def forward(self, x: Tensor) -> Tensor:
        return torch.softmax(x @ self.get_buffer("weight"), dim=1)


def predict(x: Rows) -> Probabilities:
    odds = np.exp(x @ WEIGHT)
    answers: Probabilities = odds / odds.sum(axis=1, keepdims=True)
    return answers


def solved(engine: str) -> Counterfactuals:
    rng = np.random.default_rng(1)
    x = rng.random((40, 12), dtype=np.float32)
    y: Labels = rng.integers(0, 4, 40).astype(np.int32)
    teacher = Teacher("t", "net", np.arange(12), 4, predict, differentiable=Network())
    return find(teacher, x, y, rng=rng, engine=engine)


@every_engine
def test_every_tensor_names_its_device(engine: str) -> None:
    # whatever is made without a device lands on "meta", where it fits no other tensor
    usual = solved(engine)
    with torch.device("meta"):
        named = solved(engine)
    assert np.array_equal(usual.x, named.x)


def test_elsewhere_a_copy_is_asked_and_the_teachers_own_stays(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    network = Network()
    assert device.placed(network) is network
    monkeypatch.setattr(device, "device", lambda: torch.device("meta"))
    assert device.placed(network).get_buffer("weight").is_meta
    assert not network.get_buffer("weight").is_meta


@every_engine
@pytest.mark.skipif(not torch.cuda.is_available(), reason="torch sees no graphics card")
def test_the_card_finds_what_the_cpu_finds(engine: str, monkeypatch: pytest.MonkeyPatch) -> None:
    there = solved(engine)
    for module in ("device", "linear", "adam"):
        name = f"grandrounds_client.counterfactuals.{module}.device"
        monkeypatch.setattr(name, lambda: torch.device("cpu"))
    here = solved(engine)
    assert np.array_equal(there.converged, here.converged)
    np.testing.assert_allclose(there.distance, here.distance, rtol=0.02)
