"""Reads a folder of images, one folder for each class."""

from __future__ import annotations

import struct
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageOps, UnidentifiedImageError

from study.data.dataset import Dataset, make_dataset
from study.data.errors import DataError, DataNotFoundError, did_you_mean, listing
from study.data.idx import holds_idx_files
from study.data.images import ImageLayout
from study.data.reading import Reading, TableOptions

ENDINGS = (".png", ".jpg", ".jpeg")
TRAINING, VALIDATION, TEST = ("train", "training"), ("val", "valid", "validation"), ("test", "testing")
"""Names of the folders of a data set's parts, in lower case."""
_GREY = ("1", "L", "LA", "I", "I;16", "I;16B")
"""Pillow's modes of images without colours."""
_MOST_BYTES = 2**32
_READERS = 8
_USUAL = TableOptions()

Size = tuple[int, int]
"""Rows and columns of an image."""


@dataclass(frozen=True)
class _Labelled:
    """An image file and its class."""

    path: Path
    label: str


def is_image(path: Path) -> bool:
    """Whether a path is that of an image file, by its ending; hidden files are none."""
    return path.suffix.lower() in ENDINGS and not path.name.startswith(".")


def holds_images(folder: Path) -> bool:
    """Whether there are images in a folder, or in folders inside it."""
    return next(_images(folder), None) is not None


def read_image_folder(folder: Path, *, options: TableOptions = _USUAL) -> Dataset:
    """Reads a folder with a folder of images for each class, which may stand inside `train` and `test`.

    Images in `test` become the official test part; where there is no `test`, those in `val` do, which else are divided
    with those in `train`. Grey images have one channel; where any image has colours, all have three.

    Args:
        folder: The folder. Folders inside that of a class belong to the class.
        options: The size that images are resized to, and how the labels are read.

    Returns:
        The data set of pixels, the classes and the images of a class by name.

    Raises:
        DataNotFoundError: There are images, and no folders of classes.
        DataError: The images have several sizes and none is asked for, an image is broken, a class has no images, or
            the test part has a class that the training part lacks.
    """
    training, test, notes = _parts(folder)
    files = [*training, *test]
    size, coloured = _survey([each.path for each in files], options.image_size, folder)
    x = read_images([each.path for each in files], size, coloured=coloured)
    known = {each.label for each in training}
    if strange := sorted({each.label for each in test} - known):
        raise DataError(
            f"the test part of {folder} has images of {listing(strange)}, the training part has none"
            f"{did_you_mean(strange[0], known)}; the same classes are needed in both"
        )
    labels = np.array([each.label for each in files], dtype=object)
    if options.image_size is not None:
        notes.append(f"images resized to {size_text(size)}")
    return make_dataset(
        name=folder.name,
        origin=str(folder),
        x=x.reshape(len(x), -1),
        targets=options.read_target(labels, what=f"the class of images in {folder}"),
        test_rows=np.arange(len(training), len(files)) if test else None,
        reading=Reading(notes=tuple(notes)) if notes else None,
        image=ImageLayout.of(x.shape[1:]),
    )


@dataclass(frozen=True)
class ImageFiles:
    """Images that a model is to predict.

    Attributes:
        paths: The files.
        labels: The class of each, where folders name it; else None.
    """

    paths: list[Path]
    labels: list[str] | None


def images_to_predict(source: Path) -> ImageFiles | None:
    """The images of an image file, of a folder of images, or of all parts of a folder as for `read_image_folder`.

    Returns:
        The files in the order of their names; None where the source is something else.
    """
    if source.is_file():
        return ImageFiles([source], None) if is_image(source) else None
    if not source.is_dir() or holds_idx_files(source) or not holds_images(source):
        return None
    found = sorted(path for path in source.iterdir() if is_image(path) and path.is_file())
    if found:
        return ImageFiles(found, None)
    training, test, _ = _parts(source)
    files = [*training, *test]
    return ImageFiles([each.path for each in files], [each.label for each in files])


def read_images(paths: Sequence[Path], size: Size, *, coloured: bool) -> npt.NDArray[np.uint8]:
    """`[N, H, W]` grey images, or `[N, H, W, 3]` coloured ones, resized where they have another size.

    Transparent pixels are white, and an image is turned as its camera was held. Pixels of a smaller image are means
    over those of the larger one, weighted by their distance (Pillow's bilinear filter).

    Args:
        paths: The files.
        size: Rows and columns.
        coloured: Whether images have three channels, also grey ones.

    Raises:
        DataError: An image cannot be read.
    """
    x = np.empty((len(paths), *size, *((3,) if coloured else ())), dtype=np.uint8)

    def read(place: int) -> None:
        with _opened(paths[place]) as image:
            x[place] = np.asarray(_pixels(image, size, coloured=coloured))

    with ThreadPoolExecutor(max_workers=_READERS) as pool:
        for _ in pool.map(read, range(len(paths))):
            pass
    return x


def size_text(size: Size) -> str:
    """A size as `--image-size` takes it.

    Example:
        >>> size_text((32, 32)), size_text((24, 32))
        ('32', '24x32')
    """
    rows, columns = size
    return str(rows) if rows == columns else f"{rows}x{columns}"


