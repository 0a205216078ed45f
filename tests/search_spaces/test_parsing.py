"""Search spaces that are not valid: one line says what was seen and what is needed."""

from __future__ import annotations

from pathlib import Path

import pytest

from reluctant import ReluctantError
from search_spaces import ACTIVATIONS, SpaceError, load_space, parse_space

SLOPED = '[activation]\nchoices = ["relu", "leaky_relu", "prelu"]\n[negative_slope]\nlow = 0.1\nhigh = 0.2\n'


def table(name: str, text: str) -> str:
    return f"[{name}]\n{text}"


def dropout(text: str) -> str:
    return table("dropout", text)


BAD = {
    "unknown parameter": (dropout("").replace("out", "uot"), "unknown parameter 'dropuot' in x.toml; did you mean 'd"),
    "unknown parameter, none near": ("[zzz]", "unknown parameter 'zzz' in x.toml (known: activation, negative_slope"),
    "unknown key": (dropout("low=0\nhigh=0.5\nlgo=true"), "unknown key 'lgo' in [dropout] in x.toml; did you mean 'lo"),
    "unknown key, none near": (dropout("q=1"), "unknown key 'q' in [dropout] in x.toml (known: choices, low, high"),
    "no table": ("dropout = 0.5", "[dropout] in x.toml is 0.5; it needs a table with `choices`, or `low` and `high`"),
    "array of tables": ("[[dropout]]\nlow = 0", "[dropout] in x.toml is [{'low': 0}]; it needs a table"),
    "inverted": (dropout("low=0.5\nhigh=0.1"), "[dropout] in x.toml runs from low = 0.5 to high = 0.1; low needs"),
    "no low": (dropout("high=0.1"), "[dropout] in x.toml has no low; it needs `low` and `high`, or `choices`"),
    "no high": (dropout("low=0.1"), "[dropout] in x.toml has no high; it needs `low` and `high`, or `choices`"),
    "empty table": (dropout(""), "[dropout] in x.toml has no low; it needs `low` and `high`, or `choices`"),
    "log at 0": (
        dropout("low=0\nhigh=0.5\nlog=true"),
        "[dropout] in x.toml is a log range that starts at 0; low needs",
    ),
    "log as a number": (
        dropout("low=0.1\nhigh=0.5\nlog=1"),
        "log of [dropout] in x.toml is 1; it needs to be true or f",
    ),
    "log with step": (
        table("width", "low=1\nhigh=9\nlog=true\nstep=2"),
        "[width] in x.toml has log and step; keep one",
    ),
    "step 0": (dropout("low=0\nhigh=0.5\nstep=0"), "step of [dropout] in x.toml is 0; it needs a number above 0"),
    "step < 0": (dropout("low=0\nhigh=0.5\nstep=-1"), "step of [dropout] in x.toml is -1; it needs a number above 0"),
    "step nan": (dropout("low=0\nhigh=0.5\nstep=nan"), "step of [dropout] in x.toml is nan; it needs a number above 0"),
    "step true": (
        dropout("low=0\nhigh=0.5\nstep=true"),
        "step of [dropout] in x.toml is True; it needs a number above",
    ),
    "step text": (
        dropout("low=0\nhigh=0.5\nstep='1'"),
        "step of [dropout] in x.toml is '1'; it needs a number above 0",
    ),
    "step too wide": (
        dropout("low=0\nhigh=0.5\nstep=1"),
        "is 1, which does not lead from 0 towards 0.5; it needs a nu",
    ),
    "step infinite": (dropout("low=0\nhigh=0.5\nstep=inf"), "is inf, which does not lead from 0 towards 0.5; it needs"),
    "step too fine": (dropout("low=0\nhigh=0.5\nstep=1e-40"), "is 1e-40, which does not lead from 0 towards 0.5"),
    "step of a fraction": (table("width", "low=1\nhigh=9\nstep=0.5"), "is 0.5; width takes whole numbers only"),
    "no choices": (dropout("choices=[]"), "choices of [dropout] in x.toml are []; they need to be a list of at least"),
    "choices no list": (table("activation", "choices='relu'"), "are 'relu'; they need to be a list of at least one"),
    "range of names": (
        table("activation", "low=0\nhigh=1"),
        "[activation] in x.toml has no choices; it needs a list s",
    ),
    "a flag as a number": (table("residual", "choices=[0, 1]"), "has the value 0; it needs true or false"),
    "a flag as a name": (table("residual", "choices=['true']"), "has the value 'true'; it needs true or false"),
    "range of flags": (table("residual", "low=0\nhigh=1"), "it needs a list such as choices = [false, true]"),
    "flag twice": (table("residual", "choices=[true, true]"), "hold True twice; every choice needs to stand once"),
    "choice twice": (table("activation", "choices=['relu','relu']"), "hold 'relu' twice; every choice needs to stand"),
    "number twice": (dropout("choices=[0, 0.0]"), "choices of [dropout] in x.toml hold 0 twice; every choice needs"),
    "both forms": (
        dropout("choices=[0.1]\nlow=0\nlog=false"),
        "has choices and also log, low; keep one of the two for",
    ),
    "unknown activation": (table("activation", "choices=['relo']"), "unknown activation 'relo' in [activation] in x.t"),
    "unknown initialization": (table("initialization", "choices=['he']"), "unknown initialization 'he' in [initializa"),
    "activation no name": (table("activation", "choices=[1]"), "unknown activation '1' in [activation] in x.toml"),
    "activation a list": (table("activation", "choices=[['relu']]"), "unknown activation \"['relu']\" in [activation]"),
    "slope > 1": (SLOPED.replace("0.2", "1.5"), "high of [negative_slope] in x.toml has the value 1.5; it needs 0 ≤ "),
    "slope < 0": (SLOPED.replace("0.1", "-0.1"), "low of [negative_slope] in x.toml has the value -0.1; it needs 0 ≤ "),
    "dropout 1": (dropout("low=0\nhigh=1.0"), "high of [dropout] in x.toml has the value 1.0; it needs 0 ≤ number < 1"),
    "dropout choice 1": (
        dropout("choices=[0, 1]"),
        "choices of [dropout] in x.toml has the value 1; it needs 0 ≤ numb",
    ),
    "rate 0": (
        table("learning_rate", "low=0\nhigh=1"),
        "low of [learning_rate] in x.toml has the value 0; it needs 0 <",
    ),
    "width 0": (
        table("width", "choices=[0]"),
        "choices of [width] in x.toml has the value 0; it needs 1 ≤ whole number",
    ),
    "width a fraction": (table("width", "choices=[64.0]"), "has the value 64.0; it needs 1 ≤ whole number ≤ 8192"),
    "depth a fraction": (table("depth", "low=1\nhigh=2.5"), "has the value 2.5; it needs 1 ≤ whole number ≤ 100"),
    "true": (
        dropout("low=false\nhigh=true"),
        "low of [dropout] in x.toml has the value False; it needs 0 ≤ number < 1",
    ),
    "true choice": (
        table("width", "choices=[1, true]"),
        "choices of [width] in x.toml has the value True; it needs 1 ≤",
    ),
    "nan": (dropout("low=nan\nhigh=0.5"), "low of [dropout] in x.toml has the value nan; it needs 0 ≤ number < 1"),
    "infinite": (table("l1", "low=0\nhigh=inf"), "high of [l1] in x.toml has the value inf; it needs 0 ≤ number ≤ 10"),
    "text": (dropout("low='0'\nhigh=0.5"), "low of [dropout] in x.toml has the value '0'; it needs 0 ≤ number < 1"),
    "when no table": (SLOPED + "when='prelu'", "when of [negative_slope] in x.toml is 'prelu'; it needs a table such"),
    "when empty": (SLOPED + "when={activation=[]}", "gives activation = []; it needs a list of at least one value"),
    "when no list": (
        SLOPED + "when={activation='prelu'}",
        "gives activation = 'prelu'; it needs a list of at least one",
    ),
    "when unknown": (
        SLOPED + "when={activaton=['prelu']}",
        "unknown parameter 'activaton' in [negative_slope] when in",
    ),
    "when not before": (
        SLOPED + "when={dropout=[0.1]}\n[dropout]\nchoices=[0.1]",
        "unknown parameter 'dropout' in [negative_slope] when in x.toml (known: activation); a condition names a par",
    ),
    "when itself": (
        table("activation", "choices=['relu']\nwhen={activation=['relu']}"),
        "unknown parameter 'activation'",
    ),
    "when no choice": (
        SLOPED + "when={activation=['elu']}",
        "unknown activation 'elu' in [negative_slope] when in x.to",
    ),
    "when without slope": (
        SLOPED + "when={activation=['relu']}",
        "names 'relu', which has no slope; keep: leaky_relu, ",
    ),
    "slope of none": (
        SLOPED.replace(', "leaky_relu", "prelu"', ""),
        "[negative_slope] in x.toml has no meaning: no activation that is searched has a slope; add to the choices",
    ),
    "slope alone": (table("negative_slope", "low=0.1\nhigh=0.2"), "[negative_slope] in x.toml has no meaning"),
    "empty": ("", "x.toml lists no parameter; it needs at least one of: activation, negative_slope"),
    "comments only": ("# nothing\n\n", "x.toml lists no parameter; it needs at least one of: activation"),
    "not TOML": ("activation: [relu]", "x.toml is not TOML: "),
    "table twice": (dropout("low=0\nhigh=0.1\n") * 2, "x.toml is not TOML: "),
    "too many digits": (dropout("low=" + "9" * 5000), "x.toml is not TOML: "),
    "too deep": (dropout("low=" + "[" * 5000), "x.toml is not TOML: "),
}


