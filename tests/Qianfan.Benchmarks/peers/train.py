"""A training step of the same Llama shapes in plain PyTorch, as a peer of the engine's.

Arguments: hidden, layers, heads, key/value heads, head size, intermediate size, vocabulary, rows, length, LoRA rank (0: full), warm-up steps, timed steps, threads.
Prints one line of JSON. Written for PyTorch 1.13, where scaled dot product attention has no fused kernel.
"""
import json
import math
import resource
import sys
import time

import torch
from torch import nn
from torch.nn import functional

(hidden, layers, heads, kv_heads, size, intermediate, vocabulary, rows, length, rank, warmup, steps, threads) = (int(value) for value in sys.argv[1:14])
torch.set_num_threads(threads)
torch.manual_seed(1)


class Linear(nn.Module):
    def __init__(self, inputs, outputs):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(outputs, inputs) * 0.02, requires_grad=rank == 0)
        if rank > 0:
            self.a = nn.Parameter(torch.randn(rank, inputs) / math.sqrt(inputs))
            self.b = nn.Parameter(torch.zeros(outputs, rank))

    def forward(self, x):
        y = functional.linear(x, self.weight)
        return y if rank == 0 else y + functional.linear(functional.linear(x, self.a), self.b) * (16 / rank)


class Norm(nn.Module):
    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(hidden), requires_grad=rank == 0)

    def forward(self, x):
        return x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + 1e-5) * self.weight


class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.norm, self.post_norm = Norm(), Norm()
        self.q, self.k, self.v = Linear(hidden, heads * size), Linear(hidden, kv_heads * size), Linear(hidden, kv_heads * size)
        self.o = Linear(heads * size, hidden)
        self.gate, self.up, self.down = Linear(hidden, intermediate), Linear(hidden, intermediate), Linear(intermediate, hidden)

    def forward(self, x, cosine, sine, mask):
        normed = self.norm(x)
        q, k, v = (part(normed).view(rows, length, -1, size).transpose(1, 2) for part in (self.q, self.k, self.v))
        q, k = (part * cosine + torch.cat((-part[..., size // 2:], part[..., :size // 2]), -1) * sine for part in (q, k))
        k, v = (part.unsqueeze(2).expand(rows, kv_heads, heads // kv_heads, length, size).reshape(rows * heads, length, size) for part in (k, v))
        scores = torch.baddbmm(mask, q.reshape(rows * heads, length, size), k.transpose(1, 2), alpha=1 / math.sqrt(size))
        attended = torch.bmm(scores.softmax(-1), v).view(rows, heads, length, size).transpose(1, 2).reshape(rows, length, heads * size)
        x = x + self.o(attended)
        normed = self.post_norm(x)
        return x + self.down(functional.silu(self.gate(normed)) * self.up(normed))


class Model(nn.Module):
    def __init__(self):
        super().__init__()
        self.embedding = nn.Parameter(torch.randn(vocabulary, hidden) * 0.02, requires_grad=rank == 0)
        self.blocks = nn.ModuleList(Block() for _ in range(layers))
        self.norm = Norm()
        angles = torch.outer(torch.arange(length), 10000 ** (-torch.arange(0, size, 2) / size))
        angles = torch.cat((angles, angles), -1)
        self.cosine, self.sine = angles.cos(), angles.sin()
        self.mask = torch.full((length, length), -math.inf).triu(1)

    def forward(self, tokens):
        x = functional.embedding(tokens, self.embedding)
        for block in self.blocks:
            x = block(x, self.cosine, self.sine, self.mask)
        return functional.linear(self.norm(x).view(rows * length, hidden), self.embedding)


model = Model()
trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
optimizer = torch.optim.AdamW(trained, lr=1e-4, betas=(0.9, 0.95), weight_decay=0.01, foreach=False)
started = busy = 0.0
for step in range(warmup + steps):
    if step == warmup:
        started, busy = time.perf_counter(), time.process_time()
    tokens = torch.randint(vocabulary, (rows, length + 1))
    loss = functional.cross_entropy(model(tokens[:, :-1]), tokens[:, 1:].reshape(-1))
    loss.backward()
    nn.utils.clip_grad_norm_(trained, 1.0)
    optimizer.step()
    optimizer.zero_grad(set_to_none=True)
seconds = (time.perf_counter() - started) / steps
cpu = (time.process_time() - busy) / (steps * rows * length) * 1e6
print(json.dumps({"tokensPerSecond": rows * length / seconds, "cpuMicroseconds": cpu, "peakMegabytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, "loss": loss.item(), "version": torch.__version__}))
