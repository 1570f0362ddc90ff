"""A release in transit. Broken cards are in tests/vectors."""

from grandrounds_protocol.records import ModelCard
from grandrounds_protocol.release import ModelRelease

CARD = ModelCard(
    site="a", algorithm="tree", features=("x",), classes=("n", "y"), validation=None, rows="0-9"
)


def test_a_release_comes_through() -> None:
    release = ModelRelease(CARD, b"graph")
    assert ModelRelease.from_bytes(release.to_bytes()) == release
