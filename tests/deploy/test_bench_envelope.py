"""What an envelope costs is measured beside bare HPKE, and told as a table and as JSON."""

import json

import pytest
from rich.console import Console

from grandrounds.bench.envelope import run, show
from grandrounds.bench.envelope_measure import measure
from grandrounds_protocol.envelope.padding import LEAST
from grandrounds_protocol.envelope.wrap import WRAPPED_BYTES
from grandrounds_protocol.records import PHASES


@pytest.mark.slow
def test_each_number_of_recipients_is_measured_beside_bare_hpke() -> None:
    heard: list[str] = []
    report = run(1_000_000, heard.append, recipients=(1, 5), members=3)
    assert len(heard) == 4
    one, five = report.sealings
    assert (one.hpke_measured, five.hpke_measured) == (1, 3)
    assert five.hpke_sent == 5 * one.hpke_sent
    assert one.hpke_sent == 1_000_000 + WRAPPED_BYTES - 32
    assert five.sent - one.sent == 4 * WRAPPED_BYTES
    assert one.sent > 1 << 20 > LEAST
    for each in (one, five):
        assert each.seal_memory > 1_000_000
        assert each.open_memory > 1_000_000
        assert each.faster == each.hpke_seal_seconds / each.seal_seconds
    assert {each.work.split()[0] for each in report.timings} == {
        *("sign", "verify", "draw", "make", "check")
    }
    assert [share.phase for share in report.round] == list(PHASES)
    assert all(sum(share.of.values()) <= share.seconds for share in report.round)
    assert len(json.loads(report.to_json())["sealings"]) == 2
    console = Console(width=80)
    with console.capture() as shown:
        show(console, report)
    assert "x HPKE" in shown.get()
    assert "\u2026" not in shown.get(), "a column was cut"


@pytest.mark.slow
def test_sealing_and_opening_take_at_most_three_times_the_payload() -> None:
    # so large that it is padded to twice its size: the worst there is
    found = measure(1 << 26, 1)
    assert found.sent > 2 * found.payload
    assert found.seal_memory < 3.1 * found.payload
    assert found.open_memory < 3.1 * found.payload
