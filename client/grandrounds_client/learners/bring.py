"""From an ONNX file that another program wrote to a model that may teach."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper, version_converter

from grandrounds_client.arrays import Columns, Rows
from grandrounds_client.graph import IR_VERSION, OPSETS, assemble
from grandrounds_client.learners.brought import ALGORITHM, BroughtModel
from grandrounds_client.release import export
from grandrounds_client.vet import inspect, vet
from grandrounds_client.vetting.content import check_content
from grandrounds_client.vetting.header import OPERATOR_SETS
from grandrounds_client.vetting.limits import DEFAULT_LIMITS
from grandrounds_client.vetting.wire import parse
from grandrounds_protocol.errors import BadInput, BadModel

_REMEDY = (
    "let it read float32 rows of this site's columns and answer one probability per class,"
    " see 'A model made elsewhere' in docs/hospital.md"
)


def bring(
    path: Path, probes: Rows, columns: Columns, *, classes: int, algorithm: str = ALGORITHM
) -> BroughtModel:
    """Read a model that another program made, through the checks that peers will apply.

    Parameters
    ----------
    path : Path
        An ONNX file whose one input is float32 [N, d], the site's encoded columns in
        order, or float32 [N, D], all of the federation's; a column that the site lacks
        then reads 0, as it does in the site's own rows. One of its outputs must be the
        probabilities, float32 [N, C], in the federation's order of classes.
    probes : float32 [N, D]
        Rows on which it must answer probabilities.
    columns : int64 [d]
        The site's columns among all D.
    classes : int
        C.
    algorithm : str

    Raises
    ------
    BadInput
        If the file cannot be read, or is not such a model.
    """
    width = probes.shape[1]
    with _as_bad_input(path):
        graph = _read(_bytes(path), columns, width, classes)
        model = BroughtModel(graph, algorithm)
        own = probes[:, columns]
        fitted = model.fit(own, np.empty(0, np.int32), classes=classes, weight=None, seed=0)
        released = export(fitted, columns, width)
        teacher = vet(released, name="own", algorithm=algorithm, width=width, classes=classes)
        teacher.predict_proba(probes)
    return model


@contextmanager
def _as_bad_input(path: Path) -> Iterator[None]:
    """Turn a refusal of the site's own file into bad input that names the file."""
    try:
        yield
    except BadModel as refusal:
        where = f"{path}: {refusal.where}" if refusal.where else str(path)
        raise BadInput(refusal.problem, where=where, remedy=refusal.remedy or _REMEDY) from None


def _bytes(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            # one byte more than is accepted: then the checks say that it is too large
            return file.read(DEFAULT_LIMITS.size + 1)
    except OSError as error:
        raise BadInput(
            f"the model cannot be read: {error.strerror}",
            where=f"{path}, named by field learner.onnx of site.toml",
            remedy="give the path of an ONNX file, relative to site.toml",
        ) from None


def _read(data: bytes, columns: Columns, width: int, classes: int) -> onnx.ModelProto:
    check_content(data, DEFAULT_LIMITS)
    whole = _modern(parse(data, DEFAULT_LIMITS))
    reads = _input_width(whole)
    expected = reads if reads in {len(columns), width} else len(columns)
    pruned, _ = inspect(
        whole.SerializeToString(), width=expected, classes=classes, limits=DEFAULT_LIMITS
    )
    return _renamed(pruned, columns, expected, classes)


def _modern(model: onnx.ModelProto) -> onnx.ModelProto:
    """Rewrite a file in old operators, such as LightGBM's converter writes, in new ones."""
    accepted = OPERATOR_SETS[""].start
    old = [entry.version for entry in model.opset_import if entry.domain in {"", "ai.onnx"}]
    if not old or max(old) >= accepted:
        return model
    try:
        converted = version_converter.convert_version(model, OPSETS[""])
    except (RuntimeError, ValueError, TypeError):
        raise BadModel(
            f"operator set {max(old)} is too old, and cannot be rewritten in newer operators",
            where="model.opset_import",
            remedy=f"export with target opset {OPSETS['']}",
        ) from None
    converted.ir_version = IR_VERSION
    return converted


def _input_width(model: onnx.ModelProto) -> int:
    dims = [value.type.tensor_type.shape.dim for value in model.graph.input[:1]]
    return dims[0][1].dim_value if dims and len(dims[0]) == 2 else 0


def _renamed(model: onnx.ModelProto, columns: Columns, reads: int, classes: int) -> onnx.ModelProto:
    """Return the graph on the site's columns, under the names that a release wants."""
    graph = model.graph
    placed = len(columns) != reads
    names = {
        "": "",
        graph.input[0].name: "placed" if placed else "X",
        graph.output[0].name: "probabilities",
    }
    for tensor in graph.initializer:
        tensor.name = names.setdefault(tensor.name, f"t{len(names)}")
    for node in graph.node:
        node.input[:] = [names.setdefault(name, f"t{len(names)}") for name in node.input]
        node.output[:] = [names.setdefault(name, f"t{len(names)}") for name in node.output]
    nodes, tensors = list(graph.node), list(graph.initializer)
    if placed:
        nodes.insert(0, helper.make_node("MatMul", ["X", "place"], ["placed"]))
        # a product with it moves columns, and rounds nothing
        place: Rows = np.eye(reads, dtype=np.float32)[columns]
        tensors.append(numpy_helper.from_array(place, "place"))
    return assemble(
        nodes,
        [helper.make_tensor_value_info("X", TensorProto.FLOAT, ["N", len(columns)])],
        [helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, ["N", classes])],
        tensors,
        opsets={"": OPSETS[""]} | {entry.domain: entry.version for entry in model.opset_import},
        ir_version=model.ir_version,
    )
