"""The ServerApp of a real coordinator: drives the run that was ordered in its folder."""

from flwr.app import Context
from flwr.serverapp import Grid, ServerApp

from grandrounds.coordinating import drive
from grandrounds.running.folders import COORDINATOR, folder_of

app = ServerApp()


@app.main()
def main(grid: Grid, context: Context) -> None:  # noqa: ARG001 (Flower's, and never believed)
    """Drive the run over Flower."""
    drive(folder_of(COORDINATOR), grid)
