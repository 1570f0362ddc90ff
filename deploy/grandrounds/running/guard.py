"""The guard: of all that Flower would run, only our own app runs, from the installed package.

Flower ships a bundle of code from the coordinator to every site, and whoever holds the
coordinator chooses it. Here the bundle is compared with the one that this installation builds
itself and then left alone: not unpacked, not imported, and no path is made of its names.

It replaces inner names of Flower, so it works with the one version it was written for.
"""

import hashlib
import logging
import os
from functools import partial
from importlib import import_module
from pathlib import Path
from queue import Queue
from typing import Any

from flwr.app import Context, Error, Message
from flwr.supercore.superexec.executor import ExecutionSpec
from flwr.supercore.tls import validate_and_resolve_root_certificates

from grandrounds.running.app_bundle import approved
from grandrounds.running.beside import Beside, adopt
from grandrounds.running.flower import check_flower, replace
from grandrounds.running.pulling import look_sooner
from grandrounds_client.frames import frames
from grandrounds_protocol.errors import BundleNotApproved
from grandrounds_protocol.records import REFUSED

log = logging.getLogger(__name__)


def check_bundle(data: bytes) -> None:
    """Refuse any bundle but the one that this installation builds.

    Raises
    ------
    BundleNotApproved
    """
    if hashlib.sha256(data).hexdigest() != approved():
        raise BundleNotApproved(
            "the bundle is not the one this installation approves",
            remedy="install the coordinator's version of grandrounds; else ask who changed it",
        )


def run_clientapp(spec: ExecutionSpec, beside: Beside | None = None) -> None:
    """Answer one message at a site, with peers' models `beside` us; ends the process."""
    check_flower()
    flower = import_module("flwr.supernode.runtime.run_clientapp")
    replace(flower, "install_from_fab", lambda data, **_: check_bundle(data))
    # neither reads the name and version that arrived: a crafted one would lead out of its folder
    replace(flower, "get_project_dir", lambda *_: Path(os.devnull))
    replace(flower, "get_load_client_app_fn", lambda **_: lambda *_: partial(answer, beside=beside))
    look_sooner(flower, "pull_and_inflate_object_from_tree")
    flower.run_clientapp(**_arguments(spec))


def run_serverapp(spec: ExecutionSpec, _beside: None = None) -> None:
    """Run the rounds a coordinator ordered; ends the process."""
    check_flower()
    flower = import_module("flwr.superlink.runtime.run_serverapp")
    install = flower.install_from_fab

    def checked(data: bytes, **options: Any) -> Any:
        check_bundle(data)
        return install(data, **options)

    replace(flower, "install_from_fab", checked)
    look_sooner(import_module("flwr.superlink.grid.http_grid"), "pull_objects")
    flower.run_serverapp(log_queue=Queue(), **_arguments(spec))


def answer(message: Message, context: Context, *, beside: Beside | None = None) -> Message:
    """Let the installed app answer; of an error only its type is told.

    An exception that gets out of here would reach the coordinator word by word, values of
    patients included: also one raised while the app is imported.
    """
    try:
        from grandrounds.running.clientapp import app  # noqa: PLC0415 (it may fail, and is heavy)
        from grandrounds.threads import one_thread  # noqa: PLC0415 (likewise)

        if beside is not None:
            adopt(beside)
        with one_thread():
            return app(message, context)
    except Exception as error:  # noqa: BLE001 (whatever it is)
        log.error("a message was not answered: %s", frames(error))  # noqa: TRY400 (no values)
        return Message(Error(REFUSED, type(error).__name__), reply_to=message)


def _arguments(spec: ExecutionSpec) -> dict[str, Any]:
    return {
        "runtime_api_address": spec.runtime_api_address,
        "token": spec.token,
        "insecure": spec.insecure,
        "certificates": validate_and_resolve_root_certificates(
            spec.root_certificates_path, spec.insecure
        ),
        "parent_pid": spec.parent_pid,
        "runtime_dependency_install": False,
    }
