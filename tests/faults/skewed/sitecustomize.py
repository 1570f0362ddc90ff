"""Python imports this as it starts: the process's wall clock is `SKEW` seconds fast."""

import datetime as dt
import os
import time

_skew = float(os.environ["SKEW"])
_time = time.time


class _Fast(dt.datetime):
    @classmethod
    def now(cls, tz: dt.tzinfo | None = None) -> "_Fast":
        return super().now(tz) + dt.timedelta(seconds=_skew)


def _fast() -> float:
    return _time() + _skew


time.time = _fast
dt.datetime = _Fast  # type: ignore[misc]
