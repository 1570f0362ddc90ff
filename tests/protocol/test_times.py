"""Times: what is early or late is refused by name, whatever numbers a peer writes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from grandrounds_protocol.errors import ClockSkew, Stale
from grandrounds_protocol.times import SKEW, Time, check_time, spell

NOW = 1_800_000_000
LAST = (1 << 37) - 1


def test_clock_skew_names_both_times() -> None:
    with pytest.raises(ClockSkew) as caught:
        check_time(NOW + SKEW + 1, NOW + 3600, NOW, "the reply")
    assert spell(NOW) in str(caught.value)
    assert spell(NOW + SKEW + 1) in str(caught.value)


def test_clocks_may_differ_by_the_skew_and_no_more() -> None:
    check_time(NOW + SKEW, NOW + 3600, NOW, "it")
    check_time(NOW - 3600, NOW - SKEW, NOW, "it")
    with pytest.raises(Stale):
        check_time(NOW - 3600, NOW - SKEW - 1, NOW, "it")


@given(st.integers(0, LAST), st.integers(0, LAST))
def test_any_time_a_peer_may_write_is_accepted_or_refused_by_name(made: int, until: int) -> None:
    refused: type[Exception] | None = Stale if until < NOW - SKEW else None
    refused = ClockSkew if made > NOW + SKEW else refused
    if refused is None:
        check_time(made, until, NOW, "it")
    else:
        with pytest.raises(refused, match="UTC"):
            check_time(made, until, NOW, "it")


@pytest.mark.parametrize("time", [-1, 1 << 37, 1 << 40, 10**30])
def test_a_time_that_no_calendar_has_is_no_time(time: int) -> None:
    assert spell(LAST)
    with pytest.raises(ValidationError):
        TypeAdapter(Time).validate_python(time)
