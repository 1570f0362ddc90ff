"""Who may import whom. The rooms are what a security officer's reading rests on."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
ROOMS = {
    "grandrounds_protocol": ROOT / "protocol",
    "grandrounds_client": ROOT / "client",
    "grandrounds_server": ROOT / "server",
}
MAY_IMPORT = {
    "grandrounds_protocol": {"grandrounds_protocol"},
    "grandrounds_client": {"grandrounds_client", "grandrounds_protocol"},
    "grandrounds_server": {"grandrounds_server", "grandrounds_protocol"},
}
LIGHT = {"numpy", "pydantic", "safetensors", "cryptography"}
CLOCK_DISK_SOCKETS = {"time", "pathlib", "os", "socket", "random", "shutil"}


def imports(folder: Path) -> Iterator[tuple[str, str]]:
    for path in sorted(folder.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                yield from ((str(path.relative_to(ROOT)), alias.name) for alias in node.names)
            elif isinstance(node, ast.ImportFrom):
                assert node.level == 0, f"{path}: relative import"
                yield str(path.relative_to(ROOT)), node.module or ""


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_imports_no_room_it_may_not_know(room: str) -> None:
    for path, module in imports(ROOMS[room]):
        top = module.partition(".")[0]
        if top.startswith("grandrounds"):
            assert top in MAY_IMPORT[room], f"{path} imports {module}"


def test_protocol_imports_nothing_heavy_and_touches_no_clock_disk_or_socket() -> None:
    for path, module in imports(ROOMS["grandrounds_protocol"]):
        top = module.partition(".")[0]
        allowed = top in LIGHT or top == "grandrounds_protocol" or top in sys.stdlib_module_names
        assert allowed, f"{path} imports {module}"
        assert top not in CLOCK_DISK_SOCKETS, f"{path} imports {module}"


def test_protocol_takes_memory_from_io_and_no_file() -> None:
    for path in sorted((ROOT / "protocol").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            assert not (isinstance(node, ast.Import) and "io" in {a.name for a in node.names}), path
            if isinstance(node, ast.ImportFrom) and node.module == "io":
                assert [alias.name for alias in node.names] == ["BytesIO"], path
            assert not (isinstance(node, ast.Name) and node.id == "open"), path


def test_protocol_spells_dates_and_asks_no_clock() -> None:
    for path in sorted((ROOT / "protocol").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            asked = isinstance(node, ast.Attribute) and node.attr in {"now", "today", "utcnow"}
            assert not asked, path


def test_importing_protocol_loads_no_learning_library_and_no_flower() -> None:
    code = (
        "import sys, grandrounds_protocol.messages, grandrounds_protocol.instances\n"
        "import grandrounds_protocol.verdict, grandrounds_protocol.layout\n"
        "heavy = ('torch', 'flwr', 'sklearn', 'onnx', 'pandas', 'grpc')\n"
        "print([name for name in heavy if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize("room", ["grandrounds_client", "grandrounds_server"])
def test_only_the_app_of_each_side_knows_flower(room: str) -> None:
    knows = {path for path, module in imports(ROOMS[room]) if module.startswith("flwr")}
    assert {Path(path).name for path in knows} == {"app.py"}


def test_nothing_is_ever_unpickled() -> None:
    for folder in (*ROOMS.values(), ROOT / "deploy"):
        for path, module in imports(folder):
            assert module.partition(".")[0] not in {
                "pickle",
                "joblib",
                "dill",
                "skops",
                "marshal",
            }, path


def test_every_third_party_import_is_a_declared_dependency() -> None:
    import tomllib

    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    declared = {line.split(">")[0].split("=")[0].strip() for line in project["dependencies"]}
    distribution = {
        "sklearn": "scikit-learn",
        "google": "protobuf",
        "PIL": "pillow",
        "grpc": "grpcio",
        "grpc_health": "grpcio-health-checking",
    }
    # installed with another that is declared: click with typer, httpx with flwr
    carried = {"click", "httpx"}
    for folder in (*ROOMS.values(), ROOT / "deploy" / "grandrounds"):
        for path, module in imports(folder):
            top = module.partition(".")[0]
            if top in sys.stdlib_module_names or top.startswith("grandrounds") or top in carried:
                continue
            assert distribution.get(top, top) in declared, f"{path} imports {module}"
