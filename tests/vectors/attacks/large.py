"""Attacks by size, which are made when a test asks for them."""

import onnx
from onnx import helper

from tests.vectors.attacks.family import Family, before, block
from tests.vectors.sound import floats, integers, network, tree

node = helper.make_node


def large() -> Family:
    """Return the attacks that are too large to store."""
    layers = [node("Relu", ["X" if i == 0 else f"y{i - 1}"], [f"y{i}"]) for i in range(513)]
    scalars = [floats(f"t{i}", [1.0]) for i in range(513)]
    long_name = network()
    long_name.graph.node[0].name = "n" * 5000
    # one byte each in the file, four in memory
    packed = onnx.TensorProto(name="t", data_type=onnx.TensorProto.INT32, dims=[2**22 + 1])
    packed.int32_data.extend([1] * (2**22 + 1))
    dense = before(node("Add", ["X", "t"], ["y"]), stored=[packed])
    return {
        "sum-of-many": (before(node("Sum", ["X"] * 500_000, ["y"]), stored=[]), "'Sum'"),
        "join-of-many": (
            before(node("Concat", ["X"] * 500_000, ["y"], axis=1), stored=[]),
            "'Concat'",
        ),
        "many-node-outputs": (
            network(node("Relu", ["X"], [f"o{at}" for at in range(500_000)])),
            "'Relu'",
        ),
        "million-labels": (tree(classlabels_int64s=list(range(10**6))), "model.graph.output"),
        "many-features": (tree(nodes_featureids=[4] * 10**6), "1000000 entries"),
        "many-dims": (
            before(node("Reshape", ["X", "to"], ["y"]), stored=[integers("to", [1] * 100_000)]),
            "'Reshape'",
        ),
        "oversize": (b"\x08\x08" * (2**23 + 1), "bytes long"),
        "many-empty-nodes": (b"\x08\x08" + block(7, b"\x0a\x00" * 100_000), "messages"),
        "many-fields": (b"\x08\x08" * 2_100_000, "fields that stand alone"),
        "many-nodes": (network(*layers), "515 nodes"),
        "many-tensors": (network(stored=scalars), "514 initializers"),
        "long-name": (long_name, "4096 bytes"),
        "many-elements": (dense, "tensor 0"),
        "million-tree-nodes": (tree(nodes_modes=["LEAF"] * 10**6), "fields that stand alone"),
        "too-many-tree-nodes": (_comb(200_001), "200001 tree nodes"),
        "deep-tree": (_comb(2001), "deeper"),
    }


def _comb(nodes: int) -> onnx.ModelProto:
    """Return a tree of which every left child is a leaf and every right child splits."""
    inner = [i % 2 == 0 and i + 2 < nodes for i in range(nodes)]
    leaf = [i for i in range(nodes) if not inner[i]]
    return tree(
        nodes_treeids=[0] * nodes,
        nodes_nodeids=list(range(nodes)),
        nodes_featureids=[0] * nodes,
        nodes_modes=["BRANCH_LEQ" if is_inner else "LEAF" for is_inner in inner],
        nodes_values=[0.5] * nodes,
        nodes_truenodeids=[i + 1 if inner[i] else 0 for i in range(nodes)],
        nodes_falsenodeids=[i + 2 if inner[i] else 0 for i in range(nodes)],
        class_treeids=[0] * len(leaf),
        class_nodeids=leaf,
        class_ids=[0] * len(leaf),
        class_weights=[1.0] * len(leaf),
    )
