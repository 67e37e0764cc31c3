"""A whole training step as one CUDA graph: forward, loss, backward, optimizer, average.

A small network launches hundreds of short kernels a step, and the host cannot keep up; a graph launches them
all at once. What the step reads lies in buffers of its own, and whatever changes from step to step (learning
rate, averaging share, random numbers) is a tensor on the device already. Not run on GPU so far.
"""

from __future__ import annotations

import logging
from collections.abc import Callable

import torch
from torch import Tensor

logger = logging.getLogger(__name__)

WARM_UP_STEPS = 3
"""Ordinary steps before the capture: the optimizer makes its state, cuDNN chooses its kernels."""

Update = Callable[[Tensor, Tensor], Tensor]
"""Takes images and targets, trains on them, returns the loss, detached."""
Replay = Callable[[], Tensor]
Capture = Callable[[Update, Tensor, Tensor], Replay]
"""Records an update on two buffers without running it; what it returns runs it on what they hold then."""


def captured(update: Update, images_NCHW: Tensor, targets: Tensor) -> Replay:
    """Record an update as a CUDA graph."""
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        loss = update(images_NCHW, targets)

    def replay() -> Tensor:
        graph.replay()
        return loss

    return replay


class GraphedUpdate:
    """An update that is recorded after a few ordinary steps and replayed from then on.

    Every call is one step of the training, whichever way it runs. Where recording fails, steps stay ordinary,
    after one line in the log; so does a batch of another shape.
    """

    def __init__(self, update: Update, capture: Capture = captured) -> None:
        self.update, self.capture = update, capture
        self.failed = False
        self.reset()

    def reset(self) -> None:
        """Forget the recording: call it when tensors that the step works on were replaced."""
        self.ordinary = 0
        self.replay: Replay | None = None
        self.buffers: tuple[Tensor, Tensor] | None = None

    def __call__(self, images_NCHW: Tensor, targets: Tensor) -> Tensor:
        """Train on one batch and return its loss."""
        if self.failed:
            return self.update(images_NCHW, targets)
        if self.replay is None and self.ordinary < WARM_UP_STEPS:
            self.ordinary += 1
            return self._aside(images_NCHW, targets)
        if self.replay is None:
            self._record(images_NCHW, targets)
        if self.replay is None or not self._filled(images_NCHW, targets):
            return self.update(images_NCHW, targets)
        return self.replay().clone()  # the next replay overwrites its loss

    def _aside(self, images_NCHW: Tensor, targets: Tensor) -> Tensor:
        """Run an ordinary step on a stream of its own, as captures ask for."""
        if images_NCHW.device.type != "cuda":
            return self.update(images_NCHW, targets)
        main, aside = torch.cuda.current_stream(), torch.cuda.Stream()  # type: ignore[no-untyped-call]
        aside.wait_stream(main)
        with torch.cuda.stream(aside):
            loss = self.update(images_NCHW, targets)
        main.wait_stream(aside)
        return loss

    def _record(self, images_NCHW: Tensor, targets: Tensor) -> None:
        self.buffers = images_NCHW.clone(), targets.clone()  # keeps channels_last
        try:
            self.replay = self.capture(self.update, *self.buffers)
        except torch.OutOfMemoryError:
            self.reset()
            raise
        except RuntimeError as error:
            self.reset()
            self.failed = True
            logger.warning(
                "the training step cannot be captured as a CUDA graph (%s); steps stay ordinary",
                str(error).splitlines()[0],
            )

    def _filled(self, *batch: Tensor) -> bool:
        """Put a batch where the graph reads it; False where it has another shape."""
        pairs = list(zip(self.buffers or (), batch, strict=True))
        if any((own.shape, own.dtype) != (new.shape, new.dtype) for own, new in pairs):
            return False
        for own, new in pairs:
            own.copy_(new)
        return True
