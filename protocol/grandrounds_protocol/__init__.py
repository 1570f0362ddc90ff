"""What crosses the wire between a site and the coordinator.

Pure records and functions: no sockets, no clock, no disk, no learning library.
Time and randomness are passed in. Client and server both build on this package and
never on each other.
"""
