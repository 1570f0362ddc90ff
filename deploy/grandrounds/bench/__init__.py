"""What the documentation claims, measured: the engines beside the published loops, and scale.

::

    engines ── workloads   a teacher and the pairs (seed, class) that all have to solve
            │    ├─ rows   the example's rows and made ones
            │    └─ pairs  which (seed, class) miss their target
            ├─ authors     the loops as published, one instance after another
            ├─ dice        a well-known library, where it is installed
            ├─ timing      the clock, and one row for each method
            ├─ asked       what the teacher alone costs: the floor
            ├─ quality     one judge for all
            └─ table       for people

`gating` measures the release gate on a federation's folder, `gate_cost` what it costs in
learning, `leakage` attacks what leaves it, `learning` measures what recipes teach.

`setting` holds what all of them share, `records` what is said in the end.

::

    scale ── scale_sites       rounds of many sites, at some sizes: table, exponents
               ├─ scale_measure     one size in a fresh process: time, memory, bytes
               ├─ scale_federation  its made rows
               └─ scale_plot        one SVG

    envelope ── envelope_measure  sealing and opening beside bare HPKE: time, bytes, memory

    deployment ── deployment_stack  the same round between real processes, and in one
"""
