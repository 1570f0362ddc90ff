"""`grandrounds site model, predict`: what the rounds were for, in the house's own hands."""

# the coordinator's image has nothing that runs models: what does is imported where work begins

import csv
import io
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from grandrounds.commands.site import Folder
from grandrounds.provision.secrets import replace
from grandrounds.provision.site_folder import open_site_folder
from grandrounds_protocol.errors import BadInput
from grandrounds_protocol.layout import Layout

if TYPE_CHECKING:
    from grandrounds.provision.own_model import OwnModel
    from grandrounds_client.arrays import Probabilities

RunName = Annotated[
    str | None, typer.Option("--run", metavar="RUN", help="The newest that left a model.")
]
Out = Annotated[Path, typer.Option(help="The ONNX file; a .json beside it says what it reads.")]
Rows = Annotated[Path, typer.Argument(help="CSV or Parquet as your `data`; needs no label.")]
Predictions = Annotated[Path, typer.Option(help="A CSV with a line for each row.")]


def model(folder: Folder, run: RunName = None, out: Out = Path("model.onnx")) -> None:
    """Write the site's model as a run left it, and what it reads and writes."""
    from grandrounds.provision.own_model import own_model

    beside = out.with_suffix(".json")
    if beside == out:
        raise BadInput("a model is no JSON", where="option --out", remedy="name a .onnx file")
    site = open_site_folder(folder)
    found = own_model(site, run)
    replace(out, found.release.onnx)
    replace(beside, found.description(site.federation).encode())
    typer.echo(_what(found))
    typer.echo(f"model: {out}\nwhat it reads and writes: {beside}")
    typer.echo(f"next: grandrounds site predict {folder} ROWS.csv lets it predict rows of yours")


def predict(
    folder: Folder,
    rows: Rows,
    run: RunName = None,
    out: Predictions = Path("predictions.csv"),
) -> None:
    """Let the site's model predict rows; nothing leaves the house."""
    from grandrounds.provision.own_model import own_model
    from grandrounds_client.encoding import encode_features
    from grandrounds_client.table import read_table

    site = open_site_folder(folder)
    if Layout.of(site.federation).images:
        raise BadInput(
            "this federation has images, and only tables can be predicted here",
            where=str(rows),
            remedy=f"grandrounds site model {folder} writes an ONNX file for a program of yours",
        )
    found = own_model(site, run)
    table = read_table(rows, site.settings.separator)
    x, _, clipped, _ = encode_features(table, site.federation, site.settings)
    predicted = found.teacher(site.federation).predict_proba(x)
    replace(out, _written(site.federation.class_names, table.rows, predicted).encode())
    typer.echo(_what(found))
    for feature, count in clipped.items():
        if count:
            typer.echo(f"{count} of {len(table)} values of {feature} were out of bounds, clipped")
    typer.echo(f"predictions of {len(table)} rows: {out}")


def _what(found: "OwnModel") -> str:
    how = "it learned from peers" if found.learned else "your own: no lesson was adopted"
    return f"{found.release.card.algorithm} of {found.run}; {how}"


def _written(classes: Sequence[str], rows: Iterable[int], predicted: "Probabilities") -> str:
    text = io.StringIO()
    lines = csv.writer(text, lineterminator="\n")
    lines.writerow(["row", "class", *(f"probability of {name}" for name in classes)])
    for number, probabilities in zip(rows, predicted, strict=True):
        line = (f"{probability:.6f}" for probability in probabilities)
        lines.writerow([number, classes[int(probabilities.argmax())], *line])
    return text.getvalue()
