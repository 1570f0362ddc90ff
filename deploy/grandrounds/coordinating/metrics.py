"""The newest run for Prometheus, read from the database: it outlives every process of a run.

Served in Prometheus' text format over plain HTTP, for a private address. It holds names, codes,
times and sizes of messages, and nothing that a site counted.
"""

from collections.abc import Iterable, Iterator, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from grandrounds.coordinating.follow import is_driven, kept, runs
from grandrounds.coordinating.view import View, view_of
from grandrounds_protocol.errors import GrandRoundsError
from grandrounds_protocol.records import PHASES, Phase
from grandrounds_server.checkpoints import Run
from grandrounds_server.database import NAME

TEXT = "text/plain; version=0.0.4; charset=utf-8"
_STATES = ("running", "stopped", "failed", "done")
_Samples = Iterable[tuple[Mapping[str, object], float]]


def server(state: Path, host: str, port: int) -> ThreadingHTTPServer:
    """Make a server that answers `/metrics`; the caller lets it serve.

    Raises
    ------
    OSError
        If the address cannot be had.
    """

    class Handler(BaseHTTPRequestHandler):
        timeout = 10  # a client that says nothing holds no thread for long

        def do_GET(self) -> None:
            if self.path != "/metrics":
                self.send_error(404)
                return
            try:
                body = page(state).encode()
            except GrandRoundsError as error:
                self.send_error(503, error.code)
                return
            self.send_response(200)
            self.send_header("Content-Type", TEXT)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Say nothing of each request."""

    return ThreadingHTTPServer((host, port), Handler)


def page(state: Path) -> str:
    """Write the metrics as they are now.

    Raises
    ------
    VersionSkew, WorkFailed
    """
    found = runs(state)
    lines = list(_metric("driving", "Whether a process drives a run.", [({}, is_driven(state))]))
    lines += _metric("database_bytes", "Size of the run database.", [({}, _size(state))])
    if found:
        run = kept(state, found[-1].name)
        lines += _of_run(run.run, view_of(line.event for line in run.lines))
    return "\n".join(lines) + "\n"


def _of_run(run: Run, view: View) -> Iterator[str]:
    name, place = {"run": run.name}, view.place
    states: _Samples = [({**name, "state": each}, each == run.status) for each in _STATES]
    yield from _metric("run_state", "1 for the state of the newest run.", states)
    yield from _metric("run_starts", "Times it was begun or gone on with.", [(name, view.starts)])
    yield from _metric("run_round", "Round at hand.", [(name, place.round if place else 0)])
    phases: _Samples = [
        ({**name, "phase": each}, place is not None and place.phase == each) for each in PHASES
    ]
    yield from _metric("run_phase", "1 for the phase at hand.", phases)
    waiting = sum(status == "asked" for status in view.sites.values())
    yield from _metric("sites_waited_for", "Sites asked and not heard.", [(name, waiting)])
    by_phase: dict[str, tuple[str, Mapping[Phase, float]]] = {
        "phases_total": ("Phases that are over.", view.kept),
        "phase_seconds_total": ("Seconds they took.", view.seconds),
        "sent_bytes_total": ("Bytes of instructions in them.", view.sent),
        "received_bytes_total": ("Bytes of replies in them.", view.received),
        "answers_total": ("Answers of sites.", view.answered),
    }
    for metric, (about, values) in by_phase.items():
        samples = [({**name, "phase": phase}, values.get(phase, 0)) for phase in PHASES]
        yield from _metric(metric, about, samples)
    failures: _Samples = [
        ({**name, "phase": phase, "code": code}, count)
        for (phase, code), count in sorted(view.failed.items())
    ]
    yield from _metric("failures_total", "Questions that failed, by the error's name.", failures)
    yield from _metric("dropped_total", "Replies too late, or twice.", [(name, view.dropped)])


def _metric(name: str, about: str, samples: _Samples) -> Iterator[str]:
    kind = "counter" if name.endswith("_total") else "gauge"
    yield f"# HELP grandrounds_{name} {about}"
    yield f"# TYPE grandrounds_{name} {kind}"
    for labels, value in samples:
        # names of runs, phases and codes are held to letters, digits, dot, dash and underscore
        text = ",".join(f'{label}="{said}"' for label, said in labels.items())
        braced = f"{{{text}}}" if text else ""
        yield f"grandrounds_{name}{braced} {float(value)!r}"


def _size(state: Path) -> int:
    parts = (state / f"{NAME}{end}" for end in ("", "-wal"))
    return sum(part.stat().st_size for part in parts if part.exists())
