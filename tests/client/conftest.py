"""A small federation and a way to write a site's file."""

from collections.abc import Callable
from pathlib import Path

import pytest

from grandrounds_client.settings import SiteSettings
from grandrounds_client.site import Site
from grandrounds_protocol.schema import Federation
from tests.client.asking import ROWS, Make, opened


@pytest.fixture
def federation() -> Federation:
    return Federation.model_validate(
        {
            "name": "demo",
            "label": "outcome",
            "classes": {"well": ["0"], "ill": ["1", "2"]},
            "features": [
                {"kind": "continuous", "name": "age", "low": 0, "high": 100, "unit": "years"},
                {"kind": "categorical", "name": "sex", "categories": ["f", "m"]},
                {"kind": "ordinal", "name": "stage", "levels": ["I", "II", "III"]},
            ],
        }
    )


@pytest.fixture
def settings() -> Callable[..., SiteSettings]:
    def make(**changes: object) -> SiteSettings:
        return SiteSettings.model_validate(
            {"name": "north", "data": "rows.csv", "learner": "tree", **changes}
        )

    return make


@pytest.fixture
def write(tmp_path: Path) -> Callable[[str], Path]:
    def file(text: str) -> Path:
        path = tmp_path / "rows.csv"
        path.write_text(text, encoding="utf-8")
        return path

    return file


@pytest.fixture
def site(federation: Federation, settings: Make, write: Callable[[str], Path]) -> Site:
    return opened(federation, settings(), write(ROWS))
