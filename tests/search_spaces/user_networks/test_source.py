"""Files of users' networks: found by path, module or content, and run once."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
import user_files
from torch import nn

from search_spaces.user_networks import Factory, NetworkError, Source, find_source

LINEAR = "from torch import nn\ndef make(input_shape, outputs):\n    return nn.Linear(input_shape[0], outputs)\n"


def test_a_file_is_found_by_its_path_and_run_once(tmp_path: Path) -> None:
    source = Source.of(user_files.write(tmp_path, "runs = []\nruns.append(1)\ndef make(a, b): return runs\n"))
    assert source.load()(1, 2) == [1]
    assert Source.of(source.text).load()(1, 2) == [1]


def test_a_file_may_have_any_name_and_import_what_lies_beside_it(tmp_path: Path) -> None:
    (tmp_path / "helper_of_my_net.py").write_text("WIDTH = 7\n")
    text = (
        "import helper_of_my_net\nfrom torch import nn\ndef make(a, b): return nn.Linear(helper_of_my_net.WIDTH, b)\n"
    )
    before = list(sys.path)
    source = Source.of(user_files.write(tmp_path, text, "my-net 2.py"))
    network = Factory(source)((4,), 3)
    assert isinstance(network, nn.Linear)
    assert network.in_features == 7
    assert sys.path == before


def test_two_files_of_one_name_are_two_modules(tmp_path: Path) -> None:
    made = []
    for number in range(2):
        (tmp_path / str(number)).mkdir()
        text = f"from torch import nn\ndef make(a, b): return nn.Linear(4, b + {number})\n"
        made.append(Factory(Source.of(user_files.write(tmp_path / str(number), text)))((4,), 3))
    assert [network.out_features for network in made] == [3, 4]


MODULE = """
import NAME
from torch import nn
def make(a, b):
    import NAME as now
    return nn.Linear(4, 10 * NAME.WIDTH + now.WIDTH)
"""
PACKAGE = """
import NAME.inner
from torch import nn
def make(a, b):
    from NAME import inner as now
    return nn.Linear(4, 10 * NAME.inner.WIDTH + now.WIDTH)
