"""The programs of a coordinator and of a site, in the order in which they start."""

from enum import StrEnum


class CoordinatorPart(StrEnum):
    """A program of a coordinator."""

    LINK = "link"
    EXECUTOR = "executor"
    EDGE = "edge"


class SitePart(StrEnum):
    """A program of a site."""

    NODE = "node"
    EXECUTOR = "executor"
