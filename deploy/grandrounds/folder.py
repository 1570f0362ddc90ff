"""A federation's folder: `federation.toml`, and one `NAME/site.toml` each or a `[sites]` table."""

import tomllib
from dataclasses import dataclass
from pathlib import Path

from grandrounds_client.settings import SiteSettings
from grandrounds_protocol.errors import BadInput
from grandrounds_protocol.schema import Federation
from grandrounds_protocol.settings import check_settings, parse_settings


@dataclass(frozen=True)
class SiteFolder:
    """A site's settings and the folder its data file is relative to."""

    settings: SiteSettings
    folder: Path


@dataclass(frozen=True)
class FederationFolder:
    """What lies in a federation's folder, checked; no data file is opened yet."""

    federation: Federation
    sites: tuple[SiteFolder, ...]


def read_folder(folder: Path) -> FederationFolder:
    """Read a federation's folder.

    Raises
    ------
    BadInput
        If a file is missing or cannot be used, two sites share a name, or fewer than two
        sites are there.
    """
    path = folder / "federation.toml"
    table = _parse(read_text(path), path)
    listed = table.pop("sites", None)
    federation = check_settings(Federation, table, str(path))
    sites = _sites_in_folders(folder) if listed is None else _sites_in_table(listed, path)
    _check_names(sites, path)
    return FederationFolder(federation, tuple(sites))


def read_text(path: Path) -> str:
    """Read a settings file.

    Raises
    ------
    BadInput
        If it is missing, unreadable or not UTF-8.
    """
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        problem = error.strerror if isinstance(error, OSError) else "not UTF-8 text"
        raise BadInput(
            f"cannot read {path.name}: {problem}",
            where=str(path),
            remedy="check the path, the file's permissions and its encoding",
        ) from None


def _parse(text: str, path: Path) -> dict[str, object]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise BadInput(
            f"not valid TOML: {error}", where=str(path), remedy="correct the line named above"
        ) from None


def _sites_in_folders(folder: Path) -> list[SiteFolder]:
    return [
        SiteFolder(parse_settings(SiteSettings, read_text(path), str(path)), path.parent)
        for path in sorted(folder.glob("*/site.toml"))
    ]


def _sites_in_table(listed: object, path: Path) -> list[SiteFolder]:
    if not isinstance(listed, dict):
        raise BadInput(
            "sites: a table is expected", where=f"{path}, field sites", remedy="write [sites.NAME]"
        )
    return [
        SiteFolder(_site_in_table(name, table, path), path.parent) for name, table in listed.items()
    ]


def _site_in_table(name: str, table: object, path: Path) -> SiteSettings:
    named = {"name": name, **table} if isinstance(table, dict) else table
    return check_settings(SiteSettings, named, f"{path}, [sites.{name}]")


def _check_names(sites: list[SiteFolder], path: Path) -> None:
    names = [site.settings.name for site in sites]
    doubled = sorted({name for name in names if names.count(name) > 1})
    if doubled:
        folders = [site.folder.name for site in sites if site.settings.name == doubled[0]]
        raise BadInput(
            f"two sites are named {doubled[0]!r}",
            where=f"{path.parent}, site.toml in {' and '.join(folders)}",
            remedy="give each site a name of its own",
        )
    if len(sites) < 2:
        raise BadInput(
            f"{len(sites)} site found, at least two are needed",
            where=str(path.parent),
            remedy="add NAME/site.toml for each site, or a [sites.NAME] table each",
        )
