"""The same layer with hand-written gradients and Adam in place, as fast as PyTorch's operations allow.

Gradient and Adam go block by block of inputs, so that a block's gradient, moments and weights meet in the second-level
cache; with `--whole` they go over the whole matrices, as Adam in place is usually written.
"""
import sys

import torch
from torch.nn.functional import softplus

from workload import Peer, normalised

BLOCK = 1_000_000 if "--whole" in sys.argv else 200


class Layer:
    def __init__(self, weights, facts):
        self.facts, self.steps = facts, 0
        self.weight, self.bias = weights.clone(), torch.zeros(weights.shape[1])
        # The bias is one more row with inputs of 1, but small enough to be stepped on its own.
        self.moments = [torch.zeros_like(t) for t in (self.weight, self.weight, self.bias, self.bias)]
        m, v, bias_m, bias_v = self.moments
        gradient, root = torch.empty_like(self.weight[:BLOCK]), torch.empty_like(self.weight[:BLOCK])
        self.blocks = [
            (slice(at, at + len(w)), gradient[: len(w)], w, m[at : at + len(w)], v[at : at + len(w)], root[: len(w)])
            for at, w in ((at, self.weight[at : at + BLOCK]) for at in range(0, len(self.weight), BLOCK))
        ]
        self.bias_parts = (self.bias, bias_m, bias_v, torch.empty_like(self.bias))
        self.activations = torch.empty(2 * facts["batch"], weights.shape[1])

    def __call__(self, rows, out=None):
        return torch.addmm(self.bias, rows, self.weight, out=out).relu_()

    @torch.no_grad()
    def train_step(self, rows):
        """`rows` [2B, I]: positive samples, then negative ones."""
        y = self(rows, self.activations[: len(rows)])
        half = len(rows) // 2
        threshold, steepness = self.facts["threshold"], self.facts["steepness"]
        margin = torch.linalg.vector_norm(y, dim=1).square_().div_(y.shape[1]).sub_(threshold).mul_(steepness)
        margin[:half].neg_()
        loss = softplus(margin).sum().item() / half
        # d loss / d y = ± steepness · sigmoid(margin) / B · 2 y / O, where y > 0: elsewhere y is 0 already.
        scale = margin.sigmoid_().mul_(2 * steepness / (half * y.shape[1]))
        scale[:half].neg_()
        delta = y.mul_(scale[:, None])
        self.steps += 1
        columns = rows.t()
        for where, gradient, w, m, v, root in self.blocks:
            torch.mm(columns[where], delta, out=gradient)
            self.adam(gradient, w, m, v, root)
        self.adam(delta.sum(0), *self.bias_parts)
        return loss

    def adam(self, gradient, weight, m, v, root):
        beta1, beta2 = self.facts["beta1"], self.facts["beta2"]
        correction = (1 - beta2**self.steps) ** 0.5
        m.lerp_(gradient, 1 - beta1)
        v.mul_(beta2).addcmul_(gradient, gradient, value=1 - beta2)
        torch.sqrt(v, out=root).add_(self.facts["epsilon"] * correction)
        weight.addcdiv_(m, root, value=-self.facts["learningRate"] * correction / (1 - beta1**self.steps))

    def weights(self):
        return self.weight


def predict(layers, images):
    """Goodness of each label [B, 10]; the image's part of the first layer is computed once for all labels."""
    first, count = layers[0], len(images)
    scale = (images[:, 10:].square().sum(1, keepdim=True) + 1).rsqrt()
    base = torch.addmm(first.bias, images[:, 10:] * scale, first.weight[10:])
    rows = torch.addcmul(base[:, None], scale[:, :, None], first.weight[None, :10]).relu_().view(10 * count, -1)
    total = torch.zeros(10 * count)
    for layer in layers[1:]:
        rows = layer(normalised(rows))
        total += torch.linalg.vector_norm(rows, dim=1).square_() / rows.shape[1]
    return total.view(count, 10)


if __name__ == "__main__":
    Peer("pytorch-whole" if "--whole" in sys.argv else "pytorch-by-hand", Layer, predict).serve()
