"""What was found in one world of one seed."""

from grandrounds_protocol.names import SiteName
from grandrounds_protocol.record import Record
from grandrounds_protocol.records import Metrics


class Played(Record):
    """One contestant."""

    before_review: dict[str, Metrics]
    """By cell: every candidate kept, or what was answered without retraining."""
    adopted: dict[str, Metrics] | None
    """By cell, after review; null where there was nothing to review."""
    rows: dict[SiteName, int]
    """Virtual rows that each student's last candidate learned from."""
    adopters: tuple[SiteName, ...]
    """Students whose model after review is not their first."""
    refused: dict[SiteName, str]
    """Students that could not have released their candidate, with the error's name."""


class Trial(Record):
    """All contestants, on the same models, rows and random numbers."""

    seed: int
    world: str
    base: dict[str, Metrics]
    """By cell: no distillation, every student's first model."""
    contestants: dict[str, Played | None]
    """Null where a contestant has no place in this world."""
    failed: dict[str, str]
    """Contestants that raised, and where; without the message, which may hold data."""
    seconds: float
    """Processor time."""
