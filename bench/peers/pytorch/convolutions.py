"""Convolutions as PyTorch users write them: nn.Conv2d with autograd and torch.optim.Adam, computed by oneDNN.

Channels last, where oneDNN takes its fastest kernels. With `--autocast` products are in bf16 by torch.autocast; rows that enter a
single layer are bf16 already then, so nothing is spent on rounding them.
"""
import json
import os
import sys
import time

import numpy
import torch
from torch.nn.functional import avg_pool2d, cross_entropy, max_pool2d

from lines import Server

AUTOCAST = "--autocast" in sys.argv
LAST = torch.channels_last


class Files:
    def __init__(self, folder):
        self.folder = folder
        with open(os.path.join(folder, "convolutions.json"), encoding="utf8") as file:
            self.facts = json.load(file)

    def read(self, name, *shape):
        return torch.from_numpy(numpy.fromfile(os.path.join(self.folder, name), "<f4")).reshape(shape)

    def adam(self, parameters, rate):
        facts = self.facts
        return torch.optim.Adam(parameters, facts["rates"][rate], (facts["beta1"], facts["beta2"]), facts["epsilon"])


def convolution(weight):
    """From weights [3, 3, C, O], with a bias of 0."""
    layer = torch.nn.Conv2d(weight.shape[2], weight.shape[3], 3, padding=1).to(memory_format=LAST)
    with torch.no_grad():
        layer.weight.copy_(weight.permute(3, 2, 0, 1))
        layer.bias.zero_()
    return layer


def autocast():
    return torch.autocast("cpu", dtype=torch.bfloat16, enabled=AUTOCAST)


class Single:
    """A convolution with ReLU, and the batch that it always sees."""

    def __init__(self, files, channels, side):
        rows = files.facts["rows"]
        self.layer = convolution(files.read(f"weight-{channels}.f32", 3, 3, channels, channels))
        planes = (rows, side, side, channels)
        self.rows = files.read(f"rows-{channels}.f32", *planes).permute(0, 3, 1, 2)
        self.delta = files.read(f"delta-{channels}.f32", *planes).permute(0, 3, 1, 2)
        if AUTOCAST:
            self.rows, self.delta = (each.bfloat16().contiguous(memory_format=LAST) for each in (self.rows, self.delta))
        self.optimizer = files.adam(self.layer.parameters(), "step")

    def __call__(self):
        with autocast():
            return torch.relu(self.layer(self.rows))

    def forward(self):
        with torch.no_grad():
            return self()

    def step(self):
        self.optimizer.zero_grad()
        self().backward(self.delta)
        self.optimizer.step()

    def weights(self):
        return self.layer.weight.detach().permute(2, 3, 1, 0)


class Network:
    """Blocks of convolution, batch normalisation, ReLU and pool, each with a softmax head of its own, on one batch."""

    def __init__(self, files):
        facts = files.facts
        channels, windows, classes = facts["channels"], facts["windows"], facts["classes"]
        rows, side = facts["rows"], 32
        images = files.read("images.f32", rows, channels[0], side, side)
        self.images = images.contiguous(memory_format=LAST)
        labels = numpy.fromfile(os.path.join(files.folder, "labels.u8"), numpy.uint8)
        self.labels = torch.from_numpy(labels).long()
        self.layers = []
        for index, window in enumerate(windows):
            side //= 2
            layer = convolution(files.read(f"layer{index + 1}.f32", 3, 3, *channels[index : index + 2]))
            norm = torch.nn.BatchNorm2d(channels[index + 1])
            inputs = channels[index + 1] * (side // window) ** 2
            head = torch.nn.Linear(inputs, classes)
            with torch.no_grad():
                head.weight.copy_(files.read(f"head{index + 1}.f32", inputs, classes).t())
                head.bias.zero_()
            optimizer = files.adam([*layer.parameters(), *norm.parameters(), *head.parameters()], "network")
            self.layers.append((layer, norm, head, window, optimizer))

    def block(self, layer, norm, rows):
        return max_pool2d(torch.relu(norm(layer(rows))), 2)

    def step(self):
        losses, rows = [], self.images
        for layer, norm, head, window, optimizer in self.layers:
            norm.train()
            optimizer.zero_grad()
            with autocast():
                averages = avg_pool2d(self.block(layer, norm, rows), window)
                # Our averages lie place by place, channels last.
                scores = head(averages.permute(0, 2, 3, 1).flatten(1))
            loss = cross_entropy(scores.float(), self.labels)
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
            norm.eval()
            with torch.no_grad(), autocast():
                rows = self.block(layer, norm, rows)
        return losses


class Peer(Server):
    def open(self, folder, threads):
        torch.set_num_threads(threads)
        self.files = Files(folder)
        self.singles = {str(size["channels"]): self.single(str(size["channels"])) for size in self.files.facts["sizes"]}
        self.network = Network(self.files)
        settings = ("ATEN_CPU_CAPABILITY", "GLIBC_TUNABLES")
        about = f"PyTorch {torch.__version__}, oneDNN, channels last, {torch.get_num_threads()} thread(s)"
        return {"about": about + "".join(f", {key}={os.environ[key]}" for key in settings if key in os.environ)}

    def single(self, channels):
        size = next(size for size in self.files.facts["sizes"] if str(size["channels"]) == channels)
        return Single(self.files, size["channels"], size["side"])

    def run(self, work):
        what, _, channels = work.partition("-")
        start = time.perf_counter()
        if what == "network":
            self.network.step()
        else:
            getattr(self.singles[channels], what)()
        return {"seconds": time.perf_counter() - start}

    def compute(self, work, steps):
        what, _, channels = work.partition("-")
        losses, values = [], torch.ones(1)
        if what == "network":
            network = Network(self.files)
            for _ in range(steps):
                losses += network.step()
        elif what == "forward":
            values = self.singles[channels].forward().permute(0, 2, 3, 1)
        else:
            single = self.single(channels)
            for _ in range(steps):
                single.step()
            values = single.weights()
        path = os.path.join(self.files.folder, f"{'autocast' if AUTOCAST else 'f32'}-{work}.f32")
        values.float().contiguous().numpy().astype("<f4").tofile(path)
        return {"losses": losses, "file": path}


if __name__ == "__main__":
    Peer().serve()
