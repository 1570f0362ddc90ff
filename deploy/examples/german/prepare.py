"""Make a federation of three banks out of UCI's German credit data.

    python deploy/examples/german/prepare.py german.data out/german

`german.data` is UCI's file (Hofmann 1994, doi 10.24432/C5NC77, CC BY 4.0), which you fetch
yourself. The banks differ by the customer's checking account: overdrawn, below 200 DM, others.
"""

import sys
from pathlib import Path

NAMES = [
    "checking",
    "duration",
    "history",
    "purpose",
    "amount",
    "savings",
    "employment",
    "rate",
    "status",
    "debtors",
    "residence",
    "property",
    "age",
    "plans",
    "housing",
    "credits",
    "job",
    "dependants",
    "telephone",
    "foreign",
    "risk",
]
NUMBERS = {
    "duration": (1, 120, "months"),
    "amount": (0, 20000, "DM"),
    "rate": (1, 4, "percent of income, in steps"),
    "residence": (1, 4, "years, in steps"),
    "age": (18, 100, "years"),
    "credits": (1, 4, "at this bank"),
    "dependants": (1, 2, "people"),
}
CODES = {  # how many codes A<column><1..n> each attribute has
    "checking": 4,
    "history": 5,
    "purpose": 11,
    "savings": 5,
    "employment": 5,
    "status": 5,
    "debtors": 3,
    "property": 4,
    "plans": 3,
    "housing": 3,
    "job": 4,
    "telephone": 2,
    "foreign": 2,
}
FROM_ZERO = {"history", "purpose"}
HEAD = """\
name = "german-credit"
label = "risk"
classes = { good = ["1"], bad = ["2"] }

[rules]
rounds = 1
seed = 7
"""
BANKS = {"overdrawn": ("A11",), "little": ("A12",), "others": ("A13", "A14")}


def categories(name: str) -> list[str]:
    """Return the codes of an attribute, as UCI's description lists them."""
    column, first = NAMES.index(name) + 1, 0 if name in FROM_ZERO else 1
    return [f"A{column}{code}" for code in range(first, first + CODES[name])]


def federation() -> str:
    """Return federation.toml: bounds agreed in advance, not taken from the rows."""
    parts = [HEAD]
    for name in NAMES[:-1]:
        if name in NUMBERS:
            low, high, unit = NUMBERS[name]
            what = f'kind = "continuous"\nlow = {low}\nhigh = {high}\nunit = "{unit}"\n'
        else:
            what = f'kind = "categorical"\ncategories = {categories(name)}\n'.replace("'", '"')
        parts.append(f'\n[[features]]\nname = "{name}"\n{what}')
    return "".join(parts)


def main(file: Path, out: Path) -> None:
    """Write the federation's folder."""
    rows = [line.split() for line in file.read_text().splitlines() if line.strip()]
    wrong = [number for number, row in enumerate(rows, 1) if len(row) != len(NAMES)]
    if wrong:
        raise SystemExit(f"{file}, line {wrong[0]}: not {len(NAMES)} values; is it german.data?")
    out.mkdir(parents=True, exist_ok=True)
    (out / "federation.toml").write_text(federation())
    for bank, codes in BANKS.items():
        (out / bank).mkdir(exist_ok=True)
        mine = [",".join(row) for row in rows if row[0] in codes]
        (out / bank / "rows.csv").write_text("\n".join([",".join(NAMES), *mine]) + "\n")
        (out / bank / "site.toml").write_text(
            f'name = "{bank}"\ndata = "rows.csv"\n\n[learner]\n'
            'name = "tree"\nmin_leaf = 10\nbalanced = true\n'
        )
    print(f"next: grandrounds simulate {out}")


if __name__ == "__main__":
    if len(sys.argv) != 3:
        raise SystemExit(__doc__)
    main(Path(sys.argv[1]), Path(sys.argv[2]))
