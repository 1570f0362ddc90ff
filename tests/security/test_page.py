"""What docs/security.md promises is tested, by the tests that it names."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "security.md").read_text(encoding="utf-8")
TESTS = {
    name
    for file in (ROOT / "tests").rglob("test_*.py")
    for name in re.findall(r"^def (test_\w+)\(", file.read_text(encoding="utf-8"), re.MULTILINE)
}


def faults() -> list[tuple[str, str]]:
    """Return each fault of the page, and the cell that names its tests."""
    section = PAGE.split("## What happens if")[1].split("\n## ")[0]
    rows = [line.strip("|").split(" | ") for line in section.splitlines() if line.startswith("| ")]
    return [(cells[0].strip(), cells[-1].strip()) for cells in rows[1:]]


def test_the_page_has_a_table_of_faults() -> None:
    assert len(faults()) > 30


@pytest.mark.parametrize(("fault", "tests"), faults(), ids=[fault[:40] for fault, _ in faults()])
def test_every_fault_names_a_test_that_exists(fault: str, tests: str) -> None:
    named = re.findall(r"`(test_\w+)`", tests)
    assert named, f"no test for: {fault}"
    assert set(named) <= TESTS


def test_every_test_of_a_fault_stands_on_the_page() -> None:
    file = (ROOT / "tests" / "security" / "test_faults.py").read_text(encoding="utf-8")
    written = set(re.findall(r"^def (test_\w+)\(", file, re.MULTILINE))
    assert written <= set(re.findall(r"`(test_\w+)`", PAGE))


@pytest.mark.parametrize("page", ["README.md", "docs/hospital.md"])
def test_the_page_is_linked(page: str) -> None:
    assert "security.md)" in (ROOT / page).read_text(encoding="utf-8")
