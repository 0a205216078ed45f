"""Text files in every compression, encoding and separator hold the same table."""

from __future__ import annotations

import bz2
import gzip
import lzma
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from compression import zip_of, zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from study.data import DataError, Dataset, load_dataset
from study.data.delimited import read_delimited

TABLE = "Größe,Stadt,y\n" + "1.5,Köln,ja\n2.5,Düsseldorf,nein\n4,Köln,ja\n" * 5


def _load(path: Path, content: bytes, target: str = "y") -> Dataset:
    path.write_bytes(content)
    return load_dataset(str(path), target=target)


@pytest.mark.parametrize(
    ("name", "compress"),
    [
        ("t.csv.gz", gzip.compress),
        ("t.csv.bz2", bz2.compress),
        ("t.txt.xz", lzma.compress),
        ("t.tab.zst", zstandard),
        ("t.zip", lambda content: zip_of({"a": content})),
        ("t.data", bytes),
        ("t.csv", gzip.compress),
    ],
)
def test_every_compression_and_ending(tmp_path: Path, name: str, compress: object) -> None:
    plain = _load(tmp_path / "plain.csv", TABLE.encode())
    data = _load(tmp_path / name, compress(TABLE.encode()))  # type: ignore[operator]
    assert (data.fingerprint, data.name) == (plain.fingerprint, "t")


@pytest.mark.parametrize(
    ("encoding", "said"),
    [
        ("utf-8", ()),
        ("utf-8-sig", ()),
        ("utf-16", ("read as utf-16;",)),
        ("utf-16-le", ("read as utf-16-le;",)),
        ("utf-16-be", ("read as utf-16-be;",)),
        ("cp1252", ("read as cp1252;",)),
        ("latin-1", ("read as cp1252;",)),
    ],
)
def test_every_encoding(tmp_path: Path, encoding: str, said: tuple[str, ...]) -> None:
    plain = _load(tmp_path / "plain.csv", TABLE.encode())
    data = _load(tmp_path / "t.csv", TABLE.encode(encoding))
    assert data.fingerprint == plain.fingerprint
    assert data.reading is not None
    assert len(data.reading.notes) == len(said)
    assert all(text in note for text, note in zip(said, data.reading.notes, strict=True))


@pytest.mark.parametrize("word", ["Köln", "Zürich", "señor", "façade", "café"])
def test_a_single_western_word_tells_the_encoding(tmp_path: Path, word: str) -> None:
    """`öl` in cp1252 is also a Chinese character in Big5."""
    data = _load(tmp_path / "t.csv", b"y,b\n" + b"u,1\nv,2\n" * 9 + f"1,{word}\n".encode("cp1252"), "b")
    assert data.classes[-1] == word


def test_german_words_and_euros_are_no_russian(tmp_path: Path) -> None:
    """`Größe` in cp1252 is `GrцЯe` in cp1251, and `€` is `Ђ`: as frequencies of letters go, the better text."""
    words = ["plain", "Zürich", "Köln", "Düsseldorf", "Köln", "Köln", "Köln", "Düsseldorf", "plain", "Köln"] * 2
    rows = "".join(f"{n * 1e7:.2f} €~2000-01-01~{word}~001~{'uv'[n % 2]}\n" for n, word in enumerate(words))
    data = _load(tmp_path / "t.csv", f"Größe~Tag~Ort~Code~y\n{rows}".encode("cp1252"))
    assert "Größe" in data.x


@pytest.mark.parametrize(
    ("encoding", "words"),
    [
        ("cp1251", ["Москва", "Казань", "Пермь"]),
        ("koi8_r", ["Москва", "Казань", "Пермь"]),
        ("cp1253", ["Αθήνα", "Πάτρα", "Βόλος"]),
    ],
)
def test_other_scripts_are_still_found(tmp_path: Path, encoding: str, words: list[str]) -> None:
    rows = "".join(f"{n},{word},{'uv'[n % 2]}\n" for n, word in enumerate(words * 8))
    assert _load(tmp_path / "t.csv", f"a,b,y\n{rows}".encode(encoding)).x["b"].tolist() == words * 8


@pytest.mark.parametrize("separator", [*",;\t|^~:@=", " ", "   "])
def test_every_separator(tmp_path: Path, separator: str) -> None:
    plain = _load(tmp_path / "plain.csv", TABLE.encode())
    data = _load(tmp_path / "t.txt", TABLE.replace(",", separator).encode())
    assert data.fingerprint == plain.fingerprint
    assert data.reading is not None
    assert any("separated by" in note for note in data.reading.notes) == (separator not in ",\t")


def test_comments_are_left_out_and_counted(tmp_path: Path) -> None:
    plain = _load(tmp_path / "plain.csv", b"a,y\n1,u\n#2,v\n#2,v\n")
    data = _load(tmp_path / "t.csv", b"# made by hand\n#\na,y\n1,u\n# more\n#2,v\n#2,v\n")
    assert data.fingerprint == plain.fingerprint
    assert data.reading is not None
    assert data.reading.notes == ("3 lines of comments (#) left out",)


