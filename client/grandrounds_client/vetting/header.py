"""Versions, domains and counts of a parsed model."""

from onnx import ModelProto

from grandrounds_client.vetting.limits import Limits
from grandrounds_protocol.errors import BadModel
from grandrounds_protocol.shown import shown

FORMATS = range(6, 14)
OPERATOR_SETS = {"": range(13, 22), "ai.onnx.ml": range(1, 5)}


def check_header(model: ModelProto, limits: Limits) -> None:
    """Refuse versions whose meaning was not checked, and graphs of too many parts.

    Raises
    ------
    BadModel
    """
    if model.ir_version not in FORMATS:
        raise BadModel(
            f"ONNX format version {model.ir_version}, accepted are {_span(FORMATS)}",
            where="model.ir_version",
            remedy="export with another version of onnx",
        )
    _check_operator_sets(model)
    for name, count, bound in (
        ("node", len(model.graph.node), limits.nodes),
        ("initializer", len(model.graph.initializer), limits.tensors),
    ):
        if count > bound:
            raise BadModel(f"{count} {name}s, {bound} are accepted", where=f"model.graph.{name}")
    for index, node in enumerate(model.graph.node):
        if len(node.input) + len(node.output) > limits.links:
            problem = f"more than {limits.links} inputs and outputs"
            raise BadModel(problem, where=f"node {index} ({shown(node.op_type)})")


def _check_operator_sets(model: ModelProto) -> None:
    seen: dict[str, int] = {}
    for index, opset in enumerate(model.opset_import):
        where = f"model.opset_import[{index}]"
        accepted = OPERATOR_SETS.get(opset.domain)
        if accepted is None:
            raise BadModel(f"operator domain {shown(opset.domain)} is not accepted", where=where)
        if opset.version not in accepted:
            problem = f"operator set version {opset.version}, accepted are {_span(accepted)}"
            raise BadModel(problem, where=where, remedy="export with target opset 17")
        # skl2onnx repeats an entry; two versions of one domain would be ambiguous
        if seen.setdefault(opset.domain, opset.version) != opset.version:
            raise BadModel("two versions of one operator domain", where=where)
    if not seen:
        raise BadModel("no operator set is named", where="model.opset_import")


def _span(versions: range) -> str:
    return f"{versions.start} to {versions.stop - 1}"