@pytest.mark.parametrize("case", BAD)
def test_refused_in_one_line(case: str, tmp_path: Path) -> None:
    text, message = BAD[case]
    file = tmp_path / "x.toml"
    file.write_text(text)
    with pytest.raises(SpaceError) as caught:
        load_space(str(file))
    assert message in str(caught.value)
    assert "x.toml" in str(caught.value)
    assert "\n" not in str(caught.value)
    assert isinstance(caught.value, ReluctantError)
    assert isinstance(caught.value, ValueError)


def test_an_unknown_activation_is_told_with_the_nearest_and_all_known() -> None:
    with pytest.raises(SpaceError) as caught:
        parse_space('[activation]\nchoices = ["tanh", "relo"]', name="mine", where="mine.toml")
    assert str(caught.value) == (
        "unknown activation 'relo' in [activation] in mine.toml; did you mean 'relu'? "
        f"(known: {', '.join(ACTIVATIONS)})"
    )


def test_an_unknown_preset() -> None:
    with pytest.raises(SpaceError) as caught:
        load_space("corre")
    assert str(caught.value) == (
        "unknown search space 'corre'; did you mean 'core'? (known: core, rectifiers, sparse, wide); "
        "for a space of your own give a file that ends in .toml"
    )


@pytest.mark.parametrize("source", ["", "core.tml", "some/folder", "core\0"])
def test_neither_preset_nor_file(source: str) -> None:
    with pytest.raises(SpaceError, match=r"unknown search space .* give a file that ends in \.toml"):
        load_space(source)


def test_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(SpaceError, match=r"cannot read the search space .*none\.toml: .*No such file.*; give a preset"):
        load_space(str(tmp_path / "none.toml"))


def test_a_folder(tmp_path: Path) -> None:
    (tmp_path / "x.toml").mkdir()
    with pytest.raises(SpaceError, match=r"cannot read the search space .*x\.toml: .*[Dd]irectory.*; give a preset"):
        load_space(str(tmp_path / "x.toml"))


def test_a_binary_file(tmp_path: Path) -> None:
    (tmp_path / "x.toml").write_bytes(bytes(range(256)))
    with pytest.raises(SpaceError, match=r"cannot read the search space .*x\.toml: .*decode.*; give a preset"):
        load_space(str(tmp_path / "x.toml"))


@pytest.mark.parametrize("source", ["~no-such-user-here/x.toml", "a\0b.toml"])
def test_a_path_that_names_nothing(source: str) -> None:
    with pytest.raises(SpaceError, match="cannot read the search space"):
        load_space(source)
