"""How figures read on a page. An undefined one is a dash, never a zero."""

import math
from dataclasses import dataclass

DASH = "\N{EN DASH}"
MINUS = "\N{MINUS SIGN}"


def percent(share: float | None) -> str:
    """A share in percent.

    >>> percent(0.7578), percent(None) == DASH
    ('75.8', True)
    """
    return DASH if share is None else f"{100 * share:.1f}"


def signed(value: float, digits: int) -> str:
    """A number with its sign; none where it rounds to zero.

    >>> signed(1.26, 1), signed(-0.04, 1), signed(-3, 0) == MINUS + "3"
    ('+1.3', '0.0', True)
    """
    text = f"{value:+.{digits}f}"
    return text.replace("-", MINUS) if float(text) else f"{0:.{digits}f}"


def digits_for(span: float) -> int:
    """Decimals that show a hundredth of a range.

    >>> digits_for(82), digits_for(1600), digits_for(3)
    (1, 0, 2)
    """
    return max(0, 2 - math.floor(math.log10(span)))


def seconds(value: float) -> str:
    """A duration.

    >>> seconds(0.04), seconds(9.96), seconds(125)
    ('0.0 s', '10.0 s', '2 min 5 s')
    """
    if value < 100:
        return f"{value:.1f} s"
    return f"{int(value) // 60} min {int(value) % 60} s"


def listed(names: list[str]) -> str:
    """Names in a sentence.

    >>> listed(["a"]), listed(["a", "b"]), listed(["a", "b", "c"])
    ('a', 'a and b', 'a, b and c')
    """
    return " and ".join(part for part in (", ".join(names[:-1]), names[-1]) if part)


def counted(count: int, one: str, many: str = "") -> str:
    """A number with its noun.

    >>> counted(1, "site"), counted(1200, "row")
    ('1 site', '1,200 rows')
    """
    return f"{count:,} {one if count == 1 else many or one + 's'}"


@dataclass(frozen=True)
class Change:
    """A difference in points: its text, and whether it is a gain, a loss, none or undefined."""

    text: str
    kind: str


def change(before: float | None, after: float | None) -> Change:
    """Compare two shares.

    >>> change(0.5, 0.612), change(0.5, None).kind
    (Change(text='+11.2', kind='gain'), 'undefined')
    """
    if before is None or after is None:
        return Change(DASH, "undefined")
    text = signed(100 * (after - before), 1)
    kinds = {"+": "gain", MINUS: "loss"}
    return Change(text, kinds.get(text[0], "same"))
