"""The worker's side: check, ask and search peers' models until the site hangs up."""

import os
import resource
import signal
import sys
from collections import OrderedDict

import numpy as np
import torch

from grandrounds_client.counterfactuals.find import find
from grandrounds_client.teacher import Teacher
from grandrounds_client.vet import vet
from grandrounds_client.worker.memory import Array, SharedMemory
from grandrounds_client.worker.pipe import Closed, receive, send
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
from grandrounds_client.worker.shapes import sent
from grandrounds_protocol.errors import BadInput, BadModel, ModelTooLarge
from grandrounds_protocol.layout import Layout

Answer = Loaded | Done | Unknown | Failed | Ready


def main(memory: int, models: int, shared: int) -> None:
    """Serve on stdin and stdout; `shared` is the descriptor of the shared memory."""
    # whatever a library prints must not stand between two records
    out = os.dup(1)
    os.dup2(2, 1)
    _confine(memory)
    torch.set_num_threads(1)
    desk = _Desk(SharedMemory(shared), models)
    send(out, _record(Ready()))
    while True:
        try:
            envelope = Envelope.model_validate_json(receive(0))
        except Closed:
            return
        # should the site be gone by then, nobody else ends this
        signal.setitimer(signal.ITIMER_REAL, envelope.seconds)
        answer = desk.answer(envelope.request)
        signal.setitimer(signal.ITIMER_REAL, 0)
        send(out, _record(answer))


def _confine(memory: int) -> None:
    """Bound memory; allow no file to grow and no core to be dumped."""
    resource.setrlimit(resource.RLIMIT_DATA, (memory, memory))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _record(answer: Answer) -> bytes:
    return Reply(answer=answer).model_dump_json().encode()


class _Desk:
    """The models that are ready, and what is asked of them."""

    def __init__(self, shared: SharedMemory, models: int) -> None:
        self._shared, self._models = shared, models
        self._ready: OrderedDict[str, Teacher] = OrderedDict()

    def answer(self, request: Load | Predict | Find) -> Answer:
        try:
            arrays = self._shared.read(sent(request))
            if isinstance(request, Load):
                return self._load(request, arrays)
            teacher = self._ready.get(request.model)
            if teacher is None:
                return Unknown()
            self._ready.move_to_end(request.model)
            return self._ask(teacher, request, arrays)
        except (BadModel, BadInput) as error:
            kind = "BadModel" if isinstance(error, BadModel) else "BadInput"
            return Failed(error=kind, problem=error.problem[:1000], where=error.where[:1000])
        except MemoryError:
            self._ready.clear()
            return Failed(error="ModelTooLarge", problem=ModelTooLarge.public)

    def _load(self, request: Load, arrays: list[Array]) -> Loaded:
        teacher = vet(
            arrays[0].tobytes(),
            name=request.name,
            algorithm=request.algorithm,
            width=request.width,
            classes=request.classes,
        )
        self._ready[request.model] = teacher
        while len(self._ready) > self._models:
            self._ready.popitem(last=False)
        self._shared.write([teacher.columns])
        return Loaded(columns=len(teacher.columns))

    def _ask(self, teacher: Teacher, request: Predict | Find, arrays: list[Array]) -> Done:
        if isinstance(request, Predict):
            self._shared.write([teacher.predict_proba(arrays[0])])
            return Done()
        x, y, movable = arrays
        rng = np.random.default_rng()
        rng.bit_generator.state = request.generator
        found = find(
            teacher,
            x,
            y,
            rng=rng,
            alpha=request.alpha,
            epsilon=request.epsilon,
            engine=request.engine,
            fallback=request.fallback,
            margin=request.margin,
            layout=None if request.features is None else Layout(request.features),
            movable=movable,
        )
        self._shared.write([found.x, found.gap, found.distance, found.lam, found.converged])
        return Done(engine=found.engine)


if __name__ == "__main__":
    main(*(int(argument) for argument in sys.argv[1:4]))
