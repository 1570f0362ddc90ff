"""The site's side: a worker process that is started when needed, and ended when it misbehaves."""

import contextlib
import os
import subprocess
import sys
import threading
from collections.abc import Sequence

from pydantic import ValidationError

from grandrounds_client.worker.limits import WorkerLimits
from grandrounds_client.worker.memory import Array, SharedMemory, needed, new_file
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
from grandrounds_protocol.errors import (
    BadInput,
    BadModel,
    ModelCrashed,
    ModelTimedOut,
    ModelTooLarge,
    WorkFailed,
)

SERVE = "grandrounds_client.worker.serve"
"""The module that the process runs."""
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
        self._process: subprocess.Popen[bytes] | None = None
        self._greeted = False
        self._file = new_file()
        self._shared = SharedMemory(self._file)
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
                self._process = self._started()

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
            self._shared.reserve(max(needed(sent(request)), needed(answered(request))))
            self._shared.write(arrays)
            answer = self._exchange(request, self.limits.deadline(request.kind, rows))
            if isinstance(answer, Failed):
                raise _ERRORS[answer.error](answer.problem, where=answer.where)
            if isinstance(answer, Unknown):
                return answer, []
            return answer, self._shared.read(_given(request, answer))

    def _exchange(
        self, request: Load | Predict | Find, seconds: float
    ) -> Loaded | Done | Unknown | Failed:
        process = self._ready()
        envelope = Envelope(request=request, seconds=seconds + _GRACE)
        try:
            send(_descriptor(process.stdin), envelope.model_dump_json().encode())
            record = receive(_descriptor(process.stdout), seconds)
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

    def _ready(self) -> subprocess.Popen[bytes]:
        if self._process is None:
            self._process = self._started()
        if self._process.poll() is not None:  # between two requests: nobody's model did it
            self._end()
            self._process = self._started()
        if not self._greeted:
            self._greet(self._process)
        return self._process

    def _started(self) -> subprocess.Popen[bytes]:
        self.started += 1
        self._greeted = False
        limits = (self.limits.memory, self.limits.models, self._file)
        return subprocess.Popen(  # noqa: S603 (this interpreter, on our own module)
            [sys.executable, "-P", "-m", SERVE, *map(str, limits)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,  # a peer's file may be quoted in what libraries print
            pass_fds=(self._file,),
            env=_environment(),
            bufsize=0,
        )

    def _greet(self, process: subprocess.Popen[bytes]) -> None:
        try:
            record = receive(_descriptor(process.stdout), self.limits.start)
            self._greeted = isinstance(Reply.model_validate_json(record).answer, Ready)
        except (Closed, TooLate, OutOfForm, ValidationError):
            self._greeted = False
        if not self._greeted:
            self._end()
            raise WorkFailed(
                "the process that runs peers' models does not start",
                where=f"{sys.executable} -m {SERVE}",
                remedy="check that this machine has memory and processes left",
            )

    def _end(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        process.kill()
        process.wait()
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                with contextlib.suppress(BrokenPipeError):
                    pipe.close()


def _descriptor(pipe: object) -> int:
    number: int = pipe.fileno()  # type: ignore[attr-defined]
    return number


def _environment() -> dict[str, str]:
    """No secret of the site's is in the environment of the process."""
    passed = ("PATH", "LANG", "LC_ALL", "LD_LIBRARY_PATH", "HOME", "TMPDIR")
    kept = {name: os.environ[name] for name in passed if name in os.environ}
    return {**kept, "PYTHONPATH": os.pathsep.join(sys.path), "OMP_NUM_THREADS": "1"}


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
