"""From a site's images to [0, 1]^D and back, and what is refused on the way."""

import gzip
import io
import struct
import tempfile
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from PIL import Image

from grandrounds_client.encoding import Encoded, decode
from grandrounds_client.idx import read_idx
from grandrounds_client.settings import SiteSettings
from grandrounds_client.site import load_rows, open_site
from grandrounds_protocol.errors import BadInput
from grandrounds_protocol.layout import Layout
from grandrounds_protocol.schema import Federation

Make = Callable[..., SiteSettings]
PIXELS = np.arange(24, dtype=np.uint8).reshape(4, 2, 3) * 10
LABELS = np.array([0, 7, 7, 0], np.uint8)


def federation(shape: tuple[int, ...] = (2, 3), high: float = 255, **more: object) -> Federation:
    image = {"kind": "image", "name": "scan", "shape": shape, "high": high}
    return Federation.model_validate(
        {
            "name": "scans",
            "label": "finding",
            "classes": {"clear": ["0"], "shadow": ["7"]},
            "features": [image],
            **more,
        }
    )


def idx(values: npt.NDArray[np.uint8], *, axes: tuple[int, ...] | None = None) -> bytes:
    sizes = values.shape if axes is None else axes
    return bytes((0, 0, 8, len(sizes))) + struct.pack(f">{len(sizes)}I", *sizes) + values.tobytes()


@pytest.fixture
def idx_site(tmp_path: Path, settings: Make) -> Callable[..., Encoded]:
    """Write the two files, packed or not, and read them as a site does."""

    def read(
        images: bytes | None = None,
        labels: bytes | None = None,
        *,
        packed: bool = False,
        agreed: Federation | None = None,
        **changes: object,
    ) -> Encoded:
        end = ".gz" if packed else ""
        pack = gzip.compress if packed else bytes
        names = {"data": f"images-idx3-ubyte{end}", "labels": f"labels-idx1-ubyte{end}"}
        (tmp_path / names["data"]).write_bytes(pack(idx(PIXELS) if images is None else images))
        (tmp_path / names["labels"]).write_bytes(pack(idx(LABELS) if labels is None else labels))
        site = settings(**{**names, **changes})
        return load_rows(site, tmp_path, federation() if agreed is None else agreed)

    return read


def png(pixels: npt.NDArray[np.generic], **options: object) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "PNG", **options)
    return stream.getvalue()


@pytest.fixture
def png_site(tmp_path: Path, settings: Make) -> Callable[..., Encoded]:
    """Write files by their path below the folder, and read them as a site does."""

    def read(files: dict[str, bytes], agreed: Federation, **changes: object) -> Encoded:
        for name, content in files.items():
            path = tmp_path / "scans" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        return load_rows(settings(data="scans", **changes), tmp_path, agreed)

    return read


GREY = {"0/a.png": png(PIXELS[0]), "0/b.png": png(PIXELS[1]), "7/a.PNG": png(PIXELS[2])}


@pytest.mark.parametrize("packed", [False, True])
def test_idx_images_are_read_row_by_row_and_scaled(
    idx_site: Callable[..., Encoded], packed: bool
) -> None:
    rows = idx_site(packed=packed)
    assert rows.x.dtype == np.float32
    assert np.array_equal(rows.x, PIXELS.reshape(4, 6).astype(np.float32) / np.float32(255))
    assert rows.y.tolist() == [0, 1, 1, 0]
    assert rows.y.dtype == np.int32
    assert rows.columns.tolist() == list(range(6))
    assert rows.clipped == {"scan": 0}


def test_idx_images_may_have_channels(idx_site: Callable[..., Encoded]) -> None:
    colours = np.arange(4 * 2 * 3 * 3, dtype=np.uint8).reshape(4, 2, 3, 3)
    rows = idx_site(idx(colours), agreed=federation((2, 3, 3)))
    assert np.array_equal(rows.x, colours.reshape(4, 18).astype(np.float32) / np.float32(255))


def test_values_above_high_are_clipped_and_counted(idx_site: Callable[..., Encoded]) -> None:
    rows = idx_site(agreed=federation(high=100))
    assert rows.x.max() == 1
    assert rows.clipped == {"scan": int((PIXELS > 100).sum())}


def test_labels_may_be_spelled_differently(idx_site: Callable[..., Encoded]) -> None:
    rows = idx_site(labels=idx(LABELS + 1), label={"values": {"1": "0", "8": "7"}})
    assert rows.y.tolist() == [0, 1, 1, 0]


def test_a_folder_of_grey_images_is_read_in_the_order_of_its_names(
    png_site: Callable[..., Encoded],
) -> None:
    rows = png_site(
        {
            **GREY,
            "notes.txt": b"not an image",
            "0/Thumbs.db": b"nor this",
            "0/._a.png": b"nor that",
        },
        federation(),
    )
    assert np.array_equal(rows.x * 255, PIXELS[:3].reshape(3, 6))
    assert rows.y.tolist() == [0, 0, 1]