def _images(folder: Path) -> Iterator[Path]:
    """The image files in a folder and those inside it; in hidden ones there are none."""
    for path in folder.rglob("*"):
        hidden = any(part.startswith(".") for part in path.relative_to(folder).parts)
        if is_image(path) and not hidden and path.is_file():
            yield path


def _parts(folder: Path) -> tuple[list[_Labelled], list[_Labelled], list[str]]:
    """The labelled images of the training part and of the official test part, and what is to be said of the parts."""
    inside = {path.name.lower(): path for path in folder.iterdir() if path.is_dir()}

    def named(names: Sequence[str]) -> Path | None:
        return next((inside[name] for name in names if name in inside), None)

    train, val, test = named(TRAINING), named(VALIDATION), named(TEST)
    if train is None or not (test or val or len(inside) == 1):
        return _labelled(folder), [], []
    if test is not None and val is not None:
        return [*_labelled(train), *_labelled(val)], _labelled(test), [f"{val.name} and {train.name} are divided anew"]
    official = test or val
    notes = [] if test or val is None else [f"{val.name} is the test part"]
    return _labelled(train), _labelled(official) if official else [], notes


def _labelled(folder: Path) -> list[_Labelled]:
    """The images of each class folder, by name.

    Raises:
        DataNotFoundError: There are no class folders.
        DataError: One has no images.
    """
    classes = sorted(path for path in folder.iterdir() if path.is_dir() and not path.name.startswith("."))
    if not classes:
        raise DataNotFoundError(
            f"{folder} holds images, and no folders; a folder for each class is needed, as {folder / 'cats'} and "
            f"{folder / 'dogs'}; move the images into them"
        )
    found = []
    for of_class in classes:
        paths = sorted(_images(of_class))
        if not paths:
            raise DataError(
                f"{of_class} has no images ({listing(ENDINGS)}); each folder inside {folder} is a class and "
                "needs some; add images, or move the folder away"
            )
        found += [_Labelled(path, of_class.name) for path in paths]
    return found


def _survey(paths: Sequence[Path], wanted: Size | None, folder: Path) -> tuple[Size, bool]:
    """The size that images are read in, and whether any has colours; of each file only the head is read.

    Raises:
        DataError: They have several sizes and none is wanted, or the images would be too large together.
    """

    def head(path: Path) -> tuple[Size, bool]:
        with _opened(path) as image:
            columns, rows = image.size
            turned = image.getexif().get(0x0112, 1) >= 5  # EXIF's tag of the orientation
            return (columns, rows) if turned else (rows, columns), image.mode not in _GREY

    with ThreadPoolExecutor(max_workers=_READERS) as pool:
        heads = list(pool.map(head, paths))
    sizes = Counter(size for size, _ in heads)
    commonest, count = sizes.most_common(1)[0]
    if wanted is None and len(sizes) > 1:
        example, other = next((path, size) for path, (size, _) in zip(paths, heads, strict=True) if size != commonest)
        raise DataError(
            f"the images of {folder} have {len(sizes):,} sizes ({count:,} of {len(paths):,} are "
            f"{_in_pixels(commonest)}, {example.relative_to(folder)} is {_in_pixels(other)}); one size is needed; give "
            f"--image-size, as --image-size {size_text(commonest)} or a smaller one"
        )
    coloured = any(colours for _, colours in heads)
    size = wanted or commonest
    needed = len(paths) * size[0] * size[1] * (3 if coloured else 1)
    if wanted is None and needed > _MOST_BYTES:
        raise DataError(
            f"the {len(paths):,} images of {folder} are {size_text(size)}, {needed / 2**30:.1f} GiB of pixels; give "
            f"--image-size 64, or another smaller size, or --image-size {size_text(size)} to read them as they are"
        )
    return size, coloured


def _in_pixels(size: Size) -> str:
    return f"{size[0]}x{size[1]} pixels"


def _pixels(image: Image.Image, size: Size, *, coloured: bool) -> Image.Image:
    """An image turned upright, of 8 bits a channel, and of a size."""
    image = ImageOps.exif_transpose(image)
    if image.mode.startswith("I"):  # 16 bits, of which the upper 8 are kept
        image = Image.fromarray((np.asarray(image).astype(np.uint32) >> 8).astype(np.uint8))
    if "A" in image.mode or "transparency" in image.info:
        image = image.convert("RGBA")
        ground = Image.new("RGBA", image.size, "white")
        image = Image.alpha_composite(ground, image)
    image = image.convert("RGB" if coloured else "L")
    rows, columns = size
    return image if image.size == (columns, rows) else image.resize((columns, rows), Image.Resampling.BILINEAR)


@contextmanager
def _opened(path: Path) -> Iterator[Image.Image]:
    """An image, opened.

    Raises:
        DataError: It cannot be read.
    """
    try:
        with Image.open(path) as image:
            yield image
    except UnidentifiedImageError:
        raise DataError(f"{path} is no image, whatever its name says; replace it, or move it away") from None
    except (OSError, SyntaxError, ValueError, EOFError, struct.error, Image.DecompressionBombError) as error:
        reason = (isinstance(error, OSError) and error.strerror) or error
        raise DataError(f"{path} cannot be read as an image ({reason}); replace it, or move it away") from error
