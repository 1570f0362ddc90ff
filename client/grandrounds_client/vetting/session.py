"""Ask a vetted graph: the one place where a peer's model is executed.

`open_session` turns bytes into a plain callable. Whoever wants predictions to run
elsewhere (another process, another machine) replaces that one function.
"""

from collections.abc import Callable

import numpy as np
import onnxruntime

from grandrounds_client.arrays import Probabilities, Rows
from grandrounds_protocol.errors import BadModel

# somebody else may have imported it first, and then the environment came too late
onnxruntime.disable_telemetry_events()

Predict = Callable[[Rows], Probabilities]

_FATAL = 4
_ANSWER = "model.graph.output"


def open_session(graph: bytes) -> Predict:
    """Return a function float32 [N, D] -> float32 [N, C] that runs a vetted graph.

    Raises
    ------
    BadModel
        If onnxruntime does not take the graph; the returned function, if it fails on rows.
    """
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.enable_cpu_mem_arena = False
    options.enable_mem_pattern = False
    options.log_severity_level = _FATAL
    try:
        session = onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])
    except Exception:  # noqa: BLE001 - its errors share no base class
        # its text may quote the peer's file at any length
        raise BadModel("onnxruntime does not take the graph", where="model.graph") from None
    return _runner(session)


def _runner(session: onnxruntime.InferenceSession) -> Predict:
    name = session.get_inputs()[0].name
    options = onnxruntime.RunOptions()
    options.log_severity_level = _FATAL

    def run(rows: Rows) -> Probabilities:
        try:
            output: Probabilities = session.run(None, {name: rows}, options)[0]
        except Exception:  # noqa: BLE001 - its errors share no base class
            raise BadModel("the model fails on rows of the federation", where=_ANSWER) from None
        return output

    return run


def predictor(run: Predict, *, width: int, classes: int, chunk: int) -> Predict:
    """Return `run`, in chunks of rows, with every answer checked to be probabilities.

    Raises
    ------
    BadModel
        By the returned function, if an answer has another shape or type, is not finite,
        lies outside of 0 to 1, or a row does not sum to 1.
    """

    def predict_proba(rows: Rows) -> Probabilities:
        if rows.ndim != 2 or rows.shape[1] != width or rows.dtype != np.float32:
            problem = f"rows are {rows.dtype} {list(rows.shape)}, not float32 [N, {width}]"
            raise TypeError(problem)
        answers = np.empty((len(rows), classes), dtype=np.float32)
        for start in range(0, len(rows), chunk):
            part = np.ascontiguousarray(rows[start : start + chunk])
            answers[start : start + chunk] = _checked(run(part), (len(part), classes))
        return answers

    return predict_proba


def _checked(answer: Probabilities, shape: tuple[int, int]) -> Probabilities:
    if answer.shape != shape or answer.dtype != np.float32:
        problem = f"the model answers {list(answer.shape)} where {list(shape)} is due"
        raise BadModel(problem, where=_ANSWER)
    # written so that NaN fails; infinity fails the upper bound
    if not ((answer >= -1e-6) & (answer <= 1 + 1e-6)).all():
        raise BadModel("the model answers numbers that are not in 0 to 1", where=_ANSWER)
    if not (np.abs(answer.sum(axis=1, dtype=np.float64) - 1) <= 1e-3).all():
        raise BadModel("the model answers rows that do not sum to 1", where=_ANSWER)
    return answer
