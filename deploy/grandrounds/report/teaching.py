"""Who taught whom: rows written with each teacher's model for each student (CKD, figure 5)."""

from dataclasses import dataclass

from grandrounds.results import Results


@dataclass(frozen=True)
class Cell:
    """One pair; `heat` is its share of the largest."""

    student: str
    count: int
    heat: float
    itself: bool


@dataclass(frozen=True)
class TeacherRow:
    """One teacher's students."""

    teacher: str
    cells: tuple[Cell, ...]
    total: int


@dataclass(frozen=True)
class Teaching:
    """The heatmap with its sums."""

    students: tuple[str, ...]
    rows: tuple[TeacherRow, ...]
    totals: tuple[int, ...]
    total: int


def teaching(results: Results) -> Teaching:
    """Lay out the counts, every site in both directions."""
    names = tuple(results.sites)
    most = max((count for row in results.taught.values() for count in row.values()), default=0)
    rows = tuple(_row(teacher, names, results, max(most, 1)) for teacher in names)
    totals = tuple(sum(row.cells[at].count for row in rows) for at in range(len(names)))
    return Teaching(names, rows, totals, sum(totals))


def _row(teacher: str, names: tuple[str, ...], results: Results, most: int) -> TeacherRow:
    counts = results.taught.get(teacher, {})
    cells = tuple(
        Cell(name, counts.get(name, 0), round(counts.get(name, 0) / most, 3), name == teacher)
        for name in names
    )
    return TeacherRow(teacher, cells, sum(cell.count for cell in cells))
