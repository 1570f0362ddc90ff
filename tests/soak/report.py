"""What a soak says: what every part takes, what each figure gains, and whether any grows."""

from collections.abc import Iterator, Mapping, Sequence
from statistics import median

from tests.soak.growth import AHEAD, KIB, MIB, WARM, Line, Series, of_round, series

_UNITS = {"memory": (MIB, "MiB"), "disk": (KIB, "KiB")}


def takes(lines: Sequence[Line]) -> Iterator[str]:
    """Give a table of what every part takes; of the sites' parts the median over sites."""
    yield "| part | memory, MiB | descriptors | threads | CPU s a round | CPU idle, % of a core |"
    yield "|---|---|---|---|---|---|"
    rounds = sorted({line["round"] for line in lines if line["round"] > WARM})
    for name, members in _together(lines[-1]["processes"]).items():
        figures = [_taken(lines, rounds, member) for member in members]
        memory, descriptors, threads, busy, idle = (
            median(figure) for figure in zip(*figures, strict=True)
        )
        yield (
            f"| {name} | {memory / MIB:.0f} | {descriptors:.0f} | {threads:.0f} "
            f"| {busy:.2f} | {100 * idle:.1f} |"
        )


def gains(found: Sequence[Series]) -> Iterator[str]:
    """Give a table of what each figure gains; of the sites the one that gains most."""
    yield f"| what | first third | last third | a round | by design | in {AHEAD} rounds | |"
    yield "|---|---|---|---|---|---|---|"
    worst: dict[tuple[str, str], Series] = {}
    for each in found:
        key = (_shared(each.name), each.figure)
        if key not in worst or (each.grows, each.slope) > (worst[key].grows, worst[key].slope):
            worst[key] = each
    for (name, figure), each in worst.items():
        unit, word = _UNITS.get(figure, (1, figure))
        first, _, last = (value / unit for value in each.thirds)
        ahead = AHEAD * (each.slope - each.design) / unit
        yield (
            f"| {name}, {word} | {first:.1f} | {last:.1f} | {each.slope / unit:+.2f} "
            f"| {each.design / unit:g} | {ahead:+.0f} of {each.bound / unit:.0f} "
            f"| {'GROWS' if each.grows else 'bounded'} |"
        )


def verdict(lines: Sequence[Line]) -> tuple[str, bool]:
    """Return the whole text, and whether something grows."""
    found = list(series(lines))
    grown = sorted({f"{each.name} ({each.figure})" for each in found if each.grows})
    said = f"grows: {', '.join(grown)}" if grown else "nothing grows without bound"
    return "\n".join([*takes(lines), "", *gains(found), "", said, ""]), bool(grown)


def _taken(
    lines: Sequence[Line], rounds: Sequence[int], name: str
) -> tuple[float, float, float, float, float]:
    """Return memory, descriptors, threads, and CPU seconds in a round and in an idle second."""

    def typical(key: str) -> float:
        # a process that ends has no typical size but that of when it runs
        looks = [value for at in rounds for value in of_round(lines, at, "processes", name, key)]
        return median([value for value in looks if value] or [0])

    memory, descriptors, threads = (typical(key) for key in ("anonymous", "descriptors", "threads"))
    seconds = [at for each in rounds for at in of_round(lines, each, "processes", name, "seconds")]
    idle = of_round(lines, 0, "processes", name, "seconds")
    waited = [line["at"] for line in lines if line["phase"] == "idle"]
    return (
        memory,
        descriptors,
        threads,
        (seconds[-1] - seconds[0]) / len(rounds),
        (idle[len(waited) - 1] - idle[0]) / (waited[-1] - waited[0]),
    )


def _shared(name: str) -> str:
    who, _, part = name.partition("/")
    return name if who == "coordinator" else f"site/{part}"


def _together(names: Mapping[str, object]) -> dict[str, list[str]]:
    """Group the parts of the sites."""
    found: dict[str, list[str]] = {}
    for name in names:
        found.setdefault(_shared(name), []).append(name)
    return found
