"""Hospitals teach each other's models; no patient row leaves the house.

This package is the face of the product, and the only one that sees both sides: the
command line and the simulator.
"""

__version__ = "0.1.0"
