"""Folders of images, against the arrays that were written into them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image

from study.data import DataError, TableOptions, load_dataset, prepare
from study.data.image_folder import images_to_predict, read_images

RNG = np.random.default_rng(0)


def grey(count: int = 6, size: tuple[int, int] = (3, 4)) -> npt.NDArray[np.uint8]:
    return RNG.integers(256, size=(count, *size), dtype=np.uint8)


def colours(count: int = 6, size: tuple[int, int] = (3, 4)) -> npt.NDArray[np.uint8]:
    return RNG.integers(256, size=(count, *size, 3), dtype=np.uint8)


def write(folder: Path, images: npt.NDArray[Any], ending: str = ".png", mode: str | None = None) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for number, pixels in enumerate(images):
        Image.fromarray(pixels, mode=mode).save(folder / f"{number}{ending}")
    return folder


@pytest.mark.parametrize("make", [grey, colours])
def test_a_folder_for_each_class(tmp_path: Path, make: Any) -> None:
    cats, dogs = make(), make()
    write(tmp_path / "cats", cats)
    write(tmp_path / "dogs" / "of next door", dogs)
    (tmp_path / "readme.txt").write_text("no image")
    write(tmp_path / ".thumbnails", make(1))
    data = load_dataset(str(tmp_path))
    np.testing.assert_array_equal(data.x, np.concatenate([cats, dogs]).reshape(12, -1))
    assert data.classes == ("cats", "dogs")
    assert data.y.tolist() == [0] * 6 + [1] * 6
    assert data.test_rows is None
    assert data.image is not None
    assert data.image.shape == (1 if make is grey else 3, 3, 4)


def test_images_as_convolutions_read_them(tmp_path: Path) -> None:
    images = colours(12)
    write(tmp_path / "a", images[:6])
    write(tmp_path / "b", images[6:])
    prepared = prepare(load_dataset(str(tmp_path)), seed=0, as_images=True)
    x = prepared.split.validation.x
    of_rows = images[prepared.rows.validation].transpose(0, 3, 1, 2).astype(np.float64)
    scaled = (of_rows - of_rows.mean()) / of_rows.std()
    assert x.shape == (len(prepared.rows.validation), 3, 3, 4)
    assert np.corrcoef(x.numpy().ravel(), scaled.ravel())[0, 1] == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("folders", "training", "test", "said"),
    [
        (("train", "test"), 12, 12, None),
        (("Train", "Test"), 12, 12, None),
        (("train", "val"), 12, 12, "val is the test part"),
        (("train", "val", "test"), 24, 12, "val and train are divided anew"),
        (("train",), 12, 0, None),
    ],
)
def test_parts(tmp_path: Path, folders: tuple[str, ...], training: int, test: int, said: str | None) -> None:
    written = {name: [grey(), grey()] for name in folders}
    for name, (cats, dogs) in written.items():
        write(tmp_path / name / "cats", cats)
        write(tmp_path / name / "dogs", dogs)
    data = load_dataset(str(tmp_path))
    rows = data.test_rows
    assert len(data) == training + test
    assert (0 if rows is None else len(rows)) == test
    if rows is not None:
        assert isinstance(data.x, np.ndarray)
        np.testing.assert_array_equal(data.x[rows], np.concatenate(written[folders[-1]]).reshape(12, -1))
    assert (None if data.reading is None else data.reading.notes) == (None if said is None else (said,))


def test_classes_may_be_called_train_and_car(tmp_path: Path) -> None:
    write(tmp_path / "car", grey())
    write(tmp_path / "train", grey())
    assert load_dataset(str(tmp_path)).classes == ("car", "train")


def test_resized_to_the_size_that_is_asked_for(tmp_path: Path) -> None:
    write(tmp_path / "a", np.full((3, 8, 8), 200, dtype=np.uint8))
    halves = np.zeros((3, 4, 8), dtype=np.uint8)
    halves[:, :, 4:] = 100
    write(tmp_path / "b", halves)
    data = load_dataset(str(tmp_path), options=TableOptions(image_size=(2, 4)))
    assert isinstance(data.x, np.ndarray)
    assert (data.x[0] == 200).all()
    reduced = data.x[3].reshape(2, 4)
    assert (reduced[:, 0] == 0).all()
    assert (reduced[:, 3] == 100).all()
    assert data.reading is not None
    assert data.reading.notes == ("images resized to 2x4",)


@pytest.mark.parametrize(
    ("image", "expected"),
    [
        (Image.new("LA", (1, 1), (40, 0)), 255),
        (Image.new("LA", (1, 1), (40, 255)), 40),
        (Image.fromarray(np.full((1, 1), 40 * 256 + 7, dtype=np.uint16)), 40),
        (Image.new("1", (1, 1), 1), 255),
    ],
)
def test_grey_pixels_of_every_mode(tmp_path: Path, image: Image.Image, expected: int) -> None:
    image.save(tmp_path / "one.png")
    assert read_images([tmp_path / "one.png"], (1, 1), coloured=False).tolist() == [[[expected]]]


def test_palettes_and_transparency(tmp_path: Path) -> None:
    Image.new("RGB", (1, 1), (255, 0, 0)).convert("P").save(tmp_path / "palette.png")
    Image.new("RGBA", (1, 1), (0, 0, 255, 0)).save(tmp_path / "clear.png")
    x = read_images([tmp_path / "palette.png", tmp_path / "clear.png"], (1, 1), coloured=True)
    assert x.tolist() == [[[[255, 0, 0]]], [[[255, 255, 255]]]]


def test_turned_as_the_camera_was_held(tmp_path: Path) -> None:
    sideways = np.zeros((8, 16), dtype=np.uint8)
    sideways[:, :8] = 255
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned clockwise by a quarter
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        Image.fromarray(sideways).save(tmp_path / name / "x.jpg", exif=exif, quality=100)
    data = load_dataset(str(tmp_path))
    assert data.image is not None
    assert data.image.shape == (1, 16, 8)
    assert isinstance(data.x, np.ndarray)
    assert data.x[0].reshape(16, 8)[:8].min() > 200


def test_images_for_predictions(tmp_path: Path) -> None:
    write(tmp_path / "of classes" / "a", grey(2))
    write(tmp_path / "of classes" / "b", grey(1))
    flat = write(tmp_path / "flat", grey(2), ".jpg")
    (tmp_path / "of columns.csv").write_text("a,b\n1,2\n")
    found = images_to_predict(tmp_path / "of classes")
    assert found is not None
    assert found.labels == ["a", "a", "b"]
    found = images_to_predict(flat)
    assert found is not None
    assert ([path.name for path in found.paths], found.labels) == (["0.jpg", "1.jpg"], None)
    found = images_to_predict(flat / "0.jpg")
    assert found is not None
    assert found.paths == [flat / "0.jpg"]
    assert images_to_predict(tmp_path / "of columns.csv") is None


def _two(folder: Path) -> None:
    write(folder / "a", grey())
    write(folder / "b", grey())


def _sizes(folder: Path) -> None:
    _two(folder)
    write(folder / "c", grey(1, (5, 5)))


def _broken(folder: Path) -> None:
    _two(folder)
    (folder / "a" / "1.png").write_bytes(b"no image")


def _cut(folder: Path) -> None:
    _two(folder)
    whole = write(folder / "c", grey(1, (64, 64)))
    cut = (whole / "0.png").read_bytes()[:600]
    (whole / "0.png").write_bytes(cut)


def _empty(folder: Path) -> None:
    _two(folder)
    (folder / "c").mkdir()


def _strange(folder: Path) -> None:
    _two(folder / "train")
    write(folder / "test" / "A", grey(1))


@pytest.mark.parametrize(
    ("make", "options", "said"),
    [
        (_sizes, {}, r"have 2 sizes \(12 of 13 are 3x4 pixels, c/0.png is 5x5 pixels\).*--image-size 3x4"),
        (_broken, {}, r"a/1.png is no image, whatever its name says"),
        (_cut, {"image_size": (3, 4)}, r"c/0.png cannot be read as an image \(.*truncated"),
        (_empty, {}, r"c has no images \(.png, .jpg, .jpeg\)"),
        (_strange, {}, r"test part of .* has images of A, the training part has none; did you mean 'a'"),
        (lambda folder: write(folder, grey()), {}, r"holds images, and no folders; a folder for each class"),
        (_two, {"drop": ("a",)}, r"--drop names a, but .* holds images"),
        (_two, {"test": "t.csv"}, r"--test is 't.csv', but"),
    ],
)
def test_refused(tmp_path: Path, make: Any, options: dict[str, Any], said: str) -> None:
    make(tmp_path)
    with pytest.raises(DataError, match=said):
        load_dataset(str(tmp_path), options=TableOptions(**options))


def test_a_target_is_refused(tmp_path: Path) -> None:
    _two(tmp_path)
    with pytest.raises(DataError, match="has labels of its own"):
        load_dataset(str(tmp_path), target="a")


@pytest.mark.parametrize("source", ["iris", "t.csv", "openml:31", "folder"])
def test_other_sources_have_no_image_size(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, source: str) -> None:
    monkeypatch.chdir(tmp_path)
    Path("folder").mkdir()
    Path("t.csv").write_text("a,b\n1,2\n")
    with pytest.raises(DataError, match=r"--image-size is given, but .* is no folder of images"):
        load_dataset(source, target="b" if source == "t.csv" else None, options=TableOptions(image_size=(8, 8)))


def test_images_that_are_large_together(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _two(tmp_path)
    monkeypatch.setattr("study.data.image_folder._MOST_BYTES", 12 * 3 * 4 - 1)
    with pytest.raises(DataError, match=r"the 12 images of .* are 3x4, 0.0 GiB of pixels; give --image-size 64"):
        load_dataset(str(tmp_path))
    assert len(load_dataset(str(tmp_path), options=TableOptions(image_size=(3, 4)))) == 12
