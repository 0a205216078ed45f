"""The training of one slot, epoch by epoch, with autograd and `torch.optim`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from copy import deepcopy

import torch
from torch import Tensor, nn

from search_spaces import Hyperparameters
from search_spaces.architectures import Architecture
from study.training.budget import Budget
from study.training.engines.modules.first_weights import build, start_network
from study.training.engines.modules.module_data import ModuleData
from study.training.engines.modules.network_layers import Layers
from study.training.engines.modules.passes import Samples, evaluate, evaluate_clamped, gradient_norms
from study.training.engines.modules.place_measures import hidden_measures
from study.training.engines.modules.places import (
    activation_places,
    channels_last,
    dropout_places,
    plain_places,
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
from study.training.engines.modules.training_loss import Batch, training_loss
from study.training.outcome import CLAMP_THRESHOLD, Replicate
from study.training.patience import BEST_EPOCH, BestEpochs
from study.training.progress import SlotState
from study.training.sampled import measured_on
from study.training.scores import Evaluated, judged_scores, results_of, scores_of, with_zeros
from study.training.start import LSUV_SAMPLES
from study.training.streams import Streams


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

    Attributes:
        hyperparameters: The trial.
        data: The data.
        network: Its network.
        optimizer: Its optimizer.
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
        self.hyperparameters, self._replicate = hyperparameters, replicate
        self.data, self._budget, self._streams = data, budget, streams
        self._counted_at_rungs = budget.counted_at_rungs
        self._scored, self._gradients_on = measured_on(data.training, data.validation, sample=budget.sampled)
        x = data.training.x
        first = data.training.batch(self._order(0)[:LSUV_SAMPLES]).cpu()
        network = start_network(architecture, hyperparameters, first, data.outputs, streams, replicate)
        self.network = network.to(x.device, x.dtype)
        if data.training.channels_last:
            for parameter in self.network.parameters():
                parameter.data = channels_last(parameter.data)
        user = architecture.user
        self._draws = user is not None and user.check(tuple(x.shape[1:]), data.outputs).draws
        self._layers = Layers.of(self.network, x)
        if to_the_end:
            self._norms_at_start = gradient_norms(self.network, task, self._layers, self._gradients_on)
        self.optimizer = make_optimizer(self.network, hyperparameters, budget)
        self._curves: dict[str, list[Tensor]] = {"training_loss": [], f"validation_{task.metrics[0].name}": []}
        self._best = None if budget.patience is None else BestEpochs(1, budget.patience)
        self._kept: dict[str, Tensor] = {}
        self._validation: Evaluated | None = None  # of the network as it is now, where that is known
        if resume_state is not None:
            restore(self.network, self.optimizer, budget, self._curves, resume_state)
            if self._best is not None:
                self._best.restore(0, resume_state.tensors, resume_state.epoch)
                self._kept = kept_tensors(self.network, resume_state)

    @property
    def has_ended(self) -> bool:
        """Whether it is trained no further, although there may be epochs left."""
        return self._best is not None and not self._best.going()

    def _order(self, epoch: int) -> Tensor:
        """`[N]` order in which an epoch sees the training samples."""
        data = self.data.training
        return torch.from_numpy(self._streams.order(self._replicate, epoch, len(data))).to(data.x.device)

    def batches(self, epoch: int, network: nn.Module) -> Iterator[tuple[Batch, AbstractContextManager[None]]]:
        """One batch of an epoch after the other, each with the context of its step.

        Args:
            epoch: The epoch's number, from 0.
            network: The network that is trained on them; its places draw from the streams.
        """
        data = self.data.training
        for index, dropout in enumerate(dropout_places(network)):
            dropout.generator = self._streams.dropout(self._replicate, index, epoch)
        for index, activation in enumerate(activation_places(network)):
            activation.generator = self._streams.slopes(self._replicate, index, epoch)
        own = self._streams.of_network(self._replicate, epoch) if self._draws else None
        for chosen in torch.split(self._order(epoch), self._budget.batch_size):
            weights = None if data.loss_weights is None else data.loss_weights[chosen]
            drawing = nullcontext() if own is None else seeded(int(own.integers(2**63)), data.x.device)
            yield (data.batch(chosen), data.y[chosen], weights), drawing

    def train_epoch(self, epoch: int, stop: Callable[[], bool]) -> bool:
        """Trains for one epoch; returns False where `stop`, which is asked once a step, ended it."""
        task, terms = self._task, []
        self.network.train()
        for batch, drawing in self.batches(epoch, self.network):
            if stop():
                return False
            with drawing:
                outputs = self._step(batch)
            terms.append(task.batch_terms(task.respond(outputs[None]), batch[1]))
        validation = evaluate(self.network, task, self.data.validation)
        reached = validation.value(task.metrics[0], task)
        judged = () if self._best is None else (judged_scores(validation, task), validation.loss)
        self.end_epoch(epoch, self.epoch_loss(epoch, torch.cat(terms, 1)), reached, *judged)
        self._validation = validation
        return True

    def epoch_loss(self, epoch: int, terms: Tensor) -> Tensor:
        """`[S]` float64 mean training loss of an epoch, from the `[S, N]` terms of its batches."""
        weights = self.data.training.loss_weights
        return self._task.epoch_loss(terms, None if weights is None else weights[self._order(epoch)])

    def end_epoch(
        self,
        epoch: int,
        loss: Tensor,
        reached: Tensor,
        scores: Tensor | None = None,
        validation_loss: Tensor | None = None,
    ) -> None:
        """Adds an epoch to the curves, and keeps the network where this is its best one.

        Args:
            epoch: Its number, from 0.
            loss: `[1]` float64 mean training loss.
            reached: `[1]` float64 value of the task's first metric on the validation part.
            scores: `[1]` float64 score there, by which the network is judged, where the best epoch is sought.
            validation_loss: `[1]` float64 mean loss on the validation part, where it is.
        """
        self._validation = None
        for points, point in zip(self._curves.values(), (loss, reached), strict=True):
            points.append(point)
        if self._best is None or scores is None or validation_loss is None:
            return
        if self._best.update([0], epoch + 1, scores, validation_loss):
            self._kept = {name: tensor.clone() for name, tensor in network_tensors(self.network).items()}

    def _step(self, batch: Batch) -> Tensor:
        """Updates the parameters once; returns the `[N, C]` outputs before the update."""
        trial = self.hyperparameters
        loss, outputs = training_loss(self.network, self.network, self._task.loss, batch, l1=trial.l1, l2=trial.l2)
        self.optimizer.zero_grad()
        torch.autograd.backward(loss)
        self.optimizer.step()
        return outputs.detach()

    def snapshot(self) -> SlotState:
        """Copies the state of the slot between two epochs."""
        best = {} if self._best is None else self._best.state(0)
        return snapshot(self.network, self.optimizer, self._budget, self._curves, self._kept, best)

    def result(self) -> Replicate:
        """What the trained network gives on the data's parts; under patience that of its best epoch, from now on."""
        self._load_kept()
        training = evaluate(self.network, self._task, self._scored)
        return self._result((training.predictions, training.y, training.weights), self.data.test)

    def result_at_rung(self) -> Replicate:
        """What the network gives before training goes on: scores and layers of the validation part alone.

        Under patience its weights are those of its best epoch from now on; training goes on from a snapshot.
        """
        self._load_kept()
        return self._result(None, None)

    def _load_kept(self) -> None:
        if self._kept:
            self._validation = None
        with torch.no_grad():
            for name, tensor in network_tensors(self.network).items():
                if name in self._kept:
                    tensor.copy_(self._kept[name])

    def _result(self, training: tuple[Tensor, Tensor, Tensor | None] | None, test_part: Samples | None) -> Replicate:
        network, task, data = self.network, self._task, self.data
        validation = self._validation or evaluate(network, task, data.validation)
        test = None if test_part is None else evaluate(network, task, test_part)
        finite = [p.isfinite().all() for p in network.parameters()]
        layers = [
            hidden_measures(
                network,
                self._layers,
                data.validation,
                with_threshold=data.clamp,
                counted_only=self._counted_at_rungs and training is None,
            )
        ]
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
        copy = deepcopy(self.network) if self._architecture.user is None else self._built_anew()
        plain_places(copy)
        for parameter in copy.parameters():
            parameter.data = parameter.data.contiguous()
        return copy.cpu().eval()

    def _built_anew(self) -> nn.Module:
        """A copy of a user's network; what its passes left in its attributes may be tensors that cannot be copied."""
        x, outputs = self.data.training.x, self.data.outputs
        copy = build(self._architecture, self.hyperparameters, tuple(x.shape[1:]), outputs).to(x.dtype)
        copy_tensors(self.network, copy)
        return copy
