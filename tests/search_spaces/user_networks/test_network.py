"""What is found and replaced in users' networks, and how these are refused."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
import user_files
from torch import nn

from search_spaces import Hyperparameters
from search_spaces.user_networks import NetworkError, Source, UserNetwork
from search_spaces.user_networks.finding import ACTIVATIONS, DROPOUTS
from search_spaces.user_networks.replacing import InTurn, WholeChannels

Load = Callable[[str], UserNetwork]


@pytest.fixture
def load(tmp_path: Path) -> Load:
    def load(text: str) -> UserNetwork:
        return UserNetwork(Source.of(user_files.write(tmp_path, "from torch import nn\nimport torch\n" + text)))

    return load


def simple(body: str, forward: str = "return self.out(self.act(self.hidden(x)))") -> str:
    """A network of one hidden layer, with further lines in its constructor."""
    return f"""
class Net(nn.Module):
    def __init__(self, shape, outputs):
        super().__init__()
        self.hidden, self.out = nn.Linear(shape[0], 6), nn.Linear(6, outputs)
        {body}

    def forward(self, x):
        {forward}


make = Net
"""


def build(network: UserNetwork, shape: tuple[int, ...] = (5,), outputs: int = 3) -> nn.Module:
    return network.build(Hyperparameters(), shape, outputs, nn.ELU, lambda: nn.Dropout(0.75))


def count(network: nn.Module, *kinds: type[nn.Module]) -> int:
    return sum(isinstance(module, kinds) for module in network.modules())


def test_each_use_of_a_shared_activation_is_a_place_of_its_own(load: Load) -> None:
    network = load(user_files.RESNET)
    assert network.check((1, 8, 8), 3).lines == ("replaced: 5 ReLU, 1 Dropout, 5 Conv2d, 1 Linear",)
    built = build(network, (1, 8, 8))
    assert count(built, nn.ReLU) == 0
    assert count(built, nn.ELU) == 5
    assert [module.p for module in built.modules() if isinstance(module, nn.Dropout)] == [0.75]
    called: list[str] = []
    for name, module in built.named_modules():
        if isinstance(module, nn.ELU):
            module.register_forward_hook(lambda *_, name=name: called.append(name))
    for _ in range(2):  # every pass begins anew
        built(torch.zeros(2, 1, 8, 8))
    assert called == [f"relu.uses.{use}" for use in range(5)] * 2


def test_the_example_in_the_documentation_is_replaced_as_it_says_there(load: Load) -> None:
    page = (Path(__file__).resolve().parents[3] / "docs" / "networks.md").read_text(encoding="utf-8")
    (example,) = re.findall(r"```python\n# resnet.py\n(.*?)```", page, flags=re.DOTALL)
    (said,) = re.findall(r"^replaced: .*$", page, flags=re.MULTILINE)
    assert load(example).check((3, 8, 8), 10).lines == (said,)


def test_a_pass_that_ended_early_does_not_shift_the_next_one(load: Load) -> None:
    built = build(load(user_files.RESNET), (1, 8, 8))
    with pytest.raises(RuntimeError):
        built(torch.zeros(2, 1, 8, 8, dtype=torch.long))
    with pytest.raises(RuntimeError):
        built.blocks(torch.zeros(2, 5, 8, 8))
    assert built(torch.zeros(2, 1, 8, 8)).shape == (2, 3)


def test_more_uses_than_at_first_are_an_error() -> None:
    taking_turns = InTurn([nn.ReLU(), nn.ReLU()])
    taking_turns(torch.zeros(1))
    taking_turns(torch.zeros(1))
    with pytest.raises(RuntimeError, match="used 2 times in a forward pass is used once more"):
        taking_turns(torch.zeros(1))


@pytest.mark.parametrize("kind", ACTIVATIONS)
def test_every_activation_module_is_replaced(kind: type[nn.Module], load: Load) -> None:
    arguments = {nn.Threshold: "0.1, 0.0"}.get(kind, "")
    network = load(simple(f"self.act = nn.{kind.__name__}({arguments})"))
    assert network.check((5,), 3).lines == (f"replaced: 1 {kind.__name__}, 2 Linear",)
    assert isinstance(build(network).get_submodule("act"), nn.ELU)


@pytest.mark.parametrize("kind", DROPOUTS)
def test_every_dropout_module_is_replaced(kind: type[nn.Module], load: Load) -> None:
    axes = "".join(", None" for _ in range({nn.Dropout1d: 1, nn.Dropout2d: 2, nn.Dropout3d: 3}.get(kind, 0)))
    forward = f"return self.out(self.act(self.hidden(x)[:, :{axes}]).flatten(1))"
    network = load(simple(f"self.act = nn.Sequential(nn.ReLU(), nn.{kind.__name__}(0.2))", forward))
    assert network.check((5,), 3).lines == (f"replaced: 1 ReLU, 1 {kind.__name__}, 2 Linear",)
    assert [module.p for module in build(network).modules() if isinstance(module, nn.Dropout)] == [0.75]


def test_every_elementwise_activation_and_dropout_of_torch_is_known() -> None:
    from torch.nn.modules import activation, dropout

    act_on_more = {"Softmax", "Softmax2d", "Softmin", "LogSoftmax", "GLU", "MultiheadAttention"}
    assert {kind.__name__ for kind in ACTIVATIONS} == set(activation.__all__) - act_on_more
    assert {kind.__name__ for kind in DROPOUTS} == set(dropout.__all__)


def test_dropout_of_channels_drops_whole_ones() -> None:
    torch.manual_seed(0)
    x = torch.rand(4, 50, 3, 3) + 1
    layer = WholeChannels(nn.Dropout(0.4))
    dropped = (layer(x) == 0).flatten(2)
    assert bool((dropped.all(2) == dropped.any(2)).all())
    assert 0.25 < float(dropped.double().mean()) < 0.55
    kept = ~dropped.all(2)
    torch.testing.assert_close(layer.train()(x).sum(0).isfinite().all(), torch.tensor(True))
    torch.testing.assert_close((x / 0.6)[kept], x[kept] / 0.6)
    assert torch.equal(layer.eval()(x), x)


def test_the_activation_of_a_transformer_layer_is_searched_although_it_is_a_function(load: Load) -> None:
    network = load("""
