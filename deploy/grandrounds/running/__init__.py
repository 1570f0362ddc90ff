"""Real processes: what starts, guards and watches Flower's programs, at a coordinator and a site.

::

    coordinator   link ---- executor      link: SuperLink, private; executor: runs the ServerApp
                    |
                  edge                    nginx, the only published port
    ~~~~~~~~~~~~~~~~|~~~~~~~~~~~~~~~~~~~~ the network
    site          node ---- executor      node: SuperNode, sees no data; executor: sees the data,
                                          runs only the ClientApp of the installed package
"""
