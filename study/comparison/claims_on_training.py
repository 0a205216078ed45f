"""Claims on how networks learn, which are tested where they are asked for."""

from __future__ import annotations

from study.comparison import training_contrasts as contrasts
from study.comparison.claim import Claim, ClaimContrast, accuracy, share
from study.intervals import Region

_SPEED = (-5.0, 5.0)
_DEAD = Region((0.0, 0.0), domain=(-20.0, 10.0))

CLAIMS_ON_TRAINING: tuple[Claim, ...] = (
    Claim(
        13,
        "GELU, SiLU and Mish beat ReLU",
        "test",
        (ClaimContrast("accuracy, best of three - ReLU", contrasts.smooth_minus_relu, "pp", accuracy(above=True)),),
        source="scikit-learn #30199; Hendrycks and Gimpel 2016; Misra 2020",
    ),
    Claim(
        14,
        "zero-centred activations learn faster",
        "training part, while it is trained",
        (
            ClaimContrast(
                "epochs to the training loss that both reach, tanh and ELU - ReLU",
                contrasts.centred_epochs,
                "% of the epochs",
                Region(_SPEED, above=False, domain=(-100.0, 100.0)),
                "share",
            ),
            ClaimContrast(
                "area under the training loss, tanh and ELU - ReLU",
                contrasts.centred_loss,
                "% of their mean",
                Region(_SPEED, above=False, domain=(-200.0, 200.0)),
                "share",
            ),
        ),
        source="stats.SE 489276; LeCun et al. 1998",
    ),
    Claim(
        15,
        "a high learning rate kills ReLUs",
        "test",
        (
            ClaimContrast(
                "dead units, ten times the tuned rate - the rate",
                contrasts.dead_by_rate,
                "pp",
                share(above=True),
                "share",
            ),
            ClaimContrast(
                "dead units at ten times the tuned rate: distance within 20-40 %",
                contrasts.dead_as_often_said,
                "pp",
                Region(_DEAD.rope, domain=(-60.0, 10.0)),
                "share",
                decides=False,
            ),
        ),
        source="CS231n",
    ),
    Claim(
        16,
        "a small positive bias prevents death",
        "test",
        (
            ClaimContrast(
                "dead units, biases from 0.1 - from 0, ten layers deep",
                contrasts.dead_by_bias,
                "pp",
                share(above=False),
                "share",
            ),
        ),
    ),
    Claim(
        17,
        "with normalization the choice stops mattering",
        "test",
        (
            ClaimContrast(
                "accuracy, best - worst activation, without normalization - with batch normalization",
                contrasts.spread_without_minus_batch,
                "pp",
                accuracy(above=True),
            ),
            ClaimContrast(
                "accuracy, best - worst activation, without normalization - with layer normalization",
                contrasts.spread_without_minus_layer,
                "pp",
                accuracy(above=True),
            ),
            ClaimContrast(
                "accuracy, best - worst activation, with batch normalization",
                contrasts.spread_with_batch,
                "pp",
                accuracy(above=False),
                decides=False,
            ),
            ClaimContrast(
                "accuracy, best - worst activation, with layer normalization",
                contrasts.spread_with_layer,
                "pp",
                accuracy(above=False),
                decides=False,
            ),
        ),
    ),
    Claim(
        18,
        "SELU trains deep networks without normalization",
        "test",
        (
            ClaimContrast(
                "accuracy, SELU with LeCun's start - ReLU with He's, ten layers deep",
                contrasts.selu_minus_relu_deep,
                "pp",
                accuracy(above=True),
            ),
            ClaimContrast(
                "accuracy, SELU with LeCun's start - ReLU with He's, twenty layers deep",
                contrasts.selu_minus_relu_deepest,
                "pp",
                accuracy(above=True),
            ),
        ),
        source="Klambauer et al. 2017",
    ),
    Claim(
        19,
        "initialization matters with depth",
        "test",
        (
            ClaimContrast(
                "accuracy, best - worst initialization, ten layers - the usual network",
                contrasts.initializations_deeper,
                "pp",
                accuracy(above=True),
            ),
            ClaimContrast(
                "accuracy, best - worst initialization, twenty layers - the usual network",
                contrasts.initializations_deepest,
                "pp",
                accuracy(above=True),
            ),
            ClaimContrast(
                "accuracy, best - worst initialization, the usual network",
                contrasts.initializations_shallow,
                "pp",
                accuracy(above=True),
                decides=False,
            ),
        ),
        source="Glorot and Bengio 2010; He et al. 2015",
    ),
    Claim(
        20,
        "a random slope (RReLU) is best on small data",
        "test",
        (
            ClaimContrast(
                "accuracy, RReLU - leaky ReLU's best slope",
                contrasts.random_minus_best_slope,
                "pp",
                accuracy(above=True),
            ),
        ),
        source="Xu et al. 2015",
    ),
    Claim(
        22,
        "wider layers are sparser, and random labels sparsify too",
        "test",
        (
            ClaimContrast(
                "near-zero outputs gained for sixteen times the width, by their slope on log width",
                contrasts.near_zero_by_width,
                "pp",
                share(above=True),
                "share",
            ),
            ClaimContrast(
                "near-zero outputs, shuffled labels - true ones",
                contrasts.near_zero_of_shuffled,
                "pp",
                share(above=True),
                "share",
                equal_suffices=True,
            ),
        ),
        source="Li et al. 2022",
    ),
    Claim(
        24,
        "under drift a negative slope keeps a network able to learn",
        "test",
        (
            ClaimContrast(
                "accuracy on the last of ten tasks with permuted inputs, leaky ReLU's best slope - ReLU",
                contrasts.leaky_minus_relu_drifting,
                "pp",
                accuracy(above=True),
            ),
            ClaimContrast(
                "dead units, ReLU, after ten tasks - after as many epochs of one",
                contrasts.dead_by_drift,
                "pp",
                share(above=True),
                "share",
                decides=False,
            ),
        ),
        source="Dohare et al. 2024; arXiv 2509.22562",
        assumption="that tasks of a tenth of the epochs show what ten times as many would",
    ),
)
