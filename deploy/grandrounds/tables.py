"""How tables look on a terminal, wherever one is printed."""

from collections.abc import Iterable

from rich.box import SIMPLE_HEAD
from rich.padding import PaddingDimensions
from rich.table import Table


def titled(
    title: str,
    *,
    text: Iterable[str] = (),
    numbers: Iterable[str] = (),
    padding: PaddingDimensions = (0, 1),
) -> Table:
    """Return an empty table: columns of text, then of numbers, which are never broken.

    Parameters
    ----------
    title : str
    text, numbers : iterable of str
        Heads of the columns.
    padding : int or tuple of int
        As rich has it.
    """
    table = Table(
        title=title, title_justify="left", box=SIMPLE_HEAD, pad_edge=False, padding=padding
    )
    for head in text:
        table.add_column(head)
    for head in numbers:
        table.add_column(head, justify="right", no_wrap=True)
    return table
