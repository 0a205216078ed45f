"""Search spaces: how they are read, suggest points, and complete partial ones."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import optuna
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution
from suggesting import Drawn, FromTrial

from search_spaces import ACTIVATIONS, Hyperparameters, SearchSpace, SpaceError, load_space, parse_space, preset_names

# The example that the documentation shows.
EXAMPLE = """
[activation]
choices = ["relu", "leaky_relu", "prelu", "tanh"]
[negative_slope]
low = 0.001
high = 0.7
log = true
when = { activation = ["leaky_relu", "prelu"] }
[dropout]
low = 0.0
high = 0.6
"""
STEPPED = """
[dropout]
low = 0.0
high = 0.9
step = 0.3
[learning_rate]
choices = [1, 0.1, 0.01]
[width]
low = 16
high = 65
step = 16
[depth]
low = 1
high = 5
log = true
[l1]
low = 0.1
high = 0.3
when = { learning_rate = [0.1] }
"""

every_preset = pytest.mark.parametrize("name", preset_names())
quick = settings(deadline=None, derandomize=True, max_examples=60)


def parse(text: str) -> SearchSpace:
    return parse_space(text, name="mine", where="mine.toml")


def spaces() -> list[SearchSpace]:
    return [*map(load_space, preset_names()), parse(EXAMPLE), parse(STEPPED)]


def assert_in_space(space: SearchSpace, params: dict[str, object]) -> None:
    """Every parameter is there exactly where its condition holds, with a value that it can have."""
    for parameter in space.parameters:
        holds = all(params.get(other) in values for other, values in parameter.when.items())
        assert (parameter.name in params) == holds
        if holds:
            value = params[parameter.name]
            assert parameter.distribution._contains(parameter.distribution.to_internal_repr(value))
    assert set(params) <= {parameter.name for parameter in space.parameters}


def test_presets() -> None:
    assert set(preset_names()) == {"core", "rectifiers", "wide", "sparse"}


@pytest.mark.parametrize(
    ("name", "parameters"),
    [
        ("core", "activation negative_slope initialization dropout"),
        ("rectifiers", "activation negative_slope initialization dropout"),
        (
            "wide",
            "activation negative_slope initialization dropout learning_rate weight_decay width depth",
        ),
        ("sparse", "activation negative_slope initialization dropout l1"),
    ],
)
def test_what_the_presets_search(name: str, parameters: str) -> None:
    space = load_space(name)
    assert space.name == name
    assert [parameter.name for parameter in space.parameters] == parameters.split()
    assert f"[{parameters.split()[-1]}]" in space.text
    activations = space.parameters[0].distribution
    assert isinstance(activations, CategoricalDistribution)
    assert "identity" not in activations.choices


@every_preset
def test_baseline_of_a_preset(name: str) -> None:
    space, defaults = load_space(name), Hyperparameters(hidden=(64, 64), learning_rate=0.002)
    baseline = space.baseline(defaults)
    assert_in_space(space, baseline)
    assert (baseline["activation"], baseline["initialization"], baseline["dropout"]) == ("relu", "kaiming_normal", 0.0)
    point = space.hyperparameters(baseline, defaults)
    assert (point.learning_rate, point.hidden) == (0.002, (64, 64))
    assert max(point.weight_decay, point.l1) <= 1e-7


def test_baseline_is_the_nearest_point_where_the_usual_one_is_missing() -> None:
    space = parse(
        """
        [activation]
        choices = ["tanh", "leaky_relu"]
        [dropout]
        low = 0.15
        high = 0.45
        step = 0.1
        [learning_rate]
        low = 0.01
        high = 0.1
        log = true
        [weight_decay]
        choices = [0.1, 0.001, 0.2]
        [width]
        choices = [16, 48, 100]
        [depth]
        low = 3
        high = 9
        step = 2
        """
    )
    baseline = space.baseline(Hyperparameters(hidden=(50, 50, 50, 50, 50, 50), learning_rate=0.001))
    expected = {"activation": "tanh", "dropout": 0.15, "learning_rate": 0.01, "weight_decay": 0.001, "width": 48}
    assert {name: baseline[name] for name in expected} == expected
    assert baseline["depth"] in (5, 7)
    assert_in_space(space, baseline)


def test_the_baseline_ignores_what_else_the_defaults_say() -> None:
    defaults = Hyperparameters(activation="tanh", initialization="lsuv", dropout=0.3)
    assert load_space("core").baseline(defaults) == {
        "activation": "relu",
        "initialization": "kaiming_normal",
        "dropout": 0.0,
    }


def test_the_example_loads_as_it_is_written(tmp_path: Path) -> None:
    file = tmp_path / "slopes.toml"
    file.write_text(EXAMPLE)
    space = load_space(str(file))
    assert (space.name, space.text) == ("slopes", EXAMPLE)
    activation, slope, dropout = space.parameters
    assert activation.distribution == CategoricalDistribution(["relu", "leaky_relu", "prelu", "tanh"])
    assert slope.distribution == FloatDistribution(0.001, 0.7, log=True)
    assert slope.when == {"activation": ("leaky_relu", "prelu")}
    assert dropout.distribution == FloatDistribution(0.0, 0.6)
    assert dropout.when == {}


def test_a_byte_order_mark_is_no_mistake(tmp_path: Path) -> None:
    file = tmp_path / "windows.toml"
    file.write_bytes(b"\xef\xbb\xbf" + EXAMPLE.strip().replace("\n", "\r\n").encode())
    assert load_space(str(file)).parameters == parse(EXAMPLE).parameters


def test_parameters_stand_in_one_order_whatever_the_file_has() -> None:
    turned = parse("[dropout]\nlow = 0.0\nhigh = 0.6\n" + EXAMPLE.split("[dropout]")[0])
    assert turned.parameters == parse(EXAMPLE).parameters


def test_the_slope_is_conditional_without_being_told() -> None:
    silent = parse(EXAMPLE.replace("when =", "# when ="))
    assert silent.parameters == parse(EXAMPLE).parameters
    always = parse('[activation]\nchoices = ["prelu"]\n[negative_slope]\nlow = 0.1\nhigh = 0.2')
    assert always.parameters[1].when == {}
    narrower = parse(EXAMPLE.replace('["leaky_relu", "prelu"] }', '["prelu"] }'))
    assert narrower.parameters[1].when == {"activation": ("prelu",)}


@pytest.mark.parametrize("space", spaces(), ids=lambda space: space.name)
def test_suggestions_through_a_real_optuna_trial(space: SearchSpace) -> None:
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=1))
    seen: set[frozenset[str]] = set()
    for _ in range(60):
        trial = study.ask()
        params = space.suggest(FromTrial(trial))
        recorded = study.get_trials(deepcopy=False)[trial.number]
        assert params == recorded.params
        assert space.distributions(params) == recorded.distributions
        assert list(space.distributions(params)) == [p.name for p in space.parameters if p.name in params]
        assert_in_space(space, params)
        if "negative_slope" in params:
            assert ACTIVATIONS[str(params["activation"])].slope != "none"
        space.hyperparameters(params, Hyperparameters())
        seen.add(frozenset(params))
        study.tell(trial, 0.0)
    assert len(seen) == (2 if any(parameter.when for parameter in space.parameters) else 1)


@quick
@given(space=st.sampled_from(spaces()), seed=st.integers(0, 2**32), data=st.data())
def test_fixed_values_stand_and_the_rest_is_asked_for(space: SearchSpace, seed: int, data: st.DataObject) -> None:
    whole = space.suggest(Drawn(seed))
    fixed = {name: whole[name] for name in data.draw(st.lists(st.sampled_from(list(whole)), unique=True))}
    drawn = Drawn(seed + 1)
    completed = space.suggest(drawn, fixed)
    assert_in_space(space, completed)
    for name, value in fixed.items():
        # A value whose parameter has no meaning beside the others is dropped.
        assert completed.get(name, value) == value
    assert set(drawn.asked) == set(completed) - set(fixed)
    nothing = Drawn(0)
    assert space.suggest(nothing, completed) == completed
    assert nothing.asked == []


def test_a_fixed_slope_without_meaning_is_dropped() -> None:
    fixed = {"activation": "tanh", "negative_slope": 0.1}
    assert "negative_slope" not in parse(EXAMPLE).suggest(Drawn(0), fixed)
    assert parse(EXAMPLE).suggest(Drawn(0), fixed | {"activation": "prelu"})["negative_slope"] == 0.1


def test_fixed_numbers_become_what_the_space_has() -> None:
    """Guards against a width of 64.0, of which no layer can be made."""
    space = parse("[width]\nchoices = [32, 64]\n[depth]\nlow = 1\nhigh = 4\n[dropout]\nlow = 0\nhigh = 0.5")
    params = space.suggest(Drawn(0), {"width": 64.0, "depth": 2.0, "dropout": 0})
    assert [(type(value), value) for value in params.values()] == [(float, 0.0), (int, 64), (int, 2)]


@pytest.mark.parametrize(
    ("name", "value", "needed"),
    [
        ("dropout", 0.61, "a number from 0 to 0.6"),
        ("dropout", -0.1, "a number from 0 to 0.6"),
        ("dropout", float("nan"), "a number from 0 to 0.6"),
        ("dropout", "0.3", "a number from 0 to 0.6"),
        ("dropout", False, "a number from 0 to 0.6"),
        ("dropout", None, "a number from 0 to 0.6"),
        ("dropout", [0.1], "a number from 0 to 0.6"),
        ("activation", "gelu", "one of: relu, leaky_relu, prelu, tanh"),
        ("activation", 0, "one of: relu, leaky_relu, prelu, tanh"),
    ],
)
def test_fixed_values_outside_of_the_space(name: str, value: object, needed: str) -> None:
    with pytest.raises(SpaceError) as caught:
        parse(EXAMPLE).suggest(Drawn(0), {name: value})
    assert str(caught.value) == f"{name} = {value!r} is not in the space; it needs {needed}"


@pytest.mark.parametrize(
    ("name", "value", "needed"),
    [
        ("width", 33, "a whole number from 16 to 64 in steps of 16"),
        ("width", True, "a whole number from 16 to 64 in steps of 16"),
        ("dropout", 0.4, "a number from 0 to 0.9 in steps of 0.3"),
        ("depth", 2.5, "a whole number from 1 to 5"),
        ("learning_rate", 0.02, "one of: 1, 0.1, 0.01"),
        ("learning_rate", True, "one of: 1, 0.1, 0.01"),
    ],
)
def test_fixed_values_between_the_steps(name: str, value: object, needed: str) -> None:
    with pytest.raises(SpaceError) as caught:
        parse(STEPPED).suggest(Drawn(0), {name: value})
    assert str(caught.value) == f"{name} = {value!r} is not in the space; it needs {needed}"


def test_a_fixed_parameter_that_the_space_lacks() -> None:
    with pytest.raises(SpaceError, match=r"unknown parameter 'dropuot' in the space mine; did you mean 'dropout'\?"):
        parse(EXAMPLE).suggest(Drawn(0), {"dropuot": 0.1})


@pytest.mark.parametrize(
    ("params", "hidden"),
    [({}, (64, 32)), ({"width": 100}, (100, 100)), ({"depth": 3}, (64, 64, 64)), ({"width": 8, "depth": 1}, (8,))],
)
def test_width_and_depth_make_the_hidden_layers(params: dict[str, int], hidden: tuple[int, ...]) -> None:
    defaults = Hyperparameters(hidden=(64, 32))
    assert load_space("wide").hyperparameters(params, defaults).hidden == hidden


def test_biases_and_squared_activations_are_searched() -> None:
    text = "[bias]\nchoices = [0.0, 0.1]\n[l2]\nlow = 1e-5\nhigh = 0.1\nlog = true\n"
    space = parse_space(text, name="own", where="own.toml")
    point = space.hyperparameters({"bias": 0.1, "l2": 0.01}, Hyperparameters())
    assert (point.bias, point.l2) == (0.1, 0.01)
    assert space.baseline(Hyperparameters()) == {"bias": 0.0, "l2": 1e-5}
    assert {"bias", "l2"} <= point.values.keys()
    assert not {"bias", "l2"} & Hyperparameters().values.keys()  # earlier studies have neither


@pytest.mark.parametrize("table", ["[input_orders]\nchoices = [1, 10]\n", "[shuffled_targets]\nchoices = [true]\n"])
def test_what_is_learned_is_no_choice_of_a_search(table: str, tmp_path: Path) -> None:
    path = tmp_path / "own.toml"
    path.write_text(f"[dropout]\nchoices = [0.0, 0.2]\n{table}", encoding="utf-8")
    with pytest.raises(SpaceError, match=r"in own.toml says what is learned, which comparisons vary and no search can"):
        load_space(str(path))


def test_hyperparameters_take_the_defaults_where_the_space_is_silent() -> None:
    defaults = Hyperparameters(
        activation="tanh", negative_slope=0.2, initialization="lsuv", dropout=0.1, learning_rate=0.1, weight_decay=0.3
    )
    space = load_space("sparse")
    assert space.hyperparameters({}, defaults) == defaults
    assert space.hyperparameters({"activation": "relu", "l1": 0.01}, defaults) == Hyperparameters(
        activation="relu",
        negative_slope=0.2,
        initialization="lsuv",
        dropout=0.1,
        learning_rate=0.1,
        weight_decay=0.3,
        l1=0.01,
    )


def test_a_range_of_whole_numbers() -> None:
    width, depth = parse(STEPPED).parameters[2:4]
    assert width.distribution == IntDistribution(16, 64, step=16)
    assert depth.distribution == IntDistribution(1, 5, log=True)


def decimals(low: str, high: str) -> st.SearchStrategy[Decimal]:
    return st.decimals(low, high, places=3, allow_nan=False, allow_infinity=False)


@quick
@given(low=decimals("0.001", "0.9"), high=decimals("0", "0.999"), step=decimals("0.001", "0.999"))
def test_any_step_ends_where_the_last_one_fits(low: Decimal, high: Decimal, step: Decimal) -> None:
    """Guards against binary fractions: 3 · 0.3 is less than 0.9, and 3 · 0.2 is more than 0.6."""
    assume(low + step <= high)
    space = parse(f"[learning_rate]\nlow = {low}\nhigh = {high}\nstep = {step}")
    last = low
    while last + step <= high:
        last += step
    assert space.parameters[0].distribution == FloatDistribution(float(low), float(last), step=float(step))
    for rate in (1e-4, 0.5, 1.0):
        baseline = space.baseline(Hyperparameters(learning_rate=rate))
        assert_in_space(space, baseline)
        assert abs(baseline["learning_rate"] - min(max(rate, float(low)), float(last))) <= float(step) / 2 + 1e-12


@quick
@given(low=st.floats(1e-6, 9.0), high=st.floats(1e-6, 9.0), log=st.booleans(), rate=st.floats(1e-6, 9.0))
def test_any_range_holds_its_baseline(low: float, high: float, log: bool, rate: float) -> None:
    assume(low <= high)
    text = f"[learning_rate]\nlow = {low!r}\nhigh = {high!r}\nlog = {str(log).lower()}"
    space = parse(text)
    assert space.parameters[0].distribution == FloatDistribution(low, high, log=log)
    baseline = space.baseline(Hyperparameters(learning_rate=rate))
    assert baseline == {"learning_rate": min(max(rate, low), high)}
