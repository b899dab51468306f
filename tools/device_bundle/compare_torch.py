#!/usr/bin/env python3
# Copyright 2026 The tilework Authors
# SPDX-License-Identifier: Apache-2.0
"""Times kernels beside PyTorch on this machine's GPU.

Each row is one case: `tilework bench` and PyTorch, eager and through
torch.compile, run in turn, some rounds each. The table has the medians and
PyTorch's times divided by ours; --json writes the same to a file. Calls follow
one another without a wait, each with the least recently used of some sets of
tensors, so that none is in the L2 cache, as `tilework bench` does it.

Exit code 1 if PyTorch is ahead in a row, 2 if there is no GPU.

    pip install torch
    ./compare_torch.py --json compare_torch.json
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile

import torch
import torch.nn.functional as F

NAMES = {torch.bfloat16: 'bf16', torch.float32: 'f32'}
F8 = torch.float8_e4m3fn
H = 4096
EPS = 1e-6
DEVICE = 'cuda'


class Case:
    """A call of tilework and what PyTorch does instead.

    make_inputs() makes the tensors that differ between calls, each time new
    ones; eager(*inputs) is how PyTorch's users write it, and compiled(*inputs)
    what they would give to torch.compile.
    """

    def __init__(self, text, make_inputs, eager, compiled=None):
        self.text = text
        self.make_inputs = make_inputs
        self.eager = eager
        self.compiled = compiled or eager


def randn(*shape, dtype=torch.float32):
    return torch.randn(*shape, device=DEVICE, dtype=dtype)


def rms_norm(t, dtype):
    w, d = randn(H, dtype=dtype), NAMES[dtype]
    return Case(f'input={d}[{t},{H}] gamma={d} output={d}',
                lambda: (randn(t, H, dtype=dtype),),
                lambda x: F.rms_norm(x, (H,), w, EPS))


def layer_norm(t, dtype):
    w, b, d = randn(H, dtype=dtype), randn(H, dtype=dtype), NAMES[dtype]
    return Case(f'input={d}[{t},{H}] gamma={d} beta={d} output={d}',
                lambda: (randn(t, H, dtype=dtype),),
                lambda x: F.layer_norm(x, (H,), w, b, EPS))


def layer_norm_bwd(t, dtype):
    w, b, d = randn(H, dtype=dtype), randn(H, dtype=dtype), NAMES[dtype]

    def make_inputs():
        x, dy = randn(t, H, dtype=dtype), randn(t, H, dtype=dtype)
        _, mean, rstd = torch.ops.aten.native_layer_norm(x, (H,), w, b, EPS)
        return dy, x, mean, rstd

    def backward(dy, x, mean, rstd):
        return torch.ops.aten.native_layer_norm_backward(
            dy, x, (H,), mean, rstd, w, b, [True, True, True])

    return Case(
        f'dy={d}[{t},{H}] input={d} gamma={d} mean=f32 rstd=f32 dx={d} '
        'dgamma=f32 dbeta=f32', make_inputs, backward)


def rms_norm_bwd(t, dtype):
    w, d = randn(H, dtype=dtype).requires_grad_(), NAMES[dtype]

    # Autograd's own backward pass; the forward pass is not timed.
    def make_inputs():
        x = randn(t, H, dtype=dtype).requires_grad_()
        with torch.enable_grad():
            y = F.rms_norm(x, (H,), w, EPS)
        rstd = torch.rsqrt(
            x.detach().float().square().mean(-1, keepdim=True) + EPS)
        return randn(t, H, dtype=dtype), x, rstd, y

    def eager(dy, x, _rstd, y):
        return torch.autograd.grad(y, (x, w), dy, retain_graph=True)

    def formula(dy, x, rstd, _y):
        grad = dy.float()
        xhat = x.detach().float() * rstd
        scaled = grad * w.detach().float()
        dx = rstd * (scaled - xhat * (scaled * xhat).mean(-1, keepdim=True))
        return dx.to(dtype), (grad * xhat).sum(0)

    return Case(
        f'dy={d}[{t},{H}] input={d} gamma={d} rstd=f32 dx={d} dgamma=f32',
        make_inputs, eager, formula)


def quantize(x):
    scale = (x.abs().amax(-1, keepdim=True).float() / 448).clamp(min=1e-6)
    return (x.float() * (1 / scale)).clamp(-448, 448).to(F8), scale


def rms_norm_quant(t, dtype):
    w, d = randn(H, dtype=dtype), NAMES[dtype]
    return Case(
        f'hidden={d}[{t},{H}] ln_w={d} packed_output=false out=f8e4m3 '
        'dequant_scale=f32', lambda: (randn(t, H, dtype=dtype),),
        lambda x: quantize(F.rms_norm(x, (H,), w, EPS)))


def row_quantization(t, dtype):
    return Case(
        f'hidden_state={NAMES[dtype]}[{t},{H}] quantized=f8e4m3 '
        'dequant_scale=f32', lambda: (randn(t, H, dtype=dtype),), quantize)


def static_quantization(t, dtype):
    scale = torch.tensor(0.5, device=DEVICE)
    return Case(
        f'hidden_state={NAMES[dtype]}[{t},{H}] quant_scale=f32[1] '
        'quantized=f8e4m3', lambda: (randn(t, H, dtype=dtype),),
        lambda x: (x.float() * scale).clamp(-448, 448).to(F8))


def mxfp8(x):
    blocks = x.float().view(x.shape[0], H // 32, 32)
    _, exponent = torch.frexp(blocks.abs().amax(-1))
    exponent = (exponent - 9).clamp(-127, 127)
    codes = torch.ldexp(blocks, -exponent.unsqueeze(-1)).clamp(-448, 448)
    return codes.to(F8).view(x.shape), (exponent + 127).to(torch.uint8)


def quantize_mxfp8(t, dtype):
    return Case(f'src_tensor={NAMES[dtype]}[{t},{H}] data=f8e4m3 scales=e8m0',
                lambda: (randn(t, H, dtype=dtype),), mxfp8)


def rope(t, dtype):
    heads, width, d = H // 128, 128, NAMES[dtype]
    angle = torch.outer(torch.arange(t, device=DEVICE).float(),
                        1e4**-(torch.arange(64, device=DEVICE) / 64))
    cos = angle.cos().to(dtype)[None, :, None]
    sin = angle.sin().to(dtype)[None, :, None]

    def rotate(x):
        low, high = x.chunk(2, -1)
        return torch.cat((low * cos - high * sin, high * cos + low * sin), -1)

    return Case(
        f'x_in={d}[1,{t},{heads},{width}] x_out={d} cos={d}[{t},64] '
        f'sin={d}[{t},64]',
        lambda: (randn(1, t, heads, width, dtype=dtype),), rotate)


KERNELS = {
    'rmsnorm': rms_norm,
    'layernorm': layer_norm,
    'rmsnorm_bwd': rms_norm_bwd,
    'layernorm_bwd': layer_norm_bwd,
    'rmsnorm_quant': rms_norm_quant,
    'row_quantization': row_quantization,
    'static_quantization': static_quantization,
    'quantize_mxfp8': quantize_mxfp8,
    'rope': rope,
}


def make_sets(case):
    """Inputs of calls, all together four times the L2 cache."""
    cache = torch.cuda.get_device_properties(0).L2_cache_size
    sets = [case.make_inputs()]
    size = sum(x.numel() * x.element_size() for x in sets[0])
    for _ in range(min(255, 4 * cache // size)):
        sets.append(case.make_inputs())
    return sets


def time_torch(function, sets, seconds):
    """Seconds a call, of a batch that takes about as long as asked."""
    def batch(calls):
        start, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
        torch.cuda.synchronize()
        start.record()
        for i in range(calls):
            function(*sets[i % len(sets)])
        end.record()
        end.synchronize()
        return start.elapsed_time(end) * 1e-3 / calls

    with torch.no_grad():
        batch(3)  # compiles, warms up
        each = batch(max(3, len(sets)))
        return batch(max(3, int(seconds / each)))


def time_tilework(binary, kernel, text, seconds):
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, 'bench.json')
        done = subprocess.run(
            [binary, 'bench', kernel, '--context', 'device', '--case', text,
             '--json', path, '--min_seconds', str(seconds)],
            capture_output=True, text=True, check=False)
        if done.returncode != 0:
            sys.exit(f'tilework bench {kernel} --case "{text}" failed:\n'
                     f'{done.stdout}{done.stderr}')
        with open(path, encoding='utf-8') as file:
            return json.load(file)['benchmarks'][0]['real_time'] * 1e-9


def measure(kernel, case, arguments):
    """Medians in seconds: of tilework, eager, compiled."""
    sets = make_sets(case)
    torch.compiler.reset()
    compiled = torch.compile(case.compiled, dynamic=False)
    times = [[], [], []]
    for _ in range(arguments.rounds):
        times[0].append(time_tilework(arguments.binary, kernel, case.text,
                                      arguments.seconds))
        times[1].append(time_torch(case.eager, sets, arguments.seconds))
        times[2].append(time_torch(compiled, sets, arguments.seconds))
    return [statistics.median(each) for each in times]


def main():
    here = os.path.dirname(os.path.abspath(__file__))
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument('--binary', default=os.path.join(here, 'tilework'))
    parser.add_argument('--rows', type=int, nargs='+', default=[4096, 65536],
                        help=f'rows of {H} elements')
    parser.add_argument('--rounds', type=int, default=3)
    parser.add_argument('--seconds', type=float, default=0.3)
    parser.add_argument('--json', help='a file for the figures')
    parser.add_argument('kernels', nargs='*', metavar='KERNEL',
                        help='default: all of ' + ' '.join(KERNELS))
    arguments = parser.parse_args()
    unknown = set(arguments.kernels) - set(KERNELS)
    if unknown:
        parser.error('unknown: ' + ' '.join(sorted(unknown)))
    if not torch.cuda.is_available():
        print('compare_torch: PyTorch finds no GPU', file=sys.stderr)
        return 2
    gpu = torch.cuda.get_device_name(0)
    print(f'{gpu}, PyTorch {torch.__version__}')
    print(f'{"kernel":20} {"rows":>7} type   tilework      eager  ratio   '
          'compiled  ratio')
    results = []
    for kernel in arguments.kernels or KERNELS:
        for rows in arguments.rows:
            for dtype in (torch.bfloat16, torch.float32):
                case = KERNELS[kernel](rows, dtype)
                own, eager, compiled = measure(kernel, case, arguments)
                text = case.text
                del case
                torch.cuda.empty_cache()  # tilework needs memory too
                results.append({
                    'kernel': kernel, 'case': text, 'rows': rows,
                    'dtype': NAMES[dtype], 'tilework_seconds': own,
                    'eager_seconds': eager, 'compiled_seconds': compiled,
                    'eager_ratio': eager / own,
                    'compiled_ratio': compiled / own})
                print(f'{kernel:20} {rows:7} {NAMES[dtype]:4} '
                      f'{own * 1e3:8.4f} ms {eager * 1e3:10.4f} '
                      f'{eager / own:6.2f} {compiled * 1e3:10.4f} '
                      f'{compiled / own:6.2f}', flush=True)
    if arguments.json:
        with open(arguments.json, 'w', encoding='utf-8') as file:
            json.dump({'gpu': gpu, 'torch': torch.__version__,
                       'results': results}, file, indent=1)
    behind = sum(min(row['eager_ratio'], row['compiled_ratio']) < 1
                 for row in results)
    if behind:
        print(f'PyTorch is ahead in {behind} of {len(results)} rows')
    return 1 if behind else 0


if __name__ == '__main__':
    sys.exit(main())
