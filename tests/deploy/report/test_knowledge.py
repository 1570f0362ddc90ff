"""What the lessons say: directions in the features' own units, or as small images."""

import base64
import re
from io import BytesIO

import numpy as np
import pytest
from PIL import Image as Pillow

from grandrounds.report.knowledge import LEAST_LESSONS, MOST, knowledge
from grandrounds.report.page import federation_page
from grandrounds_protocol.schema import Continuous, Image
from tests.deploy.report.made import AGE, federation_of, lessons, story_of


def test_directions_are_in_the_features_own_units() -> None:
    federation = federation_of(
        {**AGE, "low": 20, "high": 100, "unit": "years"},
        {"name": "stage", "kind": "ordinal", "levels": ["I", "II", "III", "IV"]},
        {"name": "sex", "kind": "categorical", "categories": ["f", "m"]},
    )
    (block,) = knowledge(federation, {"north": lessons([[0, 0, 0.1, 0], [0.1, -0.4, 0, 0.05]])})
    said = {(row.feature, row.category): row.bars[0].text for row in block.rows}
    assert said == {
        ("stage", ""): "\N{MINUS SIGN}1.2 levels",
        ("age", ""): "+8.0 years",
        ("sex", "f"): "\N{MINUS SIGN}10 pts",
        ("sex", "m"): "+5 pts",
    }
    assert (block.label, block.others) == ("ill", "well")
    assert block.rows[0].bars[0].reach == -1


def test_of_wide_data_the_features_that_moved_most_are_shown() -> None:
    features = [Continuous(name=f"f{at}", low=0, high=1).model_dump() for at in range(40)]
    change = [[0.0] * 40, [at / 100 for at in range(40)]]
    (block,) = knowledge(federation_of(*features), {"north": lessons(change)})
    assert [row.feature for row in block.rows] == [f"f{39 - at}" for at in range(MOST)]
    assert block.left_out == 39 - MOST


def test_more_than_two_classes_are_one_against_the_rest() -> None:
    federation = federation_of(AGE, classes=("a", "b", "c"))
    blocks = knowledge(federation, {"north": lessons([[0.1], [0.2], [0.3]])})
    assert [block.label for block in blocks] == ["a", "b", "c"]
    assert {block.others for block in blocks} == {"all other classes"}


def test_a_mean_over_few_lessons_is_not_shown() -> None:
    federation = federation_of(AGE)
    few = {"north": lessons([[0.1], [0.2]], LEAST_LESSONS - 1), "south": lessons([[0.0], [0.2]])}
    (block,) = knowledge(federation, few)
    assert (block.students, block.too_few) == (("south",), ("north",))
    assert "Too few lessons on one side to show a mean for north" in federation_page(
        story_of(federation, few)
    )


@pytest.mark.parametrize(("shape", "drawn"), [((8, 6, 1), (6, 8)), ((130, 70, 3), (24, 44))])
def test_a_change_of_images_is_drawn_as_a_small_image(
    shape: tuple[int, int, int], drawn: tuple[int, int]
) -> None:
    image = Image(kind="image", name="scan", shape=shape)
    change = np.zeros(shape)
    change[: shape[0] // 2] = 0.5
    change[-1] = -0.25
    federation = federation_of(image.model_dump())
    direction = lessons([[0.0] * image.width, change.ravel().tolist()])
    page = federation_page(story_of(federation, {"south": direction}))
    source = re.findall(r'src="data:image/png;base64,([^"]+)"', page)
    assert len(source) == 1
    picture = Pillow.open(BytesIO(base64.b64decode(source[0])))
    assert picture.size == drawn
    pixels = np.asarray(picture)
    assert pixels[0, 0, 3] == 255
    assert pixels[0, 0, 2] > pixels[0, 0, 0]
    assert "Change of scan towards ill in the lessons for south; at most 50 percent" in page
