"""What is particular to the convolutional network."""

import numpy as np
import pytest
from sklearn.datasets import load_digits

from grandrounds_client.counterfactuals import find
from grandrounds_client.learners.cnn import ConvolutionalNetwork
from grandrounds_client.release import export
from grandrounds_client.vet import vet
from grandrounds_protocol.errors import BadInput
from tests.client.learners.data import run


@pytest.mark.parametrize("shape", [None, (8, 8, 3), (4, 4, 1)])
def test_it_asks_for_the_shape_of_the_image(shape: tuple[int, int, int] | None) -> None:
    x = np.random.default_rng(0).random((10, 64), dtype=np.float32)
    y = np.arange(10, dtype=np.int32) % 2
    with pytest.raises(BadInput) as caught:
        ConvolutionalNetwork(shape=shape).fit(x, y, classes=2, weight=None, seed=0)
    assert "shape" in caught.value.where
    assert "height, width, channels" in caught.value.remedy


@pytest.mark.parametrize("shape", [(1, 1, 24), (24, 1, 1), (2, 4, 3), (3, 8, 1), (1, 8, 3)])
def test_the_release_agrees_whatever_the_shape(shape: tuple[int, int, int]) -> None:
    x = np.random.default_rng(0).random((30, 24), dtype=np.float32)
    y = np.arange(30, dtype=np.int32) % 3
    learner = ConvolutionalNetwork(shape=shape, channels=(4, 5), epochs=1)
    fitted = learner.fit(x, y, classes=3, weight=None, seed=0)
    answers = run(export(fitted, np.arange(24), 24), x)
    np.testing.assert_allclose(answers, fitted.predict_proba(x), atol=1e-5)


def test_the_channels_of_a_pixel_stand_side_by_side() -> None:
    # the class is whether the second channel is bright anywhere in the left half
    rng = np.random.default_rng(0)
    images = 0.3 * rng.random((200, 4, 4, 2), dtype=np.float32)
    y = np.arange(200, dtype=np.int32) % 2
    images[y == 1, 0, 0, 1] = 1
    learner = ConvolutionalNetwork(shape=(4, 4, 2), channels=(8,), epochs=20)
    fitted = learner.fit(images.reshape(200, -1), y, classes=2, weight=None, seed=0)
    swapped = images[..., ::-1].reshape(200, -1).copy()
    assert (fitted.predict_proba(images.reshape(200, -1)).argmax(axis=1) == y).mean() > 0.95
    assert (fitted.predict_proba(swapped).argmax(axis=1) == y).mean() < 0.9


def test_it_reads_digits_and_walks_downhill_to_another() -> None:
    digits = load_digits()
    x, y = (digits.data / 16).astype(np.float32), digits.target.astype(np.int32)
    learner = ConvolutionalNetwork(shape=(8, 8, 1))
    fitted = learner.fit(x[:1000], y[:1000], classes=10, weight=None, seed=0)
    assert (fitted.predict_proba(x[1000:]).argmax(axis=1) == y[1000:]).mean() > 0.9
    graph = export(fitted, np.arange(64), 64)
    teacher = vet(graph, name="north", algorithm=learner.algorithm, width=64, classes=10)
    assert teacher.differentiable is not None
    labels = ((y[:10] + 1) % 10).astype(np.int32)
    found = find(teacher, x[:10], labels, rng=np.random.default_rng(0), engine="adam")
    assert found.engine == "adam"
    assert found.converged.mean() >= 0.8
