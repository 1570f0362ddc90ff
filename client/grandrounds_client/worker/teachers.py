"""A peer's model that runs in a worker, as a teacher like any other."""

import atexit
import hashlib
import os
from dataclasses import dataclass
from functools import cache, cached_property

import numpy as np

from grandrounds_client.arrays import Columns, Labels, Mask, Probabilities, Rows
from grandrounds_client.counterfactuals.find import Counterfactuals
from grandrounds_client.teacher import Teacher
from grandrounds_client.worker.memory import Array
from grandrounds_client.worker.process import Worker
from grandrounds_client.worker.requests import Done, Find, Load, Loaded, Predict, Unknown
from grandrounds_protocol.errors import BadModel
from grandrounds_protocol.layout import Layout


def shared_worker() -> Worker:
    """Return the one worker of this process, started at its first request."""
    return _worker_of(os.getpid())


@cache
def _worker_of(process: int) -> Worker:
    """Two processes cannot share a pipe: a fork gets a worker of its own."""
    worker = Worker()
    atexit.register(lambda: worker.close() if os.getpid() == process else None)
    return worker


def remote_teacher(
    worker: Worker, data: bytes, *, name: str, algorithm: str, width: int, classes: int
) -> Teacher:
    """Check a released model in the worker and return it as a teacher that runs there.

    Parameters are those of `vet`.

    Raises
    ------
    BadModel
        If it fails the static checks, or ended the worker's process.
    """
    model = _RemoteModel(worker, data, name, algorithm, width, classes)
    return Teacher(
        name=name,
        algorithm=algorithm,
        columns=model.load(),
        classes=classes,
        predict_proba=model.predict_proba,
        elsewhere=model,
    )


@dataclass(frozen=True)
class _RemoteModel:
    """Questions about one model, asked in the worker."""

    worker: Worker
    data: bytes
    name: str
    algorithm: str
    width: int
    classes: int

    @cached_property
    def _digest(self) -> str:
        # the same bytes mean another model under another width or name
        about = f"{self.name}\x1f{self.algorithm}\x1f{self.width}\x1f{self.classes}\x1f"
        return hashlib.sha256(about.encode() + self.data).hexdigest()

    def load(self) -> Columns:
        """Check the model and keep it ready; return the columns it reads.

        Raises
        ------
        BadModel
        """
        request = Load(
            model=self._digest,
            size=len(self.data),
            name=self.name,
            algorithm=self.algorithm,
            width=self.width,
            classes=self.classes,
        )
        answer, arrays = self.worker.ask(request, [np.frombuffer(self.data, np.uint8)], 0)
        columns: Columns
        (columns,) = arrays
        if not isinstance(answer, Loaded) or not _ascending(columns, self.width):
            raise BadModel("the process that ran the model answered out of form")
        return columns

    def predict_proba(self, rows: Rows) -> Probabilities:
        """Return float32 [N, C] for float32 [N, D]."""
        request = Predict(
            model=self._digest, rows=len(rows), width=self.width, classes=self.classes
        )
        _, (probabilities,) = self._ask(request, [rows])
        # NaN fails, too
        if not ((probabilities >= -1e-6) & (probabilities <= 1 + 1e-6)).all():
            raise BadModel("the model answers numbers that are not in 0 to 1")
        return probabilities

    def find(
        self,
        x: Rows,
        y: Labels,
        *,
        rng: np.random.Generator,
        alpha: float,
        epsilon: float,
        engine: str,
        fallback: bool,
        margin: float,
        layout: Layout | None,
        movable: Mask | None,
    ) -> Counterfactuals:
        """Search where the model is; the same rows come back as from `find` here."""
        free = np.ones(self.width, np.bool_) if movable is None else movable
        request = Find(
            model=self._digest,
            rows=len(x),
            width=self.width,
            classes=self.classes,
            generator=dict(rng.bit_generator.state),
            alpha=alpha,
            epsilon=epsilon,
            engine=engine,
            fallback=fallback,
            margin=margin,
            features=None if layout is None else layout.features,
        )
        done, (moved, gap, distance, lam, converged) = self._ask(request, [x, y, free])
        if not ((moved >= 0) & (moved <= 1)).all() or (moved != x)[:, ~free].any():
            raise BadModel("the process that ran the model moved what may not move")
        return Counterfactuals(moved, gap, distance, lam, converged, done.engine)

    def _ask(self, request: Predict | Find, arrays: list[Array]) -> tuple[Done, list[Array]]:
        answer, found = self.worker.ask(request, arrays, request.rows)
        if isinstance(answer, Unknown):
            self.load()
            answer, found = self.worker.ask(request, arrays, request.rows)
        if not isinstance(answer, Done):
            raise BadModel("the process that ran the model answered out of form")
        return answer, found


def _ascending(columns: Columns, width: int) -> bool:
    inside = bool(((columns >= 0) & (columns < width)).all())
    return inside and bool((np.diff(columns) > 0).all())
