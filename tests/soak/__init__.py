"""A long run of real processes, watched: what it takes, and whether anything grows."""
