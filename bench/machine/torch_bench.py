"""The multiplications, attention and prefill of ff-bench in plain PyTorch, on the same GPU in the same call.

    python3 torch_bench.py OUT.json [model-7b.json ...]

The prefills have the shapes and the rows, layer by layer, of what ff-bench model wrote; the ratio is ours over PyTorch's.
Without CUDA it computes on the processor, in small, which only shows that it runs.
"""

import json
import statistics
import sys
import time

import torch
import torch.nn.functional as F

CUDA = torch.cuda.is_available()
DEVICE = "cuda" if CUDA else "cpu"
ROUNDS = 5 if CUDA else 1
MATMULS = [(512, 896, 4864), (32, 896, 4864), (1, 896, 4864), (2048, 3584, 18944), (1, 3584, 18944)]


def seconds(work):
    """Median over the rounds, after one that nobody counts; repeated until a clock can see it."""
    work()
    once = timed(work, 1)
    count = max(1, min(200, round(0.05 / once)))
    return statistics.median(timed(work, count) for _ in range(ROUNDS))


def timed(work, count):
    if not CUDA:
        start = time.perf_counter()
        for _ in range(count):
            work()
        return (time.perf_counter() - start) / count
    begin, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
    begin.record()
    for _ in range(count):
        work()
    end.record()
    torch.cuda.synchronize()
    return begin.elapsed_time(end) / 1000 / count


def random(*shape, dtype):
    return torch.randn(*shape, device=DEVICE, dtype=torch.float32).to(dtype) / shape[-1] ** 0.5


def matmuls():
    for rows, k, n in MATMULS if CUDA else [(32, 64, 128)]:
        for dtype in (torch.float32, torch.bfloat16, torch.float16):
            x, w = random(rows, k, dtype=dtype), random(n, k, dtype=dtype)
            took = seconds(lambda: F.linear(x, w))
            yield {"job": f"matmul {rows} x {k} x {n}", "format": str(dtype)[6:], "seconds": took, "gflops": 2 * rows * k * n / took / 1e9}


def attention(q, k, v):
    return F.scaled_dot_product_attention(q, k, v, is_causal=q.shape[-2] > 1, enable_gqa=True)


class Layer:
    """One of Qwen2's: norm, query, key and value, rotation, attention, norm, MLP."""

    def __init__(self, c):
        self.c = c
        hidden, inner, width = c["hidden"], c["inner"], c["headDim"]
        sizes = {"qkv": ((c["heads"] + 2 * c["kvHeads"]) * width, hidden), "o": (hidden, c["heads"] * width)}
        sizes |= {"gate_up": (2 * inner, hidden), "down": (hidden, inner)}
        self.w = {name: random(*size, dtype=torch.bfloat16) for name, size in sizes.items()}
        self.gain = torch.ones(hidden, device=DEVICE, dtype=torch.bfloat16)

    def __call__(self, x, rotation, leaving):
        c, w = self.c, self.w
        heads = (c["heads"], c["kvHeads"], c["kvHeads"])
        qkv = F.linear(F.rms_norm(x, x.shape[-1:], self.gain, 1e-6), w["qkv"])
        parts = qkv.split([count * c["headDim"] for count in heads], -1)
        q, k, v = (part.view(1, -1, count, c["headDim"]).transpose(1, 2) for part, count in zip(parts, heads))
        mixed = attention(rotate(q, rotation), rotate(k, rotation), v)
        x = x + F.linear(mixed.transpose(1, 2).reshape(x.shape[0], -1), w["o"])
        x = x[:leaving]
        gate, up = F.linear(F.rms_norm(x, x.shape[-1:], self.gain, 1e-6), w["gate_up"]).chunk(2, -1)
        return x + F.linear(F.silu(gate) * up, w["down"])


def rotate(x, rotation):
    cosine, sine = (table[: x.shape[-2]] for table in rotation)
    a, b = x.chunk(2, -1)
    return x * cosine + torch.cat((-b, a), -1) * sine


@torch.inference_mode()
def prefills(report):
    """Every budget and number of frames of a report."""
    c = report["model"]["shape"]
    layers = [Layer(c) for _ in range(report["model"]["layers"])]
    kind = report["adapter"]["kind"]
    for result in report["results"]:
        rows = result["promptRows"]
        angle = torch.arange(rows)[:, None] * 1e6 ** -(torch.arange(0, c["headDim"], 2) / c["headDim"])
        rotation = [torch.cat((f(angle), f(angle)), -1).to(DEVICE, torch.bfloat16) for f in (torch.cos, torch.sin)]
        start = random(rows, c["hidden"], dtype=torch.bfloat16)

        def run(schedule):
            x = start
            for layer, entry in zip(layers, schedule):
                x = layer(x[: entry["attending"]], rotation, entry["leaving"])
            return x

        for cost in result["costs"]:
            took = seconds(lambda: run(cost["layers"]))
            ours = cost["prefill"].get("gpu" if kind == "gpu" else "wall") or cost["prefill"]["wall"]
            name = f"{report['model']['name']}, {result['frames']} frames, cost {cost['cost']}"
            yield {"job": name, "seconds": took, "ours": ours["median"], "ratio": ours["median"] / took}


def main():
    out, *reports = sys.argv[1:]
    found = list(matmuls())
    for file in reports:
        with open(file) as text:
            found += prefills(json.load(text))
    where = torch.cuda.get_device_name() if CUDA else "the processor"
    with open(out, "w") as file:
        json.dump({"torch": torch.__version__, "device": where, "results": found}, file, indent=2)
    print(f"PyTorch {torch.__version__} on {where}")
    for one in found:
        figures = {name: value for name, value in one.items() if name not in ("job", "format")}
        print(f"  {one['job']} {one.get('format', '')}: " + ", ".join(f"{name} {value:.4g}" for name, value in figures.items()))


main()