class Net(nn.Module):
    def __init__(self, shape, outputs):
        super().__init__()
        layer = nn.TransformerEncoderLayer(8, 2, 16, batch_first=True)
        self.embed, self.encoder = nn.Linear(1, 8), nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)
        self.out = nn.Linear(8, outputs)

    def forward(self, x):
        return self.out(self.encoder(self.embed(x[:, :, None])).mean(1))

make = Net
""")
    checked = network.check((5,), 3)
    assert checked.lines[0].startswith("replaced: 2 ReLU, 6 Dropout, ")
    assert checked.draws  # the attention's own dropout
    built = build(network).eval()
    places = [module for module in built.modules() if isinstance(module, nn.ELU)]
    assert len(places) == 2
    called: list[nn.Module] = []
    for place in places:
        place.register_forward_hook(lambda module, *_: called.append(module))
    with torch.no_grad():
        built(torch.randn(2, 5))  # by torch's fused kernel, were it not told
    assert called == places


def test_the_four_argument_form_counts_uses_too(load: Load) -> None:
    network = load("""
class Net(nn.Module):
    def __init__(self, shape, outputs, activation, dropout):
        super().__init__()
        self.a, self.b, self.c = nn.Linear(shape[0], 6), nn.Linear(6, 6), nn.Linear(6, outputs)
        self.act, self.last, self.drop = activation(), activation(), dropout()

    def forward(self, x):
        return self.c(self.drop(self.last(self.act(self.b(self.act(self.a(x)))))))

def make(shape, outputs, activation, dropout):
    return Net(shape, outputs, activation, dropout)
