"""Static checks of a peer's graph, one idea per file.

In the order in which `grandrounds_client.vet` applies them::

    content     is it ONNX at all?
    wire        the bytes, field by field, before any parser sees them
    header      versions, domains, counts
    structure   names, order of nodes, operators, the one input, the probability output
    footprint   shape, memory and work of every node, from the rules in `operators`
                (elementwise, layout, linear, image, ensemble and trees, tensors)
    session     only now: the graph is asked, and its answers are checked
"""
