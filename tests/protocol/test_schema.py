"""federation.toml: what is accepted, and what each mistake is told."""

import pytest

from grandrounds_protocol.errors import BadInput
from grandrounds_protocol.layout import Layout
from grandrounds_protocol.names import canonical
from grandrounds_protocol.schema import Federation
from grandrounds_protocol.settings import parse_settings

HEAD = """
name = "demo"
label = "outcome"
classes = ["well", "ill"]
"""
AGE = """
[[features]]
name = "age"
kind = "continuous"
low = 0
high = 100
"""
SEX = """
[[features]]
name = "sex"
kind = "categorical"
categories = [0, 1]
"""
STAGE = """
[[features]]
name = "stage"
kind = "ordinal"
levels = ["I", "II", "III"]
"""


def federation(text: str) -> Federation:
    return parse_settings(Federation, text, "federation.toml")


def test_a_plain_file_is_read_with_defaults() -> None:
    read = federation(HEAD + AGE + SEX + STAGE)
    assert read.class_names == ("well", "ill")
    assert read.rules.recipe == "private"
    assert read.class_of() == {"well": 0, "ill": 1}


def test_a_class_may_gather_several_label_values() -> None:
    text = HEAD.replace('["well", "ill"]', "{ well = [0], ill = [1, 2] }")
    assert federation(text + AGE).class_of() == {"0": 0, "1": 1, "2": 1}


def test_the_layout_gives_each_feature_its_columns() -> None:
    layout = Layout.of(federation(HEAD + AGE + SEX + STAGE))
    assert layout.width == 4
    assert layout.column_names == ("age", "sex=0", "sex=1", "stage")
    assert layout.one_hot_groups == (slice(1, 3),)
    assert layout.ordinal_levels == ((3, 3),)
    assert layout.columns_of(["stage", "age"]).tolist() == [0, 3]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (HEAD + "a b", "not valid TOML"),
        (HEAD + AGE + AGE, "feature named twice: age"),
        (HEAD + AGE.replace("high = 100", "high = 0"), "low must be below high"),
        (HEAD + AGE.replace("high = 100", "high = nan"), "finite"),
        (HEAD + SEX.replace("[0, 1]", "[0, 0.0]"), "differ"),
        (HEAD + AGE.replace("continuous", "magic"), "continuous"),
        (HEAD + AGE + "colour = 3", "unknown field"),
        (HEAD.replace('"ill"', '"well"') + AGE, "differ"),
        (HEAD.replace('["well", "ill"]', '["well"]') + AGE, "classes"),
        (HEAD.replace('["well", "ill"]', '{ well = ["0"], ill = ["0"] }') + AGE, "one class only"),
        (HEAD.replace('"outcome"', '"age"') + AGE, "may not be a feature"),
        (HEAD, "features"),
        (HEAD + AGE + "[rules]\nrounds = -1", "rounds"),
        (HEAD + AGE + "[rules]\nvalidation = 0.5\nheld_out = 0.5", "no row is left"),
    ],
)
def test_each_mistake_is_told_with_the_file_and_the_field(text: str, said: str) -> None:
    with pytest.raises(BadInput) as caught:
        federation(text)
    message = str(caught.value)
    assert said in message
    assert "federation.toml" in message
    assert len(message.splitlines()) <= 6
    assert caught.value.exit_code == 2


def test_the_digest_changes_with_meaning_and_not_with_rules() -> None:
    plain = federation(HEAD + AGE).digest()
    assert federation(HEAD + AGE + "[rules]\nrounds = 3").digest() == plain
    assert federation(HEAD + AGE.replace("100", "120")).digest() != plain
    assert federation(HEAD + AGE + SEX).digest() != federation(HEAD + SEX + AGE).digest()
    assert federation(HEAD.replace('"well", "ill"', '"ill", "well"') + AGE).digest() != plain


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("3.0", "3"),
        ("30.0", "30"),
        ("-1.50", "-1.5"),
        ("0.0", "0"),
        ("01", "01"),
        ("1e2", "1e2"),
        ("10", "10"),
        (3.0, "3"),
        (" 3 ", "3"),
        (3, "3"),
        ("TRUE", "true"),
        (True, "true"),
        ("nan", "nan"),
        ("a b", "a b"),
    ],
)
def test_one_category_has_one_spelling(written: object, meant: str) -> None:
    assert canonical(written) == meant
