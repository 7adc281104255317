"""The work that every PyTorch peer does the same way: files, labels over images, the epoch."""
import json
import os
import time

import numpy
import torch

from lines import Server


class Workload:
    """The files of bench/compare/workload.ts as tensors."""

    def __init__(self, folder):
        self.folder = folder
        with open(os.path.join(folder, "workload.json"), encoding="utf8") as file:
            self.facts = json.load(file)
        self.layers, self.batch = self.facts["layers"], self.facts["batch"]
        self.bytes = self.read("images.u8", numpy.uint8).reshape(-1, self.layers[0])
        self.labels = self.read("labels.u8", numpy.uint8).long()
        self.hidden = self.read("hidden.f32", numpy.float32).reshape(-1, self.layers[1])

    def read(self, name, kind):
        return torch.from_numpy(numpy.fromfile(os.path.join(self.folder, name), kind))

    def images(self, samples):
        """[n, 784], values 0 to 1."""
        return self.bytes[samples].float() / 255

    def write(self, name, tensor):
        path = os.path.join(self.folder, name)
        tensor.contiguous().numpy().astype("<f4").tofile(path)
        return path

    def weights(self, layer):
        """[I, O], the label's rows first; biases start at 0."""
        shape = self.layers[layer], self.layers[layer + 1]
        return self.read(f"layer{layer + 1}.f32", numpy.float32).reshape(shape)

    def epoch_data(self, prefix=""):
        """Order of the samples, their wrong labels; [n] each."""
        order = torch.from_numpy(numpy.fromfile(os.path.join(self.folder, prefix + "order.u32"), "<u4").astype("i8"))
        negatives = self.read(prefix + "negatives.u8", numpy.uint8).long()
        return order, negatives


def labelled(images, labels, classes=10):
    """Images with their label over the first values, one-hot, each row of unit length."""
    rows = images.clone()
    rows[:, :classes] = torch.nn.functional.one_hot(labels, classes).float()
    return normalised(rows)


def normalised(rows):
    return rows / (rows.square().sum(1, keepdim=True) + 1e-12).sqrt()


def train_epoch(work, make_layer, batches, prefix=""):
    """Layer after layer: trains on the batches, then passes their samples on. Layers, mean losses and seconds."""
    order, negatives = work.epoch_data(prefix)
    order = order[: batches * work.batch]
    # Before the clock starts: reading weights does not grow with the batches, so it must not be scaled with them.
    layers, losses = [make_layer(index) for index in range(len(work.layers) - 1)], []
    start = time.perf_counter()
    images, labels = work.images(order), work.labels[order]
    positive, negative = labelled(images, labels), labelled(images, negatives[order])
    for index, layer in enumerate(layers):
        loss = 0.0
        for at in range(0, len(order), work.batch):
            rows = torch.cat((positive[at : at + work.batch], negative[at : at + work.batch]))
            loss += layer.train_step(rows) * (len(rows) // 2)
        losses.append(loss / len(order))
        if index < len(layers) - 1:
            with torch.no_grad():
                positive = torch.cat([normalised(layer(rows)) for rows in positive.split(512)])
                negative = torch.cat([normalised(layer(rows)) for rows in negative.split(512)])
    return layers, losses, time.perf_counter() - start


class Peer(Server):
    """Answers the bench's questions; `layer_class(weights, facts)` has train_step, __call__ and weights()."""

    def __init__(self, name, layer_class, predict):
        self.name, self.layer_class, self.predict = name, layer_class, predict

    def open(self, folder, threads):
        torch.set_num_threads(threads)
        self.work = Workload(folder)
        first = torch.arange(self.work.batch)
        _, negatives = self.work.epoch_data()
        images = self.work.images(first)
        pairs = torch.cat((labelled(images, self.work.labels[first]), labelled(images, negatives[first])))
        self.rows = {"step": (1, self.work.hidden), "first-step": (0, pairs)}
        self.network = [self.make_layer(index) for index in range(len(self.work.layers) - 1)]
        self.trained = {name: self.make_layer(index, "stepLearningRate") for name, (index, _) in self.rows.items()}
        with open("/proc/self/maps", encoding="utf8") as maps:
            blas = sorted({os.path.basename(line.split()[-1]) for line in maps if "blas" in line})
        about = f"PyTorch {torch.__version__}, {', '.join(blas)}, {torch.get_num_threads()} thread(s)"
        settings = ("OPENBLAS_CORETYPE", "ATEN_CPU_CAPABILITY", "GLIBC_TUNABLES")
        about += "".join(f", {key}={os.environ[key]}" for key in settings if key in os.environ)
        return {"about": about, "work": ["step", "first-step", "forward", "predict"], "trains": True}

    def make_layer(self, index, rate="learningRate"):
        return self.layer_class(self.work.weights(index), {**self.work.facts, "learningRate": self.work.facts[rate]})

    def infer(self, work):
        with torch.no_grad():
            if work == "forward":
                return self.network[1](self.work.hidden)
            return self.predict(self.network, self.work.images(slice(self.work.facts["predicted"])))

    def run(self, work):
        start = time.perf_counter()
        if work in self.rows:
            self.trained[work].train_step(self.rows[work][1])
        else:
            self.infer(work)
        return {"seconds": time.perf_counter() - start}

    def compute(self, work, steps):
        losses = []
        if work in self.rows:
            index, rows = self.rows[work]
            layer = self.make_layer(index, "stepLearningRate")
            losses = [layer.train_step(rows) for _ in range(steps)]
            values = layer.weights()
        else:
            values = self.infer(work)
        return {"losses": losses, "file": self.work.write(f"{self.name}-{work}.f32", values)}

    def epoch(self, batches):
        _, _, seconds = train_epoch(self.work, self.make_layer, batches)
        return {"seconds": seconds}

    def compute_epoch(self, batches):
        layers, losses, _ = train_epoch(self.work, self.make_layer, batches, "check-")
        return {"losses": losses, "file": self.work.write(f"{self.name}-epoch.f32", layers[-1].weights())}
