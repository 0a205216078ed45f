"""Messages between a process and the children that train for it: pickled, and their tensors as arrays."""

from __future__ import annotations

import io
import pickle
from multiprocessing.connection import Connection
from typing import Any

import torch

_AS_ARRAYS = (torch.float32, torch.float64, torch.int64, torch.bool)
"""Types of tensors that are handed over as arrays; others, which numpy may not have, as torch pickles them."""


class GoneError(Exception):
    """The other end of a pipe is gone."""


class _Pickler(pickle.Pickler):
    """Pickles tensors as arrays: torch would write an archive of files for each of them, ten times more slowly."""

    def reducer_override(self, obj: Any) -> Any:
        if type(obj) is torch.Tensor and obj.dtype in _AS_ARRAYS and obj.is_cpu and obj.is_contiguous():
            return torch.from_numpy, (obj.detach().numpy(),)
        return NotImplemented


def send(pipe: Connection, message: object) -> None:
    """Sends a message.

    Raises:
        GoneError: The other end is gone.
    """
    # As bytes: the connection's own pickler would put every tensor into shared memory, of which containers have little.
    content = io.BytesIO()
    _Pickler(content, pickle.HIGHEST_PROTOCOL).dump(message)
    try:
        pipe.send_bytes(content.getbuffer())
    except OSError:
        raise GoneError from None


def receive(pipe: Connection) -> Any:
    """Waits for a message.

    Raises:
        GoneError: The other end is gone.
    """
    try:
        content = pipe.recv_bytes()
    except (EOFError, OSError):
        raise GoneError from None
    return pickle.loads(content)
