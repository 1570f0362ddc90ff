"""A release in transit: the card is read, a broken one refused."""

import pytest

from grandrounds_protocol.errors import BadModel
from grandrounds_protocol.records import ModelCard
from grandrounds_protocol.release import ModelRelease

CARD = ModelCard(
    site="a", algorithm="tree", features=("x",), classes=("n", "y"), validation=None, rows="0-9"
)


def test_a_release_comes_through() -> None:
    release = ModelRelease(CARD, b"graph")
    assert ModelRelease.from_bytes(release.to_bytes()) == release


@pytest.mark.parametrize(
    "data",
    [b"", b"\x00\x00", b"\x00\x00\x00\x09{}", b"\xff\xff\xff\xff{}", b"\x00\x00\x00\x02{}"],
)
def test_a_broken_card_is_refused(data: bytes) -> None:
    with pytest.raises(BadModel):
        ModelRelease.from_bytes(data)
