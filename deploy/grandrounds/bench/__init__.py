"""What the engines cost and what they find, beside the published loops.

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

`gating` measures the release gate on a federation's folder.

`setting` holds what all of them share, `records` what is said in the end.
"""
