"""What tests of secrecy share."""

import logging
from collections.abc import Callable, Iterator

import pytest


@pytest.fixture
def logged(caplog: pytest.LogCaptureFixture) -> Iterator[Callable[[], str]]:
    """Return what was logged by anybody at any level, loggers that keep to themselves too."""
    apart = [
        logger
        for name in list(logging.root.manager.loggerDict)
        if not (logger := logging.getLogger(name)).propagate
    ]
    with caplog.at_level(logging.DEBUG):
        for logger in apart:
            logger.addHandler(caplog.handler)
        yield lambda: caplog.text
        for logger in apart:
            logger.removeHandler(caplog.handler)
