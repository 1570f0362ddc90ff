"""Keys, roster, certificates as they lie on disk: what authority, site and coordinator keep.

::

    secrets     files that nobody else may read
    keyring     a member's keys, newest first
    accepted    the rosters a member accepted, and the authority it pinned
    recorded    how a site accepts one: its ledger says so first
    bundles     the bundle it accepted last
    authority   who is enrolled: the next version of the roster, and the bundle
    requests    what each member asked the authority for
    identity    all that a site is to others, read from its folder
    site_folder          a site that has joined
    node                 what of it the process that faces the network sees
    coordinator_folder   a coordinator, before and after it accepts a bundle
    tls                  its certificates
"""
