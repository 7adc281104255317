"""The same layer with hand-written gradients and Adam in place, as fast as PyTorch's operations allow.

Gradient and Adam go block by block of inputs, so that a block's gradient, moments and weights meet in the second-level
cache; with `--whole` they go over the whole matrices, as Adam in place is usually written. With `--bf16` all products take and
give bf16, which oneDNN computes; weights, moments and Adam stay f32, with a rounded copy of the weights beside them.
"""
import sys

import torch
from torch.nn.functional import softplus

from workload import Peer, normalised

WHOLE, BF16 = "--whole" in sys.argv, "--bf16" in sys.argv
BLOCK = 1_000_000 if WHOLE else 200
OPERAND = torch.bfloat16 if BF16 else torch.float32


class Layer:
    def __init__(self, weights, facts):
        self.facts, self.steps = facts, 0
        self.weight, self.bias = weights.clone(), torch.zeros(weights.shape[1])
        # What products take; in f32 the very weights.
        self.operand, self.operand_bias = self.weight.to(OPERAND), self.bias.to(OPERAND)
        # The bias is one more row with inputs of 1, but small enough to be stepped on its own.
        self.moments = [torch.zeros_like(t) for t in (self.weight, self.weight, self.bias, self.bias)]
        m, v, bias_m, bias_v = self.moments
        gradient, root = torch.empty_like(self.weight[:BLOCK]), torch.empty_like(self.weight[:BLOCK])
        product = torch.empty_like(gradient, dtype=OPERAND) if BF16 else gradient
        self.blocks = [
            (
                slice(at, at + len(w)),
                product[: len(w)],
                (gradient[: len(w)], w, m[at : at + len(w)], v[at : at + len(w)], root[: len(w)]),
            )
            for at, w in ((at, self.weight[at : at + BLOCK]) for at in range(0, len(self.weight), BLOCK))
        ]
        self.bias_parts = (self.bias, bias_m, bias_v, torch.empty_like(self.bias))
        self.activations = torch.empty(2 * facts["batch"], weights.shape[1], dtype=OPERAND)

    def __call__(self, rows, out=None):
        return torch.addmm(self.operand_bias, rows.to(OPERAND), self.operand, out=out).relu_().float()

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
        columns, factor = rows.to(OPERAND).t(), delta.to(OPERAND)
        for where, product, (gradient, weight, *rest) in self.blocks:
            torch.mm(columns[where], factor, out=product)
            if BF16:
                gradient.copy_(product)
            self.adam(gradient, weight, *rest)
            if BF16:
                self.operand[where].copy_(weight)
        self.adam(delta.sum(0), *self.bias_parts)
        if BF16:
            self.operand_bias.copy_(self.bias)
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
    base = torch.addmm(first.operand_bias, (images[:, 10:] * scale).to(OPERAND), first.operand[10:]).float()
    rows = torch.addcmul(base[:, None], scale[:, :, None], first.weight[None, :10]).relu_().view(10 * count, -1)
    total = torch.zeros(10 * count)
    for layer in layers[1:]:
        rows = layer(normalised(rows))
        total += torch.linalg.vector_norm(rows, dim=1).square_() / rows.shape[1]
    return total.view(count, 10)


if __name__ == "__main__":
    Peer(f"pytorch-{'bf16-' if BF16 else ''}{'whole' if WHOLE else 'by-hand'}", Layer, predict).serve()