""")
    assert network.takes_modules
    assert network.check((5,), 3).lines == ("searched: 3 activation, 1 dropout, 3 Linear",)
    built = build(network)
    assert [name for name, module in built.named_modules() if isinstance(module, nn.ELU)] == [
        "act.uses.0",
        "act.uses.1",
        "last",
    ]
    assert built(torch.zeros(2, 5)).shape == (2, 3)


def test_functions_are_found_and_said(load: Load) -> None:
    checked = load(
        simple(
            "self.act = nn.ReLU()", "return self.out(torch.tanh(nn.functional.gelu(self.act(self.hidden(x))).relu_()))"
        )
    ).check((5,), 3)
    assert checked.functions == {"gelu": 1, "relu": 1, "tanh": 1}
    replaced, not_searched = checked.lines
    assert replaced == "replaced: 1 ReLU, 2 Linear"
    assert not_searched.startswith(
        "not searched: 1 gelu, 1 relu, 1 tanh called as functions; to search them, write NAME("
    )


def test_a_network_that_cannot_be_traced_is_searched_all_the_same(load: Load) -> None:
    checked = load(
        simple("self.act = nn.ReLU()", "return self.out(self.act(self.hidden(x if x.sum() > 0 else -x)))")
    ).check((5,), 3)
    assert checked.lines == ("replaced: 1 ReLU, 2 Linear",)


@pytest.mark.parametrize(
    ("draw", "draws"),
    [("0.0", False), ("torch.randn_like(x) * 0.1 if self.training else 0.0", True)],
)
def test_own_random_numbers_are_noticed(draw: str, draws: bool, load: Load) -> None:
    forward = f"return self.out(self.act(self.hidden(x + ({draw}))))"
    assert load(simple("self.act = nn.Sequential(nn.ReLU(), nn.Dropout(0.5))", forward)).check((5,), 3).draws is draws


@pytest.mark.parametrize(("cast", "takes"), [("x", True), ("x.float()", False)])
def test_a_network_of_float32_alone_is_noticed(cast: str, takes: bool, load: Load) -> None:
    forward = f"return self.out(self.act(self.hidden({cast})))"
    assert load(simple("self.act = nn.ReLU()", forward)).check((5,), 3).takes_float64 is takes


@pytest.mark.parametrize(("flat", "takes"), [("flatten(1)", True), ("view(len(x), -1)", False)])
def test_a_network_that_needs_its_channels_one_after_the_other_is_noticed(flat: str, takes: bool, load: Load) -> None:
    body = "self.conv = nn.Conv2d(2, 3, 1); self.flat = nn.Linear(48, outputs); self.act = nn.ReLU()"
    checked = load(simple(body, f"return self.flat(self.act(self.conv(x)).{flat})")).check((2, 4, 4), 3)
    assert checked.takes_channels_last is takes


def test_checking_leaves_torchs_generator_alone(load: Load) -> None:
    network = load(user_files.RESNET)
    torch.manual_seed(3)
    expected = torch.rand(1)
    torch.manual_seed(3)
    network.check((1, 8, 8), 3)
    assert torch.equal(torch.rand(1), expected)


def test_frozen_and_parametrized_layers_are_not_said_to_follow_the_initialization(load: Load) -> None:
    layer = "nn.utils.parametrizations.spectral_norm(nn.Linear(6, 6))"
    body = f"self.act = nn.Sequential({layer}, nn.ReLU()); self.hidden.requires_grad_(False)"
    checked = load(simple(body)).check((5,), 3)
    assert checked.lines == ("replaced: 1 ReLU, 1 Linear",)


def test_tied_weights_and_buffers_stay(load: Load) -> None:
    network = load(
        simple(
            "self.act = nn.ReLU(); self.again = nn.Linear(shape[0], 6); self.again.weight = self.hidden.weight; "
            "self.register_buffer('scale', torch.ones(6))",
            "return self.out(self.act(self.hidden(x) + self.again(x)) * self.scale)",
        )
    )
    built = build(network)
    assert built.again.weight is built.hidden.weight
    assert network.check((5,), 3).shapes["scale"] == (6,)


REFUSED = {
    "raises": (
        "def make(input_shape, outputs):\n    raise ValueError('no such\\nwidth')\n",
        r"raised for input_shape=\(5,\), outputs=3: ValueError: no such width \(.*net.py, line 4\)",
    ),
    "no module": (
        "def make(input_shape, outputs):\n    return [nn.Linear(5, 3)]\n",
        "returned a list, and a torch.nn.Module is needed",
    ),
    "one argument": (
        "def make(input_shape):\n    return nn.Linear(5, 3)\n",
        r"has the arguments \(input_shape\).*; NAME\(input_shape, outputs\) or",
    ),
    "three arguments": (
        "def make(input_shape, outputs, activation):\n    return nn.Linear(5, 3)\n",
        "has the arguments .*missing a required argument: 'activation'",
    ),
    "no function": ("make = 3\n", "is a int, and a function is needed"),
    "other outputs": (
        simple("self.act = nn.ReLU()", "return self.act(self.hidden(x))"),
        r"outputs are \(3, 6\) for 3 samples, and \(3, 3\) are needed",
    ),
    "no tensor": (simple("self.act = nn.ReLU()", "return x, x"), "forward returns a tuple; a tensor is needed"),
    "two inputs": (
        simple("self.act = nn.ReLU()").replace("self, x)", "self, x, mask)"),
        r"forward takes \(x, mask\); it must take one input",
    ),
    "forward raises": (
        simple("self.act = nn.ReLU()", "return self.out(self.act(self.hidden(x[:, :4])))"),
        r"raises in eval mode on float32 inputs of shape \(3, 5\): RuntimeError: mat1.*net.py, line 1\d\); "
        r"the data are a table: mend the module, or give images \(N, C, H, W\) if it reads those",
    ),
    "training raises": (
        simple("self.act = nn.ReLU()", "assert not self.training, 'no'; return self.out(self.act(self.hidden(x)))"),
        "raises in training mode on float32 .*AssertionError: no",
    ),
    "other shapes": (
        "import itertools\nwidths = itertools.count(5)\ndef make(input_shape, outputs):\n    n = next(widths)\n"
        "    return nn.Sequential(nn.Linear(5, n), nn.ReLU(), nn.Linear(n, 3))\n",
        r"another network from call to call: 0.weight is \[5, 5\] and then \[6, 5\]",
    ),
    "other computations": (
        "import itertools\ncalls = itertools.count()\ndef make(input_shape, outputs):\n"
        "    pool = nn.ReLU() if next(calls) % 2 else nn.Tanh()\n"
        "    return nn.Sequential(nn.Linear(5, 5), nn.ReLU(), pool, nn.Linear(5, 3))\n",
        "another network from call to call: with equal weights, the outputs for the same samples differ",
    ),
    "other values": (
        "import random\n" + simple("self.act = nn.ReLU(); nn.init.constant_(self.out.bias, random.random())"),
        "other values of out.bias from call to call",
    ),
    "random predictions": (
        simple("self.act = nn.ReLU()", "return self.out(self.act(self.hidden(x + torch.randn_like(x))))"),
        "draws random numbers in eval mode",
    ),
    "numpy's generator": (
        "import numpy as np\n"
        + simple(
            "self.act = nn.ReLU()",
            "return self.out(self.act(self.hidden(x + (np.random.rand() if self.training else 0))))",
        ),
        "global generator of numpy or random",
    ),
    "functions": (
        simple("", "return self.out(torch.relu(self.hidden(x)))"),
        "calls 1 relu as functions, which cannot be replaced, so that nothing is searched; write NAME",
    ),
    "nothing to search": (simple("", "return self.out(self.hidden(x))"), "has no module of an activation of torch.nn"),
    "activation that is not used": (
        "def make(shape, outputs, activation, dropout):\n    activation()\n    return nn.Linear(5, 3)\n",
        r"never uses what activation\(\) gave",
    ),
    "lazy layers": (
        "def make(shape, outputs):\n    return nn.Sequential(nn.LazyLinear(6), nn.ReLU(), nn.Linear(6, outputs))\n",
        "whose 0.weight has no shape yet, as those of nn.LazyLinear; give all sizes",
    ),
    "state that is no tensor": (
        simple("self.act = nn.ReLU()") + "Net.get_extra_state = lambda self: {'steps': 3}\n"
        "Net.set_extra_state = lambda self, state: None\n",
        "state dict holds a dict under _extra_state, and tensors are needed; make it a buffer",
    ),
    "one sample": (
        simple("self.act = nn.ReLU()", "return self.out(self.act(self.hidden(x))).squeeze()"),
        r"outputs are \(3,\) for 1 sample, and \(1, 3\) are needed",
    ),
    "no gradients": (
        simple("self.act = nn.ReLU()", "return self.out(self.act(self.hidden(x))).detach()"),
        r"gives a module whose gradients cannot be computed in eval mode: RuntimeError: .* does not require grad",
    ),
    "no parameters": ("def make(input_shape, outputs):\n    return nn.ReLU()\n", "without parameters"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_used_is_refused(case: str, load: Load) -> None:
    text, message = REFUSED[case]
    with pytest.raises(NetworkError, match=message) as caught:
        load(text).check((5,), 3)
    assert "\n" not in str(caught.value)
    assert "make in " in str(caught.value)