"""


@pytest.mark.parametrize("inside", [False, True], ids=["module", "package"])
def test_two_networks_have_each_its_own_module_of_one_name(tmp_path: Path, inside: bool) -> None:
    """Also where they are made again, and import it once more then."""
    name = f"helper_of_both_{inside}"
    factories = []
    for number in range(3, 5):
        folder = tmp_path / str(number)
        (folder / name).mkdir(parents=True)
        helper = folder / name / "inner.py" if inside else folder / f"{name}.py"
        helper.write_text(f"WIDTH = {number}\n")
        text = PACKAGE if inside else MODULE
        factories.append(Factory(Source.of(user_files.write(folder, text.replace("NAME", name)))))
    made = [factory((4,), 3).out_features for factory in [*factories, *factories]]
    assert made == [33, 44, 33, 44]


def test_a_network_without_a_module_does_not_get_that_of_another(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    (tmp_path / "a" / "helper_of_one.py").write_text("WIDTH = 3\n")
    text = "import helper_of_one\ndef make(a, b): pass\n"
    Source.of(user_files.write(tmp_path / "a", text)).load()
    with pytest.raises(NetworkError, match="No module named 'helper_of_one'"):
        Source.of(user_files.write(tmp_path / "b", text)).load()


def test_a_module_from_elsewhere_in_place_of_the_one_beside_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for folder, text in (("elsewhere", "WIDTH = 3\n"), ("same", "WIDTH = 3\n"), ("other", "WIDTH = 4\n")):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "helper_from_elsewhere.py").write_text(text)
    monkeypatch.syspath_prepend(tmp_path / "elsewhere")
    text = "import helper_from_elsewhere\ndef make(a, b): return {}\n"
    Source.of(user_files.write(tmp_path / "same", text.format(1))).load()
    with pytest.raises(NetworkError, match=r"imports helper_from_elsewhere, and Python has that from .*/elsewhere/"):
        Source.of(user_files.write(tmp_path / "other", text.format(2))).load()
    sys.modules.pop("helper_from_elsewhere")


def test_a_file_of_a_package_that_was_edited_since_its_import_is_refused(tmp_path: Path) -> None:
    package = tmp_path / "package_that_changes"
    package.mkdir()
    (package / "__init__.py").write_text("from package_that_changes import later\n")
    (package / "later.py").write_text("def make(a, b): return 1\n")
    source = Source.of(user_files.write(package, "def make(a, b): return 1\n"))
    assert source.load()(1, 2) == 1
    for name in ("net.py", "later.py"):
        edited = Source.of(user_files.write(package, "def make(a, b): return 2\n", name))
        with pytest.raises(NetworkError, match=rf"{name} has changed since Python imported it as .*; restart Python"):
            edited.load()


def test_a_package_that_raises_is_said_in_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "package_that_raises").mkdir()
    (tmp_path / "package_that_raises" / "__init__.py").write_text("raise RuntimeError('no\\nway')\n")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(NetworkError, match=r"whose package cannot be imported: RuntimeError: no way \(.*, line 1\)"):
        Source.of("package_that_raises.net:make")


def test_a_module_is_found_by_its_name_from_the_working_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tmp_path / "package_of_networks"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "width.py").write_text("WIDTH = 9\n")
    (package / "nets.py").write_text(
        "from torch import nn\nfrom package_of_networks import width\n"
        "def make(a, b): return nn.Linear(width.WIDTH, b)\n"
    )
    monkeypatch.chdir(tmp_path)
    source = Source.of("package_of_networks.nets:make")
    assert source.file == package / "nets.py"
    assert source.load()((4,), 3).in_features == 9


MISSING = {
    "net.py:make": r"names .*/net.py, which does not exist; FILE.py:NAME or package.module:NAME is needed",
    "folder/:make": "folder, which is no file of Python by its name; FILE.py:NAME",
    "folder.py:make": "folder.py, which is a folder; FILE.py:NAME",
    "net.py": "--network is 'net.py'; FILE.py:NAME or package.module:NAME is needed, where NAME is a function in it",
    "net.py:not a name": "where NAME is a function",
    "no_such_module_at_all:make": "'no_such_module_at_all:make', and there is no such module; FILE.py",
    "no_such.package:make": "No module named 'no_such'",
    "sys:make": "it is no file of Python",
}


@pytest.mark.parametrize("network", MISSING)
def test_what_is_not_there_is_named(network: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "folder.py").mkdir()
    with pytest.raises(NetworkError, match=MISSING[network]):
        Source.of(network)


BROKEN = {
    "syntax": ("def make(:\n", r"cannot be imported: SyntaxError: invalid syntax \(.*net.py, line 1\)"),
    "raises": (
        "x = 1\nraise RuntimeError('boom\\nbang')\n",
        r"RuntimeError: boom bang \(.*net.py, line 2\); mend the file",
    ),
    "imports": ("import no_such_thing\n", r"ModuleNotFoundError: No module named 'no_such_thing' \(.*net.py, line 1\)"),
    "exits": ("import sys\nsys.exit('bye')\n", r"SystemExit: bye \(.*net.py, line 2\)"),
    "no such name": (
        "from torch.nn import *\ndef mak(a, b): pass\n_private = 1\n",
        r"unknown function 'make' in .*net.py; did you mean 'mak'\? \(known: mak\)",
    ),
}


@pytest.mark.parametrize("case", BROKEN)
def test_a_broken_file_is_named_with_its_line(case: str, tmp_path: Path) -> None:
    text, message = BROKEN[case]
    with pytest.raises(NetworkError, match=message) as caught:
        Source.of(user_files.write(tmp_path, text)).load()
    assert "\n" not in str(caught.value)


def test_a_file_that_moved_is_found_by_its_content(tmp_path: Path) -> None:
    home, other = tmp_path / "home", tmp_path / "beside"
    home.mkdir()
    other.mkdir()
    stored = Source.of(user_files.write(home, LINEAR))
    assert find_source(stored, [other], what="study 's'") == stored
    stored.file.rename(other / "renamed.py")
    (other / "another.py").write_text("x = 1\n")
    (other / ".#link.py").symlink_to(other / "nowhere")
    (other / "folder.py").mkdir()
    found = find_source(stored, [other], what="study 's'")
    assert (found.file, found.sha256) == (other / "renamed.py", stored.sha256)


def test_another_content_is_refused_and_both_are_named(tmp_path: Path) -> None:
    stored = Source.of(user_files.write(tmp_path, LINEAR))
    stored.file.write_text(LINEAR + "# changed\n")
    changed = Source.of(stored.text)
    with pytest.raises(NetworkError) as caught:
        find_source(stored, [tmp_path, tmp_path], what="study 's'")
    assert str(caught.value).count(f"in {tmp_path} ") == 1
    assert " or /" not in str(caught.value)
    assert stored.short_hash in str(caught.value)
    assert changed.short_hash in str(caught.value)
    assert "put the former file back" in str(caught.value)
    stored.file.unlink()
    with pytest.raises(NetworkError, match=f"net.py, the network of study 's', is gone, and .*{stored.short_hash}"):
        find_source(stored, [], what="study 's'")
