"""Forward-Forward layers as PyTorch users write them for a GPU: nn.Linear, autograd, torch.optim.Adam (fused where there is that).

`--compile` compiles a step, `--bf16` computes products in bf16 by torch.autocast; else f32 without TF32. `--cpu` is only to try the script.
The data are random and lie on the device, and losses come back at the end of what is timed, as ours do.
"""
import contextlib
import sys
import time

import torch
from torch.nn.functional import one_hot, softplus

from lines import Server

COMPILE, BF16, CPU = ("--compile" in sys.argv, "--bf16" in sys.argv, "--cpu" in sys.argv)
DEVICE = "cpu" if CPU else "cuda"
THRESHOLD, STEEPNESS, CLASSES = 1.0, 20.0, 10


def precision():
    return torch.autocast(DEVICE, dtype=torch.bfloat16) if BF16 else contextlib.nullcontext()


def normalised(rows):
    return rows / (rows.square().sum(1, keepdim=True) + 1e-12).sqrt()


def labelled(images, labels):
    rows = images.clone()
    rows[:, :CLASSES] = one_hot(labels, CLASSES).float()
    return normalised(rows)


class Layer:
    def __init__(self, inputs, outputs):
        self.linear = torch.nn.Linear(inputs, outputs, device=DEVICE)
        fused = {} if CPU else {"fused": True}
        self.optimizer = torch.optim.Adam(self.linear.parameters(), 1e-3, **fused)
        self.loss = torch.compile(self.loss_of) if COMPILE else self.loss_of

    def __call__(self, rows):
        with precision():
            return torch.relu(self.linear(rows)).float()

    def loss_of(self, rows):
        """`rows` [2B, I]: positive samples, then negative ones."""
        positive, negative = self(rows).square().mean(1).chunk(2)
        loss = softplus(STEEPNESS * (THRESHOLD - positive)).mean()
        return loss + softplus(STEEPNESS * (negative - THRESHOLD)).mean()

    def train_step(self, rows):
        loss = self.loss(rows)
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()
        return loss.detach()

    @torch.no_grad()
    def passed(self, rows):
        return torch.cat([normalised(self(part)) for part in rows.split(4096)])


class Gpu(Server):
    def open(self):
        if not CPU and not torch.cuda.is_available():
            raise RuntimeError("this PyTorch finds no GPU (torch.cuda.is_available() is False)")
        if COMPILE and not hasattr(torch, "compile"):
            raise RuntimeError(f"PyTorch {torch.__version__} has no torch.compile")
        torch.backends.cuda.matmul.allow_tf32 = False
        name = "CPU" if CPU else torch.cuda.get_device_name()
        return {"about": f"PyTorch {torch.__version__} on {name}"}

    def timed(self, work):
        if not CPU:
            torch.cuda.synchronize()
        start = time.perf_counter()
        loss = work()
        # Waits for the device.
        loss.item()
        return {"seconds": time.perf_counter() - start}

    def step(self, batch, width, steps):
        """Seconds of so many steps of one layer; the first call also compiles."""
        if getattr(self, "stepping", None) != (batch, width):
            self.layer, self.stepping = Layer(width, width), (batch, width)
            self.rows = normalised(torch.randn(2 * batch, width, device=DEVICE).relu())
            self.train(steps)
        return self.timed(lambda: self.train(steps))

    def train(self, steps):
        return sum(self.layer.train_step(self.rows) for _ in range(steps))

    def epoch(self, batch, layers, samples):
        images = torch.rand(samples, layers[0], device=DEVICE)
        labels = torch.randint(0, CLASSES, (samples,), device=DEVICE)
        network = self.network(batch, layers)
        wrong = (labels + torch.randint(1, CLASSES, (samples,), device=DEVICE)) % CLASSES
        return self.timed(lambda: self.chapter(network, batch, images, labels, wrong))

    def preset(self, batch, layers, samples, epochs):
        """Goodness with negative labels sampled by the goodness of the first layer, anew in each epoch."""
        images = torch.rand(samples, layers[0], device=DEVICE)
        labels = torch.randint(0, CLASSES, (samples,), device=DEVICE)
        network = self.network(batch, layers)

        def train():
            loss = torch.zeros((), device=DEVICE)
            for _ in range(epochs):
                loss = loss + self.chapter(network, batch, images, labels, self.sampled(network[0], images, labels))
            return loss

        return self.timed(train)

    def network(self, batch, layers):
        """Layers that have been compiled."""
        network = [Layer(*sizes) for sizes in zip(layers, layers[1:])]
        for layer, inputs in zip(network, layers):
            layer.train_step(torch.rand(2 * batch, inputs, device=DEVICE)).item()
        return network

    def chapter(self, network, batch, images, labels, wrong):
        positive, negative = labelled(images, labels), labelled(images, wrong)
        loss = torch.zeros((), device=DEVICE)
        for layer in network:
            for places in torch.randperm(len(images), device=DEVICE).split(batch):
                loss = loss + layer.train_step(torch.cat((positive[places], negative[places])))
            positive, negative = layer.passed(positive), layer.passed(negative)
        return loss

    @torch.no_grad()
    def sampled(self, layer, images, labels):
        scores = []
        for label in range(CLASSES):
            rows = labelled(images, torch.full_like(labels, label))
            scores.append(torch.cat([layer(part).square().mean(1) for part in rows.split(4096)]))
        logits = torch.stack(scores, 1) / 0.05
        logits[torch.arange(len(labels), device=DEVICE), labels] = -torch.inf
        return torch.multinomial(logits.softmax(1), 1)[:, 0]


if __name__ == "__main__":
    Gpu().serve()
