"""Python imports this as it starts: the process's wall clock is `SKEW` seconds fast.

Ours is `time.time`, Flower's is `flwr.supercore.date.now`. To replace `datetime` itself ends
libraries that look at its size.
"""

import datetime as dt
import os
import time

from flwr.supercore import date


def _set_fast(seconds: float) -> None:
    wall, now = time.time, date.now

    def fast() -> float:
        return wall() + seconds

    def fast_now() -> dt.datetime:
        return now() + dt.timedelta(seconds=seconds)

    time.time = fast
    date.now = fast_now


if "SKEW" in os.environ:
    _set_fast(float(os.environ["SKEW"]))
