"""A Forward-Forward layer as PyTorch users write it: nn.Linear, autograd, torch.optim.Adam.

With `--autocast` its products are in bf16 by torch.autocast, with goodness and loss in f32 as PyTorch advises.
"""
import sys

import torch
from torch.nn.functional import softplus

from workload import Peer, labelled, normalised

AUTOCAST = "--autocast" in sys.argv


class Layer(torch.nn.Module):
    def __init__(self, weights, facts):
        super().__init__()
        self.threshold, self.steepness = facts["threshold"], facts["steepness"]
        self.linear = torch.nn.Linear(*weights.shape)
        with torch.no_grad():
            self.linear.weight.copy_(weights.t())
            self.linear.bias.zero_()
        self.optimizer = torch.optim.Adam(
            self.parameters(), facts["learningRate"], (facts["beta1"], facts["beta2"]), facts["epsilon"]
        )

    def forward(self, rows):
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=AUTOCAST):
            return torch.relu(self.linear(rows)).float()

    def train_step(self, rows):
        """`rows` [2B, I]: positive samples, then negative ones."""
        goodness = self(rows).square().mean(1)
        positive, negative = goodness.chunk(2)
        loss = softplus(self.steepness * (self.threshold - positive)).mean()
        loss = loss + softplus(self.steepness * (negative - self.threshold)).mean()
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()
        return loss.item()

    def weights(self):
        return self.linear.weight.detach().t()


def predict(layers, images):
    """Goodness of each label [B, 10], summed over all layers but the first: a pass for each label."""
    scores = []
    for label in range(10):
        rows = labelled(images, torch.full((len(images),), label))
        total = 0
        for index, layer in enumerate(layers):
            rows = layer(rows)
            if index > 0:
                total = total + rows.square().mean(1)
            rows = normalised(rows)
        scores.append(total)
    return torch.stack(scores, 1)


if __name__ == "__main__":
    Peer("pytorch-autocast" if AUTOCAST else "pytorch-autograd", Layer, predict).serve()
