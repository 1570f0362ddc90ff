"""`grandrounds bench envelope`: sealing beside bare HPKE, messages and rosters."""

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from time import perf_counter

from rich.console import Console
from rich.table import Table

from grandrounds.bench.envelope_measure import RIVALS, Sealing, measure, timed
from grandrounds.bench.envelope_round import Share, measure_round
from grandrounds.bench.envelope_round import table as share_table
from grandrounds.bench.rows import HEART
from grandrounds.bench.setting import cpu
from grandrounds.bench.table import digits
from grandrounds.results import versions
from grandrounds.tables import titled
from grandrounds.threads import one_thread
from grandrounds_protocol.keys import KeyPair
from grandrounds_protocol.roster import Member, Roster, read_roster, sign_roster
from grandrounds_protocol.signed import Signed, SignedHead, sign_message

Note = Callable[[str], None]
RECIPIENTS = (1, 20, 1000)
MEMBERS = 1000
_MEGA = 1_000_000
_NOW = 1_800_000_000


@dataclass(frozen=True)
class Timing:
    """Processor time of one piece of work."""

    work: str
    seconds: float


@dataclass(frozen=True)
class Report:
    """All that was measured."""

    cpu: str
    versions: dict[str, str]
    seconds: float
    sealings: tuple[Sealing, ...]
    timings: tuple[Timing, ...]
    round: tuple[Share, ...]

    def to_json(self) -> str:
        """Write it as one JSON document."""
        return json.dumps(asdict(self), indent=2) + "\n"


def run(
    payload: int, note: Note, recipients: Sequence[int] = RECIPIENTS, members: int = MEMBERS
) -> Report:
    """Measure envelopes of a payload of so many bytes, messages of as many, and a roster.

    Parameters
    ----------
    payload : int
    note : callable
        Told what is measured next.
    recipients : sequence of int
        One envelope each.
    members : int
        On the roster.
    """
    begun = perf_counter()
    sealings = []
    with one_thread():
        for count in recipients:
            note(f"{payload / _MEGA:,.0f} MB for {count:,}")
            sealings.append(measure(payload, count))
        note("messages and a roster")
        timings = (*_messages(payload), *_rosters(members))
    note("a simulation of the heart example")
    shares = tuple(measure_round(HEART))
    return Report(cpu(), versions(), perf_counter() - begun, tuple(sealings), timings, shares)


def _messages(size: int) -> tuple[Timing, ...]:
    keys = KeyPair.generate()
    signer = Member(name="hub", role="coordinator", keys=keys.public)
    roster = "00" * 32
    head = SignedHead(
        purpose="instruction",
        roster=roster,
        signer="hub",
        to="a",
        created=_NOW,
        expires=_NOW + 3600,
    )
    body = b"\x01" * size
    signing, data = timed(lambda: sign_message(body, head, keys))
    verifying, _ = timed(
        lambda: Signed.from_bytes(data).verify(
            signer, to="a", roster=roster, purpose="instruction", now=_NOW
        )
    )
    told = f"a message of {size / _MEGA:,.0f} MB"
    return Timing(f"sign {told}", signing), Timing(f"verify {told}", verifying)


def _rosters(count: int) -> tuple[Timing, ...]:
    authority = KeyPair.generate()
    drawing, keys = timed(lambda: [KeyPair.generate().public for _ in range(count)])
    making, data = timed(
        lambda: sign_roster(
            Roster(
                federation="bench",
                version=1,
                created=_NOW,
                expires=_NOW + 3600,
                members=tuple(
                    Member(name=f"s{number}", role="site", keys=each)
                    for number, each in enumerate(keys)
                ),
            ),
            authority,
        )
    )
    reading, _ = timed(lambda: read_roster(data, authority.public.fingerprint))
    return (
        Timing(f"draw the keys of {count:,} members", drawing),
        Timing(f"make and sign a roster of {count:,}", making),
        Timing(f"check and read a roster of {count:,}", reading),
    )


def show(console: Console, report: Report) -> None:
    """Print all tables and what their columns are."""
    console.print(f"\n{report.cpu}, one thread; {report.seconds:.0f} s in all")
    console.print(_times(report.sealings))
    console.print(
        "s, MB/s: processor time, of the payload once. x HPKE: how many times faster than bare "
        "HPKE of the whole payload, once per recipient and unsigned; * measured for "
        f"{RIVALS}, and reckoned for all.\n"
    )
    console.print(_sizes(report.sealings))
    console.print(
        "envelope, HPKE: what the sender sends; letter: what one recipient gets. Memory: peak of "
        "a process of its own, by the payload and with it, to seal, up to the bytes that travel; "
        "to read a letter and open it.\n"
    )
    table = titled("Messages and rosters", text=("work",), numbers=("ms",))
    for each in report.timings:
        table.add_row(each.work, digits(1000 * each.seconds))
    console.print(table)
    console.print(share_table(report.round))
    console.print(
        "Of the wall time of each phase, both sides together: sealing: letters opened, sealed and "
        "cut; signing: messages and scores signed and verified, the ledger written; vetting: "
        "peers' models checked and opened, their process included."
    )


def _times(found: Sequence[Sealing]) -> Table:
    table = titled(
        f"A payload of {found[0].payload / _MEGA:,.0f} MB",
        numbers=("recipients", "seal s", "MB/s", "x HPKE", "open s", "MB/s", "x HPKE"),
    )
    for each in found:
        reckoned = "*" * (each.hpke_measured < each.recipients)
        table.add_row(
            f"{each.recipients:,}",
            digits(each.seal_seconds),
            f"{each.payload / each.seal_seconds / _MEGA:,.0f}",
            digits(each.faster) + reckoned,
            digits(each.open_seconds),
            f"{each.payload / each.open_seconds / _MEGA:,.0f}",
            digits(each.faster_open),
        )
    return table


def _sizes(found: Sequence[Sealing]) -> Table:
    table = titled(
        "MB on the wire, and memory by the payload",
        numbers=("recipients", "envelope", "HPKE", "letter", "seal", "open"),
    )
    for each in found:
        sizes = (each.sent, each.hpke_sent, each.delivered)
        memory = (each.seal_memory, each.open_memory)
        table.add_row(
            f"{each.recipients:,}",
            *(f"{size / _MEGA:,.1f}" for size in sizes),
            *(f"{peak / each.payload:.2f}" for peak in memory),
        )
    return table
