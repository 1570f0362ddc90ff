"""How large a peer's model may be."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Limits:
    """Upper bounds on a peer's model; each is checked before it could cost anything.

    The defaults leave room for a forest of 200,000 nodes or a network of four million
    weights. A hundred trees on 6,000 rows, five to a leaf, are 63,000 nodes on clothes and
    up to 152,000 where the labels are noise; what a hospital trains is seldom larger.

    Attributes
    ----------
    size : int
        Bytes of the file.
    fields, messages : int
        Protobuf fields, and messages among them, in the whole file.
    singles : int
        Fields that are not in a run of numbers: they are read one by one, in two microseconds
        each. A forest has one for every node.
    text : int
        Bytes of one name or doc string.
    nodes, tensors : int
        Nodes and initializers of the graph.
    links : int
        Inputs and outputs of one node: a sum of a million inputs is a small file.
    elements : int
        Numbers in all tensors that do not depend on a row, intermediate ones included.
    activations : int
        Numbers in all intermediate tensors, for one row.
    work : int
        Multiply-adds for one row.
    tree_nodes, tree_depth : int
        Nodes of all trees together; depth of each (onnxruntime recurses along it).
    """

    size: int = 16 * 2**20
    fields: int = 2_000_000
    messages: int = 2**14
    singles: int = 2**19
    text: int = 4096
    nodes: int = 512
    tensors: int = 512
    links: int = 2048
    elements: int = 2**22
    activations: int = 2**22
    work: int = 2**26
    tree_nodes: int = 200_000
    tree_depth: int = 256


DEFAULT_LIMITS = Limits()
