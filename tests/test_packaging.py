"""What is installed is what is in the repository."""

from __future__ import annotations

import ast
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("reluctant", "search_spaces", "storage", "study")


def test_the_wheel_holds_every_file_of_the_packages(tmp_path: Path) -> None:
    """It is built from the sdist, so that holds them too."""
    options = ["--no-isolation", "--skip-dependency-check", "--outdir", str(tmp_path)]
    copy = tmp_path / "copy"  # setuptools writes beside the sources
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    files = [name for name in listed.split("\0") if (ROOT / name).is_file()]
    for name in files:
        (copy / name).parent.mkdir(parents=True, exist_ok=True)
        (copy / name).write_bytes((ROOT / name).read_bytes())
    subprocess.run([sys.executable, "-m", "build", *options, str(copy)], capture_output=True, check=True)
    (wheel,) = tmp_path.glob("*.whl")
    (sdist,) = tmp_path.glob("*.tar.gz")
    packed = {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name}
    assert packed == {name for name in files if name.startswith(tuple(f"{package}/" for package in PACKAGES))}
    with tarfile.open(sdist) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    assert {"LICENSE", "README.md", "pyproject.toml"} <= names


def test_no_data_set_is_in_the_repository() -> None:
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    tables = [name for name in listed.splitlines() if Path(name).suffix in (".csv", ".parquet", ".npz", ".arff")]
    assert tables == []


def test_the_pythons_that_are_named_are_the_pythons_that_are_tested() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    prefix = "Programming Language :: Python :: "
    named = [text.removeprefix(prefix) for text in project["classifiers"] if text.startswith(f"{prefix}3.")]
    assert project["requires-python"] == f">={named[0]}"
    tree = ast.parse((ROOT / "noxfile.py").read_text("utf-8"))
    assigned = [each for each in tree.body if isinstance(each, ast.Assign) and isinstance(each.targets[0], ast.Name)]
    constants = {ast.unparse(each.targets[0]): ast.literal_eval(each.value) for each in assigned}
    assert list(constants["PYTHONS"]) == named
    assert [path for path in constants["QUICK"] if not (ROOT / path).exists()] == []
