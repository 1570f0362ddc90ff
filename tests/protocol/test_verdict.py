"""The verdict: a gain most reviewers see, and no single one decides."""

import pytest

from grandrounds_protocol.records import Score
from grandrounds_protocol.verdict import decide


def scores(*gains: float) -> dict[str, Score]:
    return {f"s{i}": Score(current=0.5, candidate=0.5 + gain) for i, gain in enumerate(gains)}


def test_a_gain_is_adopted() -> None:
    assert decide(scores(0.1, 0.2, 0.1)).adopt


@pytest.mark.parametrize("gains", [(0.0, 0.0, 0.0), (-0.1, -0.1, 0.3), ()])
def test_no_gain_is_rolled_back(gains: tuple[float, ...]) -> None:
    assert not decide(scores(*gains)).adopt


@pytest.mark.parametrize("liar", [0.5, -0.5])
def test_one_lying_reviewer_among_three_does_not_decide(liar: float) -> None:
    assert decide(scores(-0.1, -0.1, liar)).adopt is False
    assert decide(scores(0.1, 0.1, liar)).adopt is True


def test_nobody_scored_means_no_verdict() -> None:
    verdict = decide({})
    assert (verdict.gain, verdict.reviewers, verdict.adopt) == (None, 0, False)
