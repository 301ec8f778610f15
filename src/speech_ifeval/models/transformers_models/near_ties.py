"""Replies that do not hang on the batch they were made in: in float32 on the CPU, near ties are decided alone.

A row's figures differ in their last bits with the rows beside it and the padding before it. Greedy decoding lets
this be seen only where two tokens are all but equally likely. Such rows are generated again by themselves, so that
every text is the one that its request gets alone, whatever a run was resumed from.
"""

from __future__ import annotations

from typing import Any

# Ten times what batches were measured to move the logits of float32 models, and more.
CLOSE = 1e-3


class NearTies:
    """Watches greedy decoding, as one of transformers' logits processors, and changes nothing.

    Args:
        stop: the tokens that end a reply; what a row holds after one does not count.
        width: the number of tokens of the prompts.
        rows: how many there are.
    """

    def __init__(self, stop: tuple[int, ...], width: int, rows: int) -> None:
        self._stop = stop
        self._width = width
        self._ended = [False] * rows
        self._close = [False] * rows

    def __call__(self, tokens: Any, scores: Any) -> Any:
        best = scores.topk(2, dim=-1).values
        close = (best[:, 0] - best[:, 1] < CLOSE).tolist()
        last = tokens[:, -1].tolist() if tokens.shape[1] > self._width else []
        self._ended = [
            ended or (bool(last) and last[row] in self._stop) for row, ended in enumerate(self._ended)
        ]
        self._close = [
            before or (now and not ended)
            for before, now, ended in zip(self._close, close, self._ended, strict=True)
        ]
        return scores

    @property
    def rows(self) -> list[int]:
        """The rows whose reply passed a near tie."""
        return [row for row, close in enumerate(self._close) if close]