def test_a_folder_of_rgb_images_keeps_the_channels_of_a_pixel_together(
    png_site: Callable[..., Encoded],
) -> None:
    colours = np.arange(18, dtype=np.uint8).reshape(2, 3, 3)
    files = {"0/a.png": png(colours), "7/b.png": png(colours + 1)}
    rows = png_site(files, federation((2, 3, 3)))
    assert np.array_equal(np.rint(rows.x[0] * 255), colours.reshape(18))


def test_grey_images_of_16_bits_are_read_in_full(png_site: Callable[..., Encoded]) -> None:
    deep = np.array([[0, 1, 2], [1000, 40_000, 65_535]], np.uint16)
    rows = png_site({"0/a.png": png(deep), "7/b.png": png(deep)}, federation(high=65_535))
    assert np.array_equal(np.rint(rows.x[0] * 65_535), deep.reshape(6))


def test_folders_may_be_named_differently(png_site: Callable[..., Encoded]) -> None:
    files = {"healthy/a.png": png(PIXELS[0]), "ill/a.png": png(PIXELS[1])}
    rows = png_site(files, federation(), label={"values": {"healthy": "0", "ill": "7"}})
    assert rows.y.tolist() == [0, 1]


def test_decoding_gives_the_pixels_back(idx_site: Callable[..., Encoded]) -> None:
    values = decode(idx_site().x, Layout.of(federation()))["scan"]
    assert np.array_equal(np.rint(np.array(values)), PIXELS.reshape(4, 6))


