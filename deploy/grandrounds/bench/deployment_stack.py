"""A whole federation as real processes on this machine, set up by the commands that people type."""

import subprocess
import sys
import time
from collections.abc import Callable, Collection, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from shutil import copytree

from grandrounds.folder import read_folder
from grandrounds.running import addresses, control
from grandrounds_protocol.errors import GrandRoundsError, WorkFailed

COMMAND = (sys.executable, "-P", "-c", "from grandrounds.cli import main; main()")
HUB, AUTHORITY = "hub", "authority"
BUNDLE = f"{AUTHORITY}/bundle.json"
LONGEST = 300.0
"""Seconds in which everybody must have started and be connected."""
_LOOK = 0.5


@dataclass
class Deployed:
    """Where everybody's folder lies, and what runs.

    Attributes
    ----------
    folder : Path
    name : str
        The federation's.
    sites : tuple of str
    """

    folder: Path
    name: str
    sites: tuple[str, ...]
    _running: list["subprocess.Popen[bytes]"] = field(default_factory=list)

    @property
    def hub(self) -> Path:
        """The coordinator's folder."""
        return self.folder / HUB

    def call(self, *words: str) -> str:
        """Do a command and return what it prints.

        Raises
        ------
        WorkFailed
            If it fails; with the last line that it said.
        """
        done = subprocess.run(  # noqa: S603 (our own command)
            [*COMMAND, *words], cwd=self.folder, capture_output=True, text=True, check=False
        )
        if done.returncode:
            said = done.stderr.strip().splitlines() or [f"exit code {done.returncode}"]
            raise WorkFailed(said[-1], where=f"grandrounds {' '.join(words)}")
        return done.stdout

    def start(self, role: str, name: str) -> None:
        """Start a coordinator or a site, its words in a file beside its folder."""
        with (self.folder / f"{name}.log").open("wb") as log:
            process = subprocess.Popen(  # noqa: S603 (our own command)
                [*COMMAND, role, "start", name], cwd=self.folder, stdout=log, stderr=log
            )
        self._running.append(process)

    def close(self) -> None:
        """End all, in the opposite order."""
        for process in reversed(self._running):
            process.terminate()
        for process in self._running:
            process.wait()


@contextmanager
def deployed(source: Path, folder: Path, recipe: str) -> Iterator[Deployed]:
    """Provision a federation's copy, start everybody, wait until all are connected; end all.

    Parameters
    ----------
    source : Path
        Holds federation.toml and NAME/site.toml.
    folder : Path
        Made; for everybody's folders.
    recipe : str
        That the sites allow, where they do not say which.

    Raises
    ------
    BadInput
        If the federation cannot be used.
    WorkFailed
        If a command fails, or somebody does not start.
    """
    read = read_folder(source)
    copytree(source, folder)
    stack = Deployed(folder, read.federation.name, tuple(each.folder.name for each in read.sites))
    for each in read.sites:
        if each.settings.recipes is None:
            # the federation's own as well: by that one a site tries a round before it joins
            allow(folder / each.folder.name, {read.federation.rules.recipe, recipe})
    with ExitStack() as ending:
        ending.callback(stack.close)
        _enroll(stack)
        stack.start("coordinator", HUB)
        _until(lambda: _answers(stack))
        for site in stack.sites:
            stack.call("site", "join", site, BUNDLE, "--yes", "--no-start")
            stack.start("site", site)
        _until(lambda: _connected(stack))
        yield stack


def allow(site: Path, recipes: Collection[str]) -> None:
    """Let a site whose file names no recipes take part in these."""
    path = site / "site.toml"
    text = path.read_text(encoding="utf-8")
    path.write_text(f"recipes = {sorted(recipes)}\n{text}", encoding="utf-8")


def _enroll(stack: Deployed) -> None:
    port = str(addresses.free_port())
    host = ("--host", addresses.LOOPBACK, "--port", port)
    stack.call("coordinator", "init", HUB, *host, "--federation", "federation.toml")
    stack.call("authority", "init", AUTHORITY, "--federation", stack.name)
    for site in stack.sites:
        stack.call("site", "init", site, "--site", site)
    asked = [f"{name}/enrolment.json" for name in (HUB, *stack.sites)]
    stack.call("authority", "enroll", AUTHORITY, *asked, "--yes")
    stack.call("coordinator", "accept", HUB, BUNDLE, "--yes")


def _answers(stack: Deployed) -> bool:
    try:
        return len(control.statuses(stack.hub)) == len(stack.sites)
    except GrandRoundsError:
        return False


def _connected(stack: Deployed) -> bool:
    return set(control.statuses(stack.hub).values()) == {control.ONLINE}


def _until(happens: Callable[[], bool]) -> None:
    deadline = time.monotonic() + LONGEST
    while not happens():
        if time.monotonic() > deadline:
            raise WorkFailed(f"not everybody has started and connected in {LONGEST:.0f} s")
        time.sleep(_LOOK)
