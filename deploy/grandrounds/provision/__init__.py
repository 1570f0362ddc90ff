"""Keys, roster and ledger as they lie on disk: what the authority, a site, a coordinator keeps.

::

    secrets     files that nobody else may read
    keyring     a member's keys, newest first
    accepted    the rosters a member accepted, and the authority it pinned
    authority   who is enrolled: the next version of the roster
    identity    all that a site is to others, read from its folder
"""
