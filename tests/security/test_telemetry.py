"""No library tells its maker that it runs here."""

import os
import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.parametrize("first", ["", "import grandrounds"])
def test_onnxruntime_keeps_no_device_id_and_reports_nothing(first: str, tmp_path: Path) -> None:
    """It would write a number for this machine below HOME, and send events with it."""
    kept = {name: value for name, value in os.environ.items() if name != "ORT_DISABLE_TELEMETRY"}
    program = f"{first}\nimport grandrounds_client.vetting.session as s; print(s.__name__)"
    found = subprocess.run(
        [sys.executable, "-c", program],
        env={**kept, "HOME": str(tmp_path), "XDG_CACHE_HOME": str(tmp_path / "cache")},
        capture_output=True,
        text=True,
        check=True,
    )
    assert found.stdout.strip() == "grandrounds_client.vetting.session"
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []
