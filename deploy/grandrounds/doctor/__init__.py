"""Is a site, or a coordinator, fit to take part? Each finding says how to mend it.

::

    finding      what was found: ok, a warning, failed, refused by a rule
    files        who may read keys, secrets and state; room on the disk
    membership   roster and bundle: whether they hold, and are about this member
    connection   the edge: reached by TLS, its certificate, its clock
    software     versions
    rows         a site's data, model and one round of its own, in counts
    site, coordinator   all of it in order

No finding holds a value of a row: what an unexpected error says is not shown.
"""
