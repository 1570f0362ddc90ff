"""How many threads a computation uses: one, everywhere, so that results do not depend on it.

Sums of floats in two threads round otherwise than in one. And threads of one site are no
help where many sites share the cores: `--jobs` fills them with sites.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from threadpoolctl import threadpool_limits


@contextmanager
def one_thread() -> Iterator[None]:
    """Hold torch, BLAS and OpenMP to one thread; vetted graphs run on one anyway."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with threadpool_limits(1):
            yield
    finally:
        torch.set_num_threads(before)
