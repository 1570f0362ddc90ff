"""Python imports this as it starts: the process's wall clock is `SKEW` seconds fast.

Ours is `time.time`, Flower's is `flwr.supercore.date.now`. To replace `datetime` itself ends
libraries that look at its size.
"""

import datetime as dt
import os
import time

from flwr.supercore import date

_skew = float(os.environ["SKEW"])
_time, _now = time.time, date.now


def _fast() -> float:
    return _time() + _skew


def _fast_now() -> dt.datetime:
    return _now() + dt.timedelta(seconds=_skew)


time.time = _fast
date.now = _fast_now
