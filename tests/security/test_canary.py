"""One patient's values are planted; nothing that others or a log may see holds them."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest
from flwr.clientapp import ClientApp

from grandrounds import in_process
from grandrounds.cli import run_command
from grandrounds.in_process import Written
from grandrounds.simulate import prepare
from grandrounds_client.arrays import Mask, Rows
from grandrounds_client.learners.naive_bayes import NaiveBayes
from grandrounds_client.site import Site, split_rows
from grandrounds_protocol.messages import Parcel, Reply

WIDTH, ROWS, SEED = 8, 240, 5
HIGH = 1000
CANARY = [round(71.37919 + 103.11713 * at, 5) for at in range(WIDTH)]
"""One patient's values, with more digits than anybody else's have."""
SITES = {"north": "tree", "south": "logistic", "west": "naive-bayes"}
PLANTED_AT = 3


def texts() -> set[str]:
    """Return every value as a person or a program would write it, as it is and encoded."""
    found = set[str]()
    for value in CANARY:
        encoded = value / HIGH
        found |= {str(value), f"{value:.4f}", str(encoded), f"{encoded:.6f}"}
        found |= {str(np.float32(value)), str(np.float32(encoded)), str(float(np.float32(encoded)))}
    return found


def numbers() -> set[bytes]:
    """Return every value as bytes, as it is and encoded."""
    kinds = ("<f4", "<f8", ">f4", ">f8")
    return {
        np.array(value, kind).tobytes()
        for canary in CANARY
        for value in (canary, canary / HIGH)
        for kind in kinds
    }


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Write three sites of made patients, each with the planted one in the same row."""
    root = tmp_path / "federation"
    root.mkdir()
    names = [f"m{at}" for at in range(WIDTH)]
    features = "".join(
        f'[[features]]\nname = "{name}"\nkind = "continuous"\nlow = 0\nhigh = {HIGH}\n'
        for name in names
    )
    head = 'name = "planted"\nlabel = "outcome"\nclasses = ["well", "ill"]\n'
    (root / "federation.toml").write_text(f"{head}{features}[rules]\n", encoding="utf-8")
    for seed, (site, learner) in enumerate(SITES.items()):
        x = (np.random.default_rng(seed).random((ROWS, WIDTH)) * HIGH).round(1)
        x[PLANTED_AT] = CANARY
        lines = [
            ",".join([*map(str, row), "ill" if row[0] + row[1] > HIGH else "well"])
            for row in x.tolist()
        ]
        (root / site).mkdir()
        (root / site / "rows.csv").write_text("\n".join([",".join([*names, "outcome"]), *lines]))
        (root / site / "site.toml").write_text(
            f'name = "{site}"\ndata = "rows.csv"\nlearner = "{learner}"\n', encoding="utf-8"
        )
    return root


@dataclass
class Seen:
    """What others see of a run."""

    wire: list[bytes] = field(default_factory=list)
    replies: list[Reply] = field(default_factory=list)

    def parcels(self) -> Iterator[Parcel]:
        for reply in self.replies:
            yield from reply.parcels


@pytest.fixture
def seen(monkeypatch: pytest.MonkeyPatch) -> Seen:
    """Keep every message to the coordinator, as Flower's bytes and as the protocol reads it."""
    found = Seen()
    deliver, to_bytes = in_process.deliver, Reply.to_bytes

    def delivering(app: ClientApp, node: int, site: str, written: Written) -> Written:
        reply = deliver(app, node, site, written)
        found.wire.extend(reply.objects.values())
        return reply

    def writing(reply: Reply) -> bytes:
        found.replies.append(reply)
        return to_bytes(reply)

    monkeypatch.setattr(in_process, "deliver", delivering)
    monkeypatch.setattr(Reply, "to_bytes", writing)
    return found


def failing_second(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the second fit of a learner raise, with the planted patient in its message."""
    fit, times = NaiveBayes.fit, [0]

    def fails(self: NaiveBayes, x: Rows, *rest: object, **options: object) -> object:
        times[0] += 1
        if times[0] == 2:
            planted = x[is_planted(x)]
            assert len(planted)
            raise ValueError(f"cannot learn from {planted[0].tolist()}, which is {CANARY}")
        return fit(self, x, *rest, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(NaiveBayes, "fit", fails)


def is_planted(x: Rows) -> Mask:
    """Mark the planted patient among encoded rows, bool [n]."""
    return np.asarray((np.abs(x - np.array(CANARY) / HIGH) < 1e-6).all(axis=1), np.bool_)


def is_trained_on(site: Site) -> bool:
    return bool(is_planted(split_rows(site, site.federation.rules).train.x).any())


@pytest.mark.slow
@pytest.mark.parametrize("recipe", ["guarded", "paper"])
def test_a_planted_value_stands_in_no_log_message_report_or_result(
    folder: Path,
    seen: Seen,
    logged: Callable[[], str],
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    recipe: str,
) -> None:
    sites = prepare(folder, recipe=recipe, seed=SEED).sites
    assert all(is_trained_on(site) for site in sites.values())
    failing_second(monkeypatch)
    out = folder.parent / "out"
    options = ["--recipe", recipe, "--seed", str(SEED), "--rounds", "2", "--out", str(out)]
    assert run_command(["simulate", str(folder), *options]) == 0
    printed = capfd.readouterr()
    said = {
        "log": logged(),
        "stdout": printed.out,
        "stderr": printed.err,
        "results.json": (out / "results.json").read_text(),
        "report.html": (out / "report.html").read_text(),
    }
    assert "ValueError" in said["log"], "the learner did not fail"
    assert {parcel.kind for parcel in seen.parcels()} == {"release", "instances", "candidate"}
    found = [(place, text) for place, told in said.items() for text in texts() if text in told]
    assert found == []
    wire = b"\n".join(seen.wire)
    assert [text for text in texts() if text.encode() in wire] == []
    assert numbers_in(seen) == []
    assert rows_in(seen) == []


def numbers_in(seen: Seen) -> list[bytes]:
    """Return planted numbers in headings and models.

    A virtual row may keep single numbers of a patient (docs/leakage.md): `rows_in` looks there.
    """
    apart = [
        Reply(reply.body, tuple(one for one in reply.parcels if one.kind != "instances")).to_bytes()
        for reply in list(seen.replies)
    ]
    return [number for number in numbers() for told in apart if number in told]


def rows_in(seen: Seen) -> list[str]:
    """Return the senders of virtual rows that hold the planted patient."""
    row = (np.array(CANARY, np.float64) / HIGH).astype("<f4").tobytes()
    return [parcel.sender for parcel in seen.parcels() if row in parcel.payload]


@pytest.mark.parametrize("cell", ["{} mg", "ill{}", "{}e400", "nan{}"])
def test_a_planted_value_in_a_bad_cell_is_not_repeated(
    folder: Path,
    logged: Callable[[], str],
    capfd: pytest.CaptureFixture[str],
    cell: str,
) -> None:
    path = folder / "south" / "rows.csv"
    bad = cell.format(CANARY[2])
    path.write_text(path.read_text().replace(str(CANARY[2]), bad))
    out = folder.parent / "out"
    assert run_command(["simulate", str(folder), "--out", str(out)]) == 2
    printed = capfd.readouterr()
    told = printed.out + printed.err + logged()
    assert "column 'm2'" in printed.err
    assert [text for text in texts() if text in told] == []
    assert not out.exists()
