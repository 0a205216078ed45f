"""The training of one slot, epoch by epoch, with autograd and `torch.optim`."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from copy import deepcopy
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from search_spaces import Hyperparameters
from search_spaces.architectures import Architecture
from study.data.split import Part, Split
from study.tasks import Task
from study.training.budget import Budget
from study.training.engines.modules.first_weights import build, start_network
from study.training.engines.modules.place_measures import (
    Layers,
    Samples,
    evaluate,
    evaluate_clamped,
    gradient_norms,
    hidden_measures,
)
from study.training.engines.modules.places import (
    activation_places,
    channels_last,
    dropout_places,
    plain_places,
    recorded_calls,
    running_statistics_where_needed,
)
from study.training.engines.modules.slot_state import (
    copy_tensors,
    kept_tensors,
    make_optimizer,
    network_tensors,
    restore,
    snapshot,
)
from study.training.engines.modules.torch_generator import seeded
from study.training.outcome import CLAMP_THRESHOLD, Replicate
from study.training.patience import BEST_EPOCH, BestEpochs
from study.training.progress import SlotState
from study.training.sampled import measured_on
from study.training.scores import constant_guess, results_of, scores_of, with_zeros
from study.training.start import LSUV_SAMPLES
from study.training.streams import Streams


@dataclass(frozen=True, eq=False)
class ModuleData:
    """What all slots of a cohort read.

    Attributes:
        task: What is learned, fitted to the training part.
        training: Training part.
        validation: Validation part.
        test: Test part, where it may be read.
        outputs: C, number of outputs.
        diverged: The result of a network that diverged.
        clamp: Whether the clamped network is scored beside each network as it was trained.
    """

    task: Task
    training: Samples
    validation: Samples
    test: Samples | None
    outputs: int
    diverged: Replicate
    clamp: bool = False

    @classmethod
    def of(
        cls,
        split: Split,
        task: Task,
        dtype: torch.dtype,
        device: torch.device,
        *,
        read_test: bool,
        clamp: bool = False,
        side_by_side: bool = True,
    ) -> ModuleData:
        """Moves the parts of a split to the device; the test part only where it may be read.

        Args:
            split: The data.
            task: What is learned.
            dtype: Of the features.
            device: Where they lie.
            read_test: Whether the test part is scored too.
            clamp: As the attribute.
            side_by_side: Whether the channels of images lie side by side in memory.
        """
        task = task.fitted(split)

        def moved(weights: Tensor | None) -> Tensor | None:
            return None if weights is None else weights.to(device)

        def samples(part: Part, loss_weights: Tensor | None = None) -> Samples:
            x = part.x.to(device, dtype)
            images = side_by_side and x.dim() == 4
            y, weights = part.y.to(device), moved(part.weights)
            return Samples(channels_last(x) if images else x, y, weights, moved(loss_weights), channels_last=images)

        return cls(
            task=task,
            training=samples(split.training, task.loss_weights(split.training)),
            validation=samples(split.validation),
            test=samples(split.test) if read_test else None,
            outputs=task.outputs(split),
            diverged=constant_guess(task, split, read_test=read_test, clamp=clamp),
            clamp=clamp,
        )


class SlotTraining:
    """One slot, from its first weights to its result.

    Args:
        architecture: What is trained.
        hyperparameters: The trial.
        replicate: Whose streams are used.
        data: The data.
        budget: Epochs, batch size, optimizer.
        streams: The study's random numbers.
        resume_state: The state that training resumes from; None: it starts at the beginning.
        to_the_end: Whether it is trained through all epochs, so that gradients before training are measured.
    """

    def __init__(
        self,
        architecture: Architecture,
        hyperparameters: Hyperparameters,
        replicate: int,
        data: ModuleData,
        budget: Budget,
        streams: Streams,
        resume_state: SlotState | None = None,
        *,
        to_the_end: bool = True,
    ) -> None:
        task = data.task
        self._architecture, self._task = architecture, task
        self._hyperparameters, self._replicate = hyperparameters, replicate
        self._data, self._budget, self._streams = data, budget, streams
        self._scored, self._gradients_on = measured_on(data.training, data.validation, sample=budget.sampled)
        x = data.training.x
        first = data.training.batch(self._order(0)[:LSUV_SAMPLES]).cpu()
        network = start_network(architecture, hyperparameters, first, data.outputs, streams, replicate)
        self._network = network.to(x.device, x.dtype)
        if data.training.channels_last:
            for parameter in self._network.parameters():
                parameter.data = channels_last(parameter.data)
        user = architecture.user
        self._draws = user is not None and user.check(tuple(x.shape[1:]), data.outputs).draws
        self._layers = Layers.of(self._network, x)
        if to_the_end:
            self._norms_at_start = gradient_norms(self._network, task, self._layers, self._gradients_on)
        self._optimizer = make_optimizer(self._network, hyperparameters, budget)
        self._curves: dict[str, list[Tensor]] = {"training_loss": [], f"validation_{task.metrics[0].name}": []}
        self._best = None if budget.patience is None else BestEpochs(1, budget.patience)
        self._kept: dict[str, Tensor] = {}
        if resume_state is not None:
            restore(self._network, self._optimizer, budget, self._curves, resume_state)
            if self._best is not None:
                self._best.restore(0, resume_state.tensors, resume_state.epoch)
                self._kept = kept_tensors(self._network, resume_state)

    @property
    def has_ended(self) -> bool:
        """Whether it is trained no further, although there may be epochs left."""
        return self._best is not None and not self._best.going()

    def _order(self, epoch: int) -> Tensor:
        """`[N]` order in which an epoch sees the training samples."""
        data = self._data.training
        return torch.from_numpy(self._streams.order(self._replicate, epoch, len(data))).to(data.x.device)

    def train_epoch(self, epoch: int, stop: Callable[[], bool]) -> bool:
        """Trains for one epoch; returns False where `stop`, which is asked once a step, ended it."""
        data, task, terms = self._data.training, self._task, []
        self._network.train()
        for index, dropout in enumerate(dropout_places(self._network)):
            dropout.generator = self._streams.dropout(self._replicate, index, epoch)
        for index, activation in enumerate(activation_places(self._network)):
            activation.generator = self._streams.slopes(self._replicate, index, epoch)
        own = self._streams.of_network(self._replicate, epoch) if self._draws else None
        for chosen in torch.split(self._order(epoch), self._budget.batch_size):
            if stop():
                return False
            y = data.y[chosen]
            weights = None if data.loss_weights is None else data.loss_weights[chosen]
            with nullcontext() if own is None else seeded(int(own.integers(2**63)), data.x.device):
                outputs = self._step(data.batch(chosen), y, weights)
            terms.append(task.batch_terms(task.respond(outputs[None]), y))
        loss, reached = self._curves.values()
        weights = None if data.loss_weights is None else data.loss_weights[self._order(epoch)]
        loss.append(task.epoch_loss(torch.cat(terms, 1), weights))
        validation = evaluate(self._network, task, self._data.validation)
        reached.append(validation.value(task.metrics[0], task))
        scores = task.metrics[0].sign * reached[-1]
        if self._best is not None and self._best.update([0], epoch + 1, scores, validation.loss):
            self._kept = {name: tensor.clone() for name, tensor in network_tensors(self._network).items()}
        return True

    def _step(self, x: Tensor, y: Tensor, weights: Tensor | None) -> Tensor:
        """Updates the parameters once; returns the `[N, C]` outputs before the update."""
        l1, l2 = self._hyperparameters.l1, self._hyperparameters.l2
        with (
            running_statistics_where_needed(self._network) if len(y) == 1 else nullcontext(),
            recorded_calls(*(activation_places(self._network) if l1 > 0 or l2 > 0 else ())) as calls,
        ):
            outputs: Tensor = self._network(x)
        loss = self._task.loss(outputs, y, weights)
        for _, _, activations in calls:
            for factor, sizes in ((l1, activations.abs()), (l2, activations.square())):
                if factor == 0:
                    continue
                if weights is not None:
                    sizes = sizes.flatten(1) * weights.to(sizes.dtype)[:, None]
                loss = loss + factor * sizes.sum() / len(y)
        self._optimizer.zero_grad()
        torch.autograd.backward(loss)
        self._optimizer.step()
        return outputs.detach()

    def snapshot(self) -> SlotState:
        """Copies the state of the slot between two epochs."""
        best = {} if self._best is None else self._best.state(0)
        return snapshot(self._network, self._optimizer, self._budget, self._curves, self._kept, best)

    def result(self) -> Replicate:
        """What the trained network gives on the data's parts; under patience that of its best epoch, from now on."""
        self._load_kept()
        training = evaluate(self._network, self._task, self._scored)
        return self._result((training.predictions, training.y, training.weights), self._data.test)

    def result_at_rung(self) -> Replicate:
        """What the network gives before training goes on: scores and layers of the validation part alone.

        Under patience its weights are those of its best epoch from now on; training goes on from a snapshot.
        """
        self._load_kept()
        return self._result(None, None)

    def _load_kept(self) -> None:
        with torch.no_grad():
            for name, tensor in network_tensors(self._network).items():
                if name in self._kept:
                    tensor.copy_(self._kept[name])

    def _result(self, training: tuple[Tensor, Tensor, Tensor | None] | None, test_part: Samples | None) -> Replicate:
        network, task, data = self._network, self._task, self._data
        validation = evaluate(network, task, data.validation)
        test = None if test_part is None else evaluate(network, task, test_part)
        finite = [p.isfinite().all() for p in network.parameters()]
        layers = [hidden_measures(network, self._layers, data.validation, with_threshold=data.clamp)]
        test_layers = [] if test_part is None else [hidden_measures(network, self._layers, test_part)]
        clamped = clamped_test = None
        if data.clamp:
            thresholds = [layer[CLAMP_THRESHOLD] for layer in layers[0]]
            clamped = evaluate_clamped(network, task, self._layers, data.validation, thresholds)
            if test_part is not None:
                clamped_test = evaluate_clamped(network, task, self._layers, test_part, thresholds)
        norms = None
        if training is not None:
            norms = self._norms_at_start, gradient_norms(network, task, self._layers, self._gradients_on)
        scores = scores_of(
            task,
            training,
            validation,
            test,
            training_sampled=self._scored is not data.training,
            clamped_validation=clamped,
            clamped_test=clamped_test,
        )
        if self._best is not None:
            scores[BEST_EPOCH] = self._best.epochs.double().to(validation.loss.device)
        curves = {name: torch.stack(points) for name, points in self._curves.items()}
        (result,) = results_of(
            scores,
            finite=torch.stack([*finite, validation.loss.isfinite().all()]).all(0, keepdim=True),
            layers=with_zeros(layers, clamped),
            test_layers=with_zeros(test_layers, clamped_test),
            norms=norms,
            norms_sampled=self._gradients_on is not data.validation,
            curves=curves,
            lengths=[len(next(iter(curves.values())))],
            diverged=data.diverged,
        )
        return result

    def plain(self) -> nn.Module:
        """A copy of the network, made of plain torch modules, in eval mode on the CPU."""
        copy = deepcopy(self._network) if self._architecture.user is None else self._built_anew()
        plain_places(copy)
        for parameter in copy.parameters():
            parameter.data = parameter.data.contiguous()
        return copy.cpu().eval()

    def _built_anew(self) -> nn.Module:
        """A copy of a user's network; what its passes left in its attributes may be tensors that cannot be copied."""
        x, outputs = self._data.training.x, self._data.outputs
        copy = build(self._architecture, self._hyperparameters, tuple(x.shape[1:]), outputs).to(x.dtype)
        copy_tensors(self._network, copy)
        return copy
