"""Peers' models run in a process apart: same answers, and trouble stays theirs."""

import os
import signal
import time
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from grandrounds_client.arrays import Rows
from grandrounds_client.counterfactuals import find
from grandrounds_client.learners import make_learner
from grandrounds_client.release import export
from grandrounds_client.teacher import Teacher
from grandrounds_client.vet import vet
from grandrounds_client.worker import Worker, WorkerLimits, remote_teacher, started
from grandrounds_protocol.errors import BadInput, BadModel, WorkFailed
from grandrounds_protocol.layout import Layout
from grandrounds_protocol.schema import Categorical, Continuous

WIDTH, CLASSES = 4, 2
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def worker() -> Iterator[Worker]:
    one = Worker(WorkerLimits(models=2))
    yield one
    one.close()


@pytest.fixture(scope="module")
def misbehaving() -> Iterator[Worker]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(started, "SERVE", "tests.client.worker.misbehaving")
        one = Worker(
            WorkerLimits(seconds=2.0, per_prediction=0.0, per_search=0.0, memory=2 * 2**30)
        )
        yield one
        one.close()


@cache
def released(kind: str) -> bytes:
    x = np.random.default_rng(1).random((120, WIDTH), dtype=np.float32)
    y = (x[:, 0] + x[:, 1] > 1).astype(np.int32)
    (learner,) = make_learner(kind, {}, "test")
    model = learner.fit(x, y, classes=CLASSES, weight=None, seed=0)
    return export(model, np.arange(WIDTH, dtype=np.int64), WIDTH)


def teacher(worker: Worker, data: bytes) -> Teacher:
    return remote_teacher(worker, data, name="south", algorithm="any", width=WIDTH, classes=CLASSES)


def seeds(count: int = 30) -> Rows:
    return np.random.default_rng(0).random((count, WIDTH), dtype=np.float32)


LAYOUT = Layout(
    (
        Continuous(name="a", low=0, high=1),
        Continuous(name="b", low=0, high=1),
        Categorical(kind="categorical", name="c", categories=("x", "y")),
    )
)


@pytest.mark.parametrize("kind", ["tree", "mlp", "forest", "svm"])
@pytest.mark.parametrize("layout", [None, LAYOUT])
def test_rows_are_those_that_this_process_would_write(
    worker: Worker, kind: str, layout: Layout | None
) -> None:
    data = released(kind)
    here = vet(data, name="south", algorithm="any", width=WIDTH, classes=CLASSES)
    there = teacher(worker, data)
    x, y = seeds(), np.arange(30, dtype=np.int32) % CLASSES
    assert (there.predict_proba(x) == here.predict_proba(x)).all()
    assert there.columns.tolist() == here.columns.tolist()
    movable = np.array([True, True, True, False])
    one, two = (
        find(t, x, y, rng=np.random.default_rng(5), layout=layout, movable=movable, margin=0.01)
        for t in (here, there)
    )
    assert one.engine == two.engine
    for field in ("x", "gap", "distance", "lam", "converged"):
        assert (getattr(one, field) == getattr(two, field)).all()


def test_a_model_that_was_put_away_is_checked_anew_when_it_is_asked(worker: Worker) -> None:
    first = teacher(worker, released("tree"))
    before = first.predict_proba(seeds())
    for kind in ("mlp", "svm", "logistic"):  # room for two
        teacher(worker, released(kind))
    assert (first.predict_proba(seeds()) == before).all()


def test_a_process_that_was_killed_is_replaced(worker: Worker) -> None:
    asked = teacher(worker, released("tree"))
    before, count = asked.predict_proba(seeds()), worker.started
    assert worker.pid is not None
    os.kill(worker.pid, signal.SIGKILL)
    os.waitid(os.P_PID, worker.pid, os.WEXITED | os.WNOWAIT)
    assert (asked.predict_proba(seeds()) == before).all()
    assert worker.started == count + 1


def test_a_bad_model_and_an_engine_that_does_not_fit_are_refused_by_name(worker: Worker) -> None:
    with pytest.raises(BadModel, match="pickle"):
        teacher(worker, b"\x80\x04\x95")
    sound = teacher(worker, released("forest"))
    labels = np.zeros(30, np.int32)
    with pytest.raises(BadInput, match="exact engine needs a single decision tree"):
        find(sound, seeds(), labels, rng=np.random.default_rng(0), engine="exact")


@pytest.mark.parametrize(
    ("deed", "said"),
    [
        ("crash", "ended the process"),
        ("hang", "did not answer in time"),
        ("allocate 50 GB", "more memory"),
        ("nonsense", "not in 0 to 1"),
    ],
)
def test_trouble_costs_that_model_only(misbehaving: Worker, deed: str, said: str) -> None:
    sound = teacher(misbehaving, b"sound")
    bad = teacher(misbehaving, deed.encode())
    begun = time.monotonic()
    with pytest.raises(BadModel, match=said):
        bad.predict_proba(seeds())
    assert time.monotonic() - begun < 30
    assert (sound.predict_proba(seeds()) == 0.5).all()


def test_a_model_that_ended_a_process_gets_no_second(misbehaving: Worker) -> None:
    teacher(misbehaving, b"sound")
    started = misbehaving.started
    for _ in range(3):
        with pytest.raises(BadModel, match="ended the process"):
            teacher(misbehaving, b"crash while loading")
    teacher(misbehaving, b"sound")
    assert misbehaving.started == started + 1


def test_what_a_library_prints_is_no_answer_and_files_stay_empty(
    misbehaving: Worker, capfd: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    misbehaving.close()  # the next process starts in another folder
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path)
        misbehaving.start()
    assert (teacher(misbehaving, b"print").predict_proba(seeds()) == 0.5).all()
    with pytest.raises(BadModel):
        teacher(misbehaving, b"write a file").predict_proba(seeds())
    assert [path.read_bytes() for path in tmp_path.iterdir()] == [b""]
    captured = capfd.readouterr()
    assert "patient" not in captured.out + captured.err


def test_the_process_knows_no_secret_of_the_environment(
    misbehaving: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    misbehaving.close()
    monkeypatch.setenv("SITE_SECRET", "swordfish")
    teacher(misbehaving, b"sound")
    environment = Path(f"/proc/{misbehaving.pid}/environ")
    if environment.exists():
        assert b"swordfish" not in environment.read_bytes()


def test_a_hang_costs_minutes_however_many_rows_it_is_asked_about() -> None:
    limits = WorkerLimits()
    assert limits.deadline("load", 10**6) == 60
    assert limits.deadline("predict", 20_000) <= 8 * 60
    assert limits.deadline("find", 10**6) == 15 * 60
    # twice what the slowest engine takes
    assert limits.deadline("find", 1_000) >= 2 * 0.034 * 1_000


def test_a_process_that_cannot_start_is_said_with_a_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(started, "SERVE", "no_such_module")
    with pytest.raises(WorkFailed, match="does not start"):
        teacher(Worker(), b"sound")


def test_the_process_ends_when_the_site_hangs_up(misbehaving: Worker) -> None:
    teacher(misbehaving, b"sound")
    process = misbehaving._process
    assert isinstance(process, started.Spawned)
    assert process._process.stdin is not None
    process._process.stdin.close()
    assert process._process.wait(10) == 0
