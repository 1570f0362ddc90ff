"""How findings are told: a line each as they come, or one JSON document."""

from collections.abc import Iterable
from pathlib import Path

import typer

from grandrounds.doctor.finding import Finding, Findings, exit_code

_WIDTH = 11


def tell(folder: Path, found: Iterable[Finding], *, as_json: bool) -> int:
    """Print findings; return the exit code that they come to."""
    kept = []
    for finding in found:
        kept.append(finding)
        if not as_json:
            _show(finding)
    if as_json:
        typer.echo(Findings(folder=str(folder), findings=tuple(kept)).model_dump_json(indent=2))
    return exit_code(kept)


def _show(finding: Finding) -> None:
    typer.echo(f"{finding.state:8} {finding.check:{_WIDTH}} {finding.says}")
    if finding.mend:
        typer.echo(f"{'':8} {'':{_WIDTH}} mend: {finding.mend}")
