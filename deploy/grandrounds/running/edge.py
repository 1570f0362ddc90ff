"""The edge: nginx in front of the SuperLink, the only port that the world sees.

Flower serves three interfaces on one port. Who reaches Control can run code on everybody's
machines, so only Fleet is let through, and of Fleet not that by which a node registers itself.
"""

import shutil
from collections.abc import Sequence
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined

from grandrounds.provision.secrets import make_private_folder, replace
from grandrounds.provision.tls import Tls
from grandrounds_protocol.errors import BadInput

CONFIGURATION = "nginx.conf"
_UNSAFE = set("\"'\\;{}$ \t\n#")
"""What would end or change a line of nginx's configuration."""


def configuration(home: Path, tls: Tls, *, listen: Sequence[str], link: str) -> str:
    """Write nginx's configuration.

    Parameters
    ----------
    home : Path
        Its state: temporary files and process number.
    tls : Tls
    listen : sequence of str
        Each a port, for all IPv4 addresses, or ADDRESS:PORT.
    link : str
        HOST:PORT of the SuperLink.

    Raises
    ------
    BadInput
        If a path or address cannot stand in it.
    """
    values = {
        "home": home,
        "link": link,
        "root": tls.root,
        "certificate": tls.server,
        "key": tls.server_key,
    }
    for value in (*values.values(), *listen):
        if _UNSAFE & set(str(value)):
            raise BadInput(
                "nginx cannot use a path with blanks, quotes or any of ; { } $ # \\",
                where=str(value),
                remedy="move the folder to a plainer path",
            )
    # no HTML here: nothing to escape, and what could change a line was refused
    templates = Environment(  # noqa: S701
        loader=PackageLoader("grandrounds.running"), undefined=StrictUndefined
    )
    return templates.get_template(CONFIGURATION).render(values, listen=listen)


def command(home: Path, tls: Tls, *, listen: Sequence[str], link: str) -> list[str]:
    """Write the configuration into `home` and return the command that runs nginx with it.

    Raises
    ------
    BadInput
        If nginx is not installed, or a path cannot be used.
    """
    nginx = shutil.which("nginx", path="/usr/sbin:/usr/local/sbin:/usr/bin:/usr/local/bin")
    if nginx is None:
        raise BadInput("nginx is not installed", where="PATH", remedy="apt install nginx-light")
    make_private_folder(home)
    written = home / CONFIGURATION
    replace(written, configuration(home, tls, listen=listen, link=link).encode())
    # before it reads where errors go, nginx would write to /var/log, which a container may not
    return [nginx, "-e", "stderr", "-p", str(home), "-c", str(written)]
