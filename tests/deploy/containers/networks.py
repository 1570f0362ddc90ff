"""Networks as docker makes them: a bridge each, and a namespace for each container."""

import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

_OCTETS = "10.77"


def permitted() -> bool:
    """Whether this process may make namespaces of the network."""
    try:
        _ip("netns", "add", "gr-probe")
        _ip("netns", "delete", "gr-probe")
    except (OSError, subprocess.CalledProcessError):
        return False
    return True


@dataclass
class Networks:
    """Networks that lead nowhere but to each other's members, and names as in docker's DNS.

    The bridges have no address of the host's: what leaves one leaves by a container that is on
    two. Even `outside` ends here: whoever else is to be reached from there is a container too.
    """

    prefix: str
    _numbers: dict[str, int] = field(default_factory=dict)
    _members: dict[str, dict[str, tuple[str, ...]]] = field(default_factory=dict)
    """By network and address: names."""
    _namespaces: list[str] = field(default_factory=list)

    def join(self, name: str, networks: dict[str, tuple[str, ...]]) -> str:
        """Make a container's namespace, on these networks by these names; return its name."""
        namespace = self._namespace(name)
        _ip("-n", namespace, "link", "set", "lo", "up")
        for at, (network, names) in enumerate(networks.items()):
            number = self._network(network)
            members = self._members[network]
            address = f"{_OCTETS}.{number}.{len(members) + 2}"
            members[address] = names
            end = f"v{number}-{len(members)}"
            own = f"eth{at}"
            peer = ["peer", "name", end, "netns", self._switch]
            _ip("-n", namespace, "link", "add", own, "type", "veth", *peer)
            _ip("-n", self._switch, "link", "set", end, "master", f"br{number}", "up")
            _ip("-n", namespace, "address", "add", f"{address}/24", "dev", own)
            _ip("-n", namespace, "link", "set", own, "up")
        # as docker's host has it: who is on two networks could pass packets on
        _in(namespace, "sysctl", "-q", "-w", "net.ipv4.ip_forward=1")
        return namespace

    def hosts(self, networks: Sequence[str]) -> str:
        """Write what somebody on these networks finds by name."""
        lines = ["127.0.0.1 localhost"]
        for network in networks:
            members = self._members.get(network, {})
            lines += [f"{address} {' '.join(names)}" for address, names in members.items()]
        return "\n".join(lines) + "\n"

    def address(self, network: str, name: str) -> str:
        """Return where somebody is on a network."""
        return next(at for at, names in self._members[network].items() if name in names)

    def subnet(self, network: str) -> str:
        """Return a network's addresses."""
        return f"{_OCTETS}.{self._numbers[network]}.0/24"

    def route(self, namespace: str, subnet: str, by: str) -> None:
        """Have a container send what is for these addresses to another one."""
        _ip("-n", namespace, "route", "add", subnet, "via", by)

    @property
    def _switch(self) -> str:
        return f"{self.prefix}-switch"

    def _network(self, name: str) -> int:
        if name not in self._numbers:
            number = self._numbers[name] = len(self._numbers)
            self._members[name] = {}
            _ip("-n", self._switch, "link", "add", f"br{number}", "type", "bridge")
            _ip("-n", self._switch, "link", "set", f"br{number}", "up")
        return self._numbers[name]

    def _namespace(self, name: str) -> str:
        namespace = f"{self.prefix}-{name}"
        _ip("netns", "add", namespace)
        self._namespaces.append(namespace)
        return namespace


@contextmanager
def networks(prefix: str) -> Iterator[Networks]:
    """Make networks, and take them away again."""
    made = Networks(prefix)
    try:
        made._namespace("switch")
        yield made
    finally:
        for namespace in made._namespaces:
            _ip("netns", "delete", namespace)


def _ip(*arguments: str) -> None:
    subprocess.run(["/usr/sbin/ip", *arguments], check=True, capture_output=True)


def _in(namespace: str, *command: str) -> None:
    _ip("netns", "exec", namespace, *command)
