"""The site's side: a worker process that is started when needed, and ended when it misbehaves."""

import threading
from collections.abc import Sequence

from pydantic import ValidationError

from grandrounds_client.worker.limits import WorkerLimits
from grandrounds_client.worker.memory import Array, SharedMemory, needed
from grandrounds_client.worker.pipe import Closed, OutOfForm, TooLate, receive, send
from grandrounds_client.worker.requests import (
    Done,
    Envelope,
    Failed,
    Find,
    Load,
    Loaded,
    Predict,
    Ready,
    Reply,
    Unknown,
)
from grandrounds_client.worker.shapes import answered, sent
from grandrounds_client.worker.started import SERVE, Spawned, Started
from grandrounds_protocol.errors import (
    BadInput,
    BadModel,
    ModelCrashed,
    ModelTimedOut,
    ModelTooLarge,
    WorkFailed,
)

_GRACE = 5.0
"""Seconds by which the worker outlives the site's patience: the site ends it, not the timer."""
_ERRORS: dict[str, type[BadModel | BadInput]] = {
    error.__name__: error for error in (BadModel, ModelTooLarge, BadInput)
}


class Worker:
    """Runs requests one by one in a process of its own, which is reused.

    A process that crashes, hangs, runs out of memory or answers out of form is ended. The
    model it was busy with is refused from then on, and the next request starts another.

    Parameters
    ----------
    limits : WorkerLimits
    """

    def __init__(self, limits: WorkerLimits | None = None) -> None:
        self.limits = limits or WorkerLimits()
        self.started = 0
        """Processes started so far."""
        self._process: Started | None = None
        self._shared: SharedMemory
        self._greeted = False
        self._condemned: dict[str, BadModel] = {}
        self._lock = threading.Lock()

    @property
    def pid(self) -> int | None:
        """Number of the process, if there is one."""
        return None if self._process is None else self._process.pid

    def close(self) -> None:
        """End the process, if there is one; a later request starts another."""
        with self._lock:
            self._end()

    def start(self) -> None:
        """Start the process ahead of the first request; returns before it is ready."""
        with self._lock:
            if self._process is None:
                self._hold(Spawned(self.limits))

    def adopt(self, process: Started) -> None:
        """Go on with a process that runs already; one held until now is ended."""
        with self._lock:
            self._end()
            self._hold(process)

    def ask(
        self, request: Load | Predict | Find, arrays: Sequence[Array], rows: int
    ) -> tuple[Loaded | Done | Unknown, list[Array]]:
        """Put one request about so many rows; return its answer and its arrays.

        Raises
        ------
        BadModel
            If the model is refused, fails, or ended a process.
        BadInput
            If the engine does not fit the model.
        WorkFailed
            If no process starts at all.
        """
        with self._lock:
            if request.model in self._condemned:
                condemned = self._condemned[request.model]
                raise type(condemned)(condemned.problem)
            process = self._ready()
            self._shared.reserve(max(needed(sent(request)), needed(answered(request))))
            self._shared.write(arrays)
            answer = self._exchange(process, request, self.limits.deadline(request.kind, rows))
            if isinstance(answer, Failed):
                raise _ERRORS[answer.error](answer.problem, where=answer.where)
            if isinstance(answer, Unknown):
                return answer, []
            return answer, self._shared.read(_given(request, answer))

    def _exchange(
        self, process: Started, request: Load | Predict | Find, seconds: float
    ) -> Loaded | Done | Unknown | Failed:
        envelope = Envelope(request=request, seconds=seconds + _GRACE)
        try:
            send(process.inlet, envelope.model_dump_json().encode())
            record = receive(process.outlet, seconds)
            answer = Reply.model_validate_json(record).answer
        except Closed:
            error: BadModel = ModelCrashed(ModelCrashed.public)
        except TooLate:
            error = ModelTimedOut(ModelTimedOut.public)
        except (OutOfForm, ValidationError):
            error = BadModel("the process that ran the model answered out of form")
        else:
            if not isinstance(answer, Ready) and _fits(request, answer):
                return answer
            error = BadModel("the process that ran the model answered another question")
        self._end()
        self._condemned[request.model] = error
        raise error

    def _ready(self) -> Started:
        process = self._process
        if process is not None and process.has_ended():  # between two requests: no model's fault
            self._end()
            process = None
        if process is None:
            process = self._hold(Spawned(self.limits))
        if not self._greeted:
            self._greet(process)
        return process

    def _hold(self, process: Started) -> Started:
        self.started += 1
        self._greeted = False
        self._process, self._shared = process, SharedMemory(process.file)
        return process

    def _greet(self, process: Started) -> None:
        try:
            record = receive(process.outlet, self.limits.start)
            self._greeted = isinstance(Reply.model_validate_json(record).answer, Ready)
        except (Closed, TooLate, OutOfForm, ValidationError):
            self._greeted = False
        if not self._greeted:
            self._end()
            raise WorkFailed(
                "the process that runs peers' models does not start",
                where=SERVE,
                remedy="check that this machine has memory and processes left",
            )

    def _end(self) -> None:
        process, self._process = self._process, None
        if process is not None:
            process.end()


def _fits(request: Load | Predict | Find, answer: object) -> bool:
    if isinstance(answer, Failed | Unknown):
        return True
    if isinstance(request, Load):
        return isinstance(answer, Loaded) and answer.columns <= request.width
    return isinstance(answer, Done)


def _given(
    request: Load | Predict | Find, answer: Loaded | Done
) -> list[tuple[tuple[int, ...], str]]:
    if isinstance(answer, Loaded):
        return [((answer.columns,), "int64")]
    return answered(request)
