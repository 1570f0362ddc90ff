"""One container: a root of its own, a user, no capabilities, and what compose mounts."""

import os
import re
import shlex
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tests.deploy.containers.compose import ROOT, Mount, Service
from tests.deploy.containers.networks import Networks

_SYSTEM = ("bin", "lib", "lib32", "lib64", "opt", "sbin", "srv", "usr", "var")
_DEVICES = ("null", "zero", "full", "random", "urandom", "tty")
_STOPPING = 40.0


@dataclass(frozen=True)
class Image:
    """What a container's root begins as.

    Attributes
    ----------
    root : Path
        An image's, or this machine's.
    environment : dict of str to str
    mounts : tuple of Mount
        What this machine's root has elsewhere than an image's.
    """

    root: Path
    environment: dict[str, str]
    mounts: tuple[Mount, ...] = ()


def image(root: Path) -> Image:
    """Return the image that was unpacked there."""
    return Image(root, _settings())


def this_machine(folder: Path) -> Image:
    """Return what stands for both images: this Python, under the names that images have."""
    programs = folder / "programs"
    programs.mkdir()
    python = shlex.quote(sys.executable)
    for name, line in {
        "tini": 'shift; exec "$@"',
        "grandrounds": f'exec {python} -c "from grandrounds.cli import main; main()" "$@"',
        "python3": f'exec {python} "$@"',
    }.items():
        path = programs / name
        path.write_text(f"#!/bin/sh\n{line}\n")
        path.chmod(0o755)
    known = {Path(each) for each in (*sys.path, sys.prefix, sys.base_prefix) if each}
    outside = sorted(path for path in {*known, ROOT, programs} if path.is_dir())
    mounts = [_read_only(path) for path in outside if path.parts[1] not in _SYSTEM]
    return Image(Path("/"), {**_settings(), "PATH": f"{programs}:/usr/bin:/bin"}, tuple(mounts))


def _read_only(path: Path) -> Mount:
    return Mount(path, str(path), read_only=True)


def _settings() -> dict[str, str]:
    """Environment that the Containerfile gives both images."""
    text = (ROOT / "deploy" / "images" / "Containerfile").read_text()
    stage = text.partition("AS grandrounds\n")[2].partition("\nUSER")[0]
    return dict(re.findall(r"(\w+)=(\S+)", stage))


def entrypoint() -> tuple[str, ...]:
    """What both images begin with."""
    text = (ROOT / "deploy" / "images" / "Containerfile").read_text()
    return tuple(re.findall(r'"([^"]+)"', re.findall(r"ENTRYPOINT (.+)", text)[0]))


@dataclass
class Container:
    """A service at work."""

    service: Service
    image: Image
    namespace: str
    networks: Networks
    on: Sequence[str]
    folder: Path
    """For its root and its log."""
    _process: "subprocess.Popen[bytes] | None" = field(default=None, init=False)

    @property
    def log(self) -> str:
        """What it said."""
        return (self.folder / "log").read_text(errors="replace")

    def start(self, command: Sequence[str] = ()) -> None:
        """Start it, with another command than its own where there is one."""
        (self.folder / "root").mkdir(parents=True, exist_ok=True)
        begin = self.service.entrypoint or entrypoint()
        script = "\n".join(self._lines([*begin, *(command or self.service.command)]))
        unshared = ["unshare", "--mount", "--pid", "--uts", "--ipc", "--fork", "--kill-child"]
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                ["/usr/sbin/ip", "netns", "exec", self.namespace, *unshared, "sh", "-ec", script],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )

    def wait(self, seconds: float) -> int:
        """Wait until it ends by itself; return its exit code."""
        assert self._process is not None
        return self._process.wait(seconds)

    def stop(self) -> int:
        """End it as `docker stop` does, by force in the end; return its exit code."""
        assert self._process is not None
        for first in self._children() if self.runs() else []:
            os.kill(first, signal.SIGTERM)
        try:
            return self._process.wait(_STOPPING)
        except subprocess.TimeoutExpired:
            self._process.kill()
            return self._process.wait()

    def runs(self) -> bool:
        """Whether it has not ended."""
        return self._process is not None and self._process.poll() is None

    def run(
        self, command: Sequence[str], seconds: float = 60.0
    ) -> "subprocess.CompletedProcess[str]":
        """Run a command in it as `docker exec` does."""
        target = f"--target={self._first()}"
        spaces = ["--mount", "--net", "--pid", "--uts", "--ipc", "--root", "--wd"]
        return subprocess.run(
            ["/usr/bin/nsenter", target, *spaces, *self._as_user(), *command],
            capture_output=True,
            text=True,
            check=False,
            timeout=seconds,
        )

    def is_well(self) -> bool:
        """Whether its healthcheck says so."""
        if not self._children():
            return False
        try:
            return self.run(self.service.health, self.service.patience).returncode == 0
        except subprocess.TimeoutExpired:
            return False

    def _first(self) -> int:
        """Return its first process, as this machine numbers it."""
        return self._children()[0]

    def _children(self) -> list[int]:
        assert self._process is not None
        pid = self._process.pid
        return [int(each) for each in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]

    def _lines(self, command: Sequence[str]) -> Iterator[str]:
        root = self.folder / "root"
        yield "mount --make-rprivate /"
        yield f"mount -t tmpfs -o mode=755 none {root}"
        yield f"cd {root} && mkdir proc sys dev tmp run root home mnt"
        for path in (self.image.root / name for name in _SYSTEM):
            if path.is_symlink():
                yield f"ln -s {path.readlink()} {path.name}"
            elif path.is_dir():
                yield from _bind(Mount(path, f"/{path.name}", read_only=True))
        yield f"cp -a {self.image.root / 'etc'} etc"
        yield f"printf %s {shlex.quote(self.networks.hosts(self.on))} > etc/hosts"
        yield ": > etc/resolv.conf"
        yield "mount -t proc proc proc && mount -t sysfs -o ro sysfs sys"
        for device in _DEVICES:
            yield f": > dev/{device} && mount --bind /dev/{device} dev/{device}"
        yield "mkdir dev/shm && mount -t tmpfs -o size=64m,mode=1777 none dev/shm"
        for target, options in self.service.tmpfs.items():  # noexec is docker's own
            yield f"mount -t tmpfs -o noexec,{options} none .{target}"
        for mount in (*self.image.mounts, *self.service.mounts):
            yield from _bind(mount)
        if self.service.read_only:
            yield "mount -o remount,ro ."
        changed = ["chroot", ".", *self._as_user(), *command]
        yield f"exec {shlex.join(changed)}"

    def _as_user(self) -> list[str]:
        service = self.service
        user = [f"--reuid={service.user}", f"--regid={service.group}", "--clear-groups"]
        if not service.capabilities:
            user += ["--bounding-set=-all", "--inh-caps=-all", "--ambient-caps=-all"]
        if not service.new_privileges:
            user += ["--no-new-privs"]
        known = [f"{name}={value}" for name, value in self.image.environment.items()]
        return ["setpriv", *user, "env", "-i", "HOME=/", *known]


def _bind(mount: Mount) -> Iterator[str]:
    source, target = shlex.quote(str(mount.source)), shlex.quote(f".{mount.target}")
    yield f"mkdir -p {target} && mount --bind {source} {target}"
    if mount.read_only:
        yield f"mount -o remount,bind,ro {target}"