@given(arrays.arrays(np.uint8, st.tuples(st.integers(0, 5), st.integers(1, 4), st.integers(1, 4))))
def test_what_is_written_as_idx_is_read_back(values: npt.NDArray[np.uint8]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        for name, content in (("a.idx", idx(values)), ("a.idx.gz", gzip.compress(idx(values)))):
            path = Path(folder) / name
            path.write_bytes(content)
            assert np.array_equal(read_idx(path, values.shape[1:]), values)


def refused(read: Callable[..., Encoded], *args: object, **changes: object) -> str:
    with pytest.raises(BadInput) as caught:
        read(*args, **changes)
    error = caught.value
    assert error.where
    assert error.remedy
    assert str(error).count("\n") < 6
    return str(error)


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize(
    ("images", "says"),
    [
        (b"", "not an IDX file"),
        (b"\x00\x00\x08", "not an IDX file"),
        (b"\x89PNG" + bytes(40), "not an IDX file"),
        (b"\x00\x00\x0d\x03" + idx(PIXELS)[4:], "not an IDX file"),
        (idx(LABELS), "not an IDX file"),
        (idx(PIXELS.reshape(4, 3, 2)), "images of 3 x 2 where 2 x 3 is agreed"),
        (idx(PIXELS)[:-1], "less than its header says"),
        (idx(PIXELS) + b"\x00", "more than its header says"),
        (idx(PIXELS, axes=(2**32 - 1, 2, 3)), "less than its header says"),
        (idx(PIXELS[:3]), "4 labels for 3 images"),
        (idx(PIXELS[:0]), "4 labels for 0 images"),
    ],
)
def test_an_idx_file_of_images_that_cannot_be_used_is_refused(
    idx_site: Callable[..., Encoded], images: bytes, says: str, packed: bool
) -> None:
    message = refused(idx_site, images, packed=packed)
    assert says in message
    assert "idx" in message


def test_a_packed_file_that_is_cut_or_damaged_is_refused(
    idx_site: Callable[..., Encoded], tmp_path: Path, settings: Make
) -> None:
    idx_site(packed=True)
    path = tmp_path / "images-idx3-ubyte.gz"
    whole = path.read_bytes()
    site = settings(data=path.name, labels="labels-idx1-ubyte.gz")
    for broken in (whole[:-12], whole[:20] + b"\xff" * 9 + whole[29:], b"plain", b""):
        path.write_bytes(broken)
        assert str(path) in refused(load_rows, site, tmp_path, federation())


def test_a_small_packed_file_cannot_ask_for_much_memory(
    idx_site: Callable[..., Encoded], monkeypatch: pytest.MonkeyPatch
) -> None:
    bomb = idx(PIXELS[:0], axes=(10_000, 2, 3)) + bytes(50_000_000)
    assert "more than its header says" in refused(idx_site, bomb, packed=True)
    monkeypatch.setattr("grandrounds_client.idx.MOST_BYTES", 23)
    assert "at most 23 are read" in refused(idx_site)


def test_missing_files_and_labels_are_named(tmp_path: Path, settings: Make) -> None:
    assert "cannot read the file" in refused(
        load_rows, settings(data="gone.idx", labels="gone"), tmp_path, federation()
    )
    message = refused(load_rows, settings(data="images-idx3-ubyte"), tmp_path, federation())
    assert "need a file of labels" in message


def test_a_label_out_of_range_is_named_by_its_row_and_not_by_its_value(
    idx_site: Callable[..., Encoded],
) -> None:
    message = refused(idx_site, labels=idx(np.array([0, 7, 93, 7], np.uint8)))
    assert "row 3" in message
    assert "93" not in message


def test_one_class_alone_is_refused(idx_site: Callable[..., Encoded]) -> None:
    assert "one class" in refused(idx_site, labels=idx(LABELS * 0))


def test_images_are_not_mixed_with_other_features(idx_site: Callable[..., Encoded]) -> None:
    scan = {"kind": "image", "name": "scan", "shape": (2, 3)}
    age = {"kind": "continuous", "name": "age", "low": 0, "high": 100}
    for features in ([scan, age], [age, scan]):
        agreed = federation(features=features)
        assert "cannot be mixed" in refused(idx_site, agreed=agreed)


def test_a_table_has_no_file_of_labels(tmp_path: Path, settings: Make) -> None:
    agreed = federation(features=[{"kind": "continuous", "name": "age", "low": 0, "high": 100}])
    message = refused(load_rows, settings(labels="labels.idx"), tmp_path, agreed)
    assert "labels" in message


DAMAGED = bytearray(GREY["0/a.png"])
DAMAGED[-20] ^= 0xFF


def bomb() -> bytes:
    """A picture that says it is small and unpacks to 60 MB."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        sum_ = struct.pack(">I", zlib.crc32(kind + content))
        return struct.pack(">I", len(content)) + kind + content + sum_

    head = struct.pack(">IIBBBBB", 3, 2, 8, 0, 0, 0, 0)
    pixels = chunk(b"IDAT", zlib.compress(bytes(60_000_000)))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + pixels + chunk(b"IEND", b"")


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("0/bad.png", b"", "not a readable PNG"),
        ("0/bad.png", b"GIF89a" + bytes(60), "not a readable PNG"),
        ("0/bad.png", GREY["0/a.png"][:-25], "not a readable PNG"),
        ("0/bad.png", bytes(DAMAGED), "not a readable PNG"),
        ("0/bad.png", GREY["0/a.png"] + bytes(2_000_000), "far larger than its picture"),
        ("0/bad.png", png(np.zeros((3, 2), np.uint8)), "3 x 2 where 2 x 3 is agreed"),
        ("0/bad.png", png(np.zeros((9000, 9000), np.uint8)), "9000 x 9000"),
        ("0/bad.png", png(np.zeros((2, 3, 3), np.uint8)), "not a plain grey image"),
        ("0/bad.png", png(np.zeros((2, 3, 4), np.uint8)), "not a plain grey image"),
        ("5/bad.png", png(PIXELS[0]), "not one of the federation's"),
    ],
)
def test_an_image_that_cannot_be_used_is_refused_by_name(
    png_site: Callable[..., Encoded], name: str, content: bytes, says: str
) -> None:
    message = refused(png_site, {**GREY, name: content}, federation())
    assert says in message
    assert str(Path("scans") / name.partition("/")[0]) in message


def test_a_picture_that_unpacks_to_far_more_than_it_says_does_no_harm(
    png_site: Callable[..., Encoded],
) -> None:
    rows = png_site({**GREY, "0/bomb.png": bomb()}, federation())
    assert rows.x.shape == (4, 6)


def test_a_grey_image_is_no_rgb_image(png_site: Callable[..., Encoded]) -> None:
    assert "not a plain RGB image" in refused(png_site, GREY, federation((2, 3, 3)))


def test_a_folder_without_images_and_one_with_a_file_of_labels_are_refused(
    png_site: Callable[..., Encoded], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "no image was found" in refused(png_site, {"0/readme.txt": b""}, federation())
    assert "remove `labels`" in refused(png_site, GREY, federation(), labels="labels.idx")
    monkeypatch.setattr("grandrounds_client.images.MOST_BYTES", 17)
    assert "at most 2 are read" in refused(png_site, GREY, federation())


def test_a_learner_of_images_is_told_their_shape(tmp_path: Path, settings: Make) -> None:
    (tmp_path / "images.idx").write_bytes(idx(PIXELS))
    (tmp_path / "labels.idx").write_bytes(idx(LABELS))
    files = {"data": "images.idx", "labels": "labels.idx"}
    told = open_site(settings(**files, learner="cnn"), tmp_path, federation(), {})
    assert [getattr(learner, "shape", None) for learner in told.learners] == [(2, 3, 1)]
    own = {"name": "cnn", "shape": [3, 2, 1]}
    kept = open_site(settings(**files, learner=own), tmp_path, federation(), {})
    assert [getattr(learner, "shape", None) for learner in kept.learners] == [(3, 2, 1)]
    open_site(settings(**files, learner="tree"), tmp_path, federation(), {})