def test_names_may_stand_behind_a_hash(tmp_path: Path) -> None:
    data = _load(tmp_path / "t.csv", b"# by hand\n#a,b,y\n1,2,u\n2,3,v\n1,3,v\n")
    assert list(data.x) == ["#a", "b"]
    commented = _load(tmp_path / "c.csv", b"# by Ann, Bob, Eve\na,b,y\n1,2,u\n2,3,v\n1,3,v\n")
    assert list(commented.x) == ["a", "b"]


@pytest.mark.parametrize(
    ("name", "content", "text"),
    [
        ("t.zip", zip_of({"a": b"x", "b": b"y"}), r"is an archive of 2 files \(a, b\); one is needed; unpack it"),
        ("t.csv", b"a,b,a,y\n1,2,3,u\n", "several columns named a; names must differ; rename them"),
        ("t.csv", b"0.0,1.5,0.0,u\n1,2,3,v\n", "several columns named 0.0; .* looks like data .* add a line of names"),
        ("t.xz", lzma.compress(TABLE.encode())[:-9], "is damaged or cut: .*a whole xz file is needed"),
        ("t.bz2", bz2.compress(TABLE.encode())[:-9], "is damaged or cut: .*a whole bzip2 file is needed"),
        ("t.xls", b"PK", "is of no known type .*save it as .xlsx, or the sheet as CSV"),
        ("t.npy", b"", "is of no known type .*numpy.savez"),
        ("t.csv", b"# nothing\n", "is empty"),
    ],
)
def test_what_is_refused_names_the_remedy(tmp_path: Path, name: str, content: bytes, text: str) -> None:
    with pytest.raises(DataError, match=text):
        _load(tmp_path / name, content)


@pytest.mark.parametrize(("number", "name"), [("1", "a"), ("3", "y"), ("-1", "y")])
def test_the_target_by_its_number(tmp_path: Path, number: str, name: str) -> None:
    data = _load(tmp_path / "t.csv", b"a,b,y\n1,2,u\n2,3,v\n1,4,u\n", target=number)
    assert data.target == name
    with pytest.raises(DataError, match=r"--target is 4, and .* has 3 columns; give a name, or a number from 1 to 3"):
        load_dataset(str(tmp_path / "t.csv"), target="4")


@pytest.mark.parametrize("ending", ["parquet", "feather"])
def test_stored_tables(tmp_path: Path, ending: str) -> None:
    frame = pd.DataFrame({"a": [1.0, 2.0, 4.0], "y": ["u", "v", "u"]})
    getattr(frame, f"to_{ending}")(tmp_path / f"t.{ending}")
    assert load_dataset(str(tmp_path / f"t.{ending}"), target="y").x["a"].tolist() == [1.0, 2.0, 4.0]


def test_an_index_is_a_column(tmp_path: Path) -> None:
    pd.DataFrame({"a": [1.0, 2.0, 4.0], "y": ["u", "v", "u"]}).set_index("y").to_parquet(tmp_path / "t.parquet")
    data = load_dataset(str(tmp_path / "t.parquet"), target="y")
    assert data.classes == ("u", "v")
    assert data.reading is not None
    assert data.reading.notes == ("its index is read as the column y",)


_words = st.text(st.characters(codec="cp1252", categories=["Ll", "Lu"]), min_size=1, max_size=6)


@settings(deadline=None)
@given(
    words=st.lists(_words, min_size=6, max_size=20),
    numbers=st.lists(st.floats(-1e6, 1e6), min_size=20, max_size=20),
    separator=st.sampled_from(",;\t|"),
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "utf-16-le"]),
    compress=st.sampled_from([bytes, gzip.compress, bz2.compress, lzma.compress, zstandard]),
)
def test_a_random_table_in_a_random_dialect_comes_back(
    tmp_path_factory: pytest.TempPathFactory,
    words: list[str],
    numbers: list[float],
    separator: str,
    encoding: str,
    compress: object,
) -> None:
    frame = pd.DataFrame({"text": [f"w{word}, {separator}" for word in words], "number": numbers[: len(words)]})
    path = tmp_path_factory.mktemp("dialects") / "t.txt"
    text = frame.to_csv(index=False, sep=separator)
    path.write_bytes(compress(text.encode(encoding)))  # type: ignore[operator]
    table, reading = read_delimited(path)
    assert reading.separator == separator
    assert table["text"].tolist() == frame["text"].tolist()
    assert np.array_equal(table["number"].astype(float), frame["number"])


def test_a_line_of_a_quoted_cell_is_no_comment(tmp_path: Path) -> None:
    text = '# by Ann\na,b,y\n1,"text\n# heading\nmore",u\n2,other,v\n3,"text\n# heading\nmore",v\n# end\n'
    data = _load(tmp_path / "t.csv", text.encode(), target="y")
    assert data.x["b"].tolist() == ["text\n# heading\nmore", "other", "text\n# heading\nmore"]
    assert data.reading is not None
    assert data.reading.notes == ("2 lines of comments (#) left out",)
