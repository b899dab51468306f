#!/usr/bin/env python3
# Copyright 2026 The tilework Authors
# SPDX-License-Identifier: Apache-2.0
"""Times kernels beside PyTorch on the CPU, with the same number of threads.

For each row, `tilework bench` and PyTorch run in turn, some rounds each; the
table has the medians and their ratio. PyTorch runs eagerly and, with --compile,
through torch.compile too. Exit code 1 if PyTorch is ahead in a row.

    pip install torch numpy
    bazel build //tools:tilework
    benchmarks/compare_torch.py --threads 2
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time

import torch
import torch.nn.functional as F

NAMES = {torch.bfloat16: 'bf16', torch.float32: 'f32'}
F8 = torch.float8_e4m3fn
T, H = 8192, 4096


def rows(dtype):
    return torch.randn(T, H).to(dtype)


def rms_norm(dtype):
    x, w = rows(dtype), torch.randn(H).to(dtype)
    d = NAMES[dtype]
    return ('rmsnorm', f'input={d}[{T},{H}] gamma={d} output={d}',
            lambda x, w: F.rms_norm(x, (H,), w, 1e-6), (x, w))


def layer_norm(dtype):
    x, w, b = rows(dtype), torch.randn(H).to(dtype), torch.randn(H).to(dtype)
    d = NAMES[dtype]
    return ('layernorm', f'input={d}[{T},{H}] gamma={d} beta={d} output={d}',
            lambda x, w, b: F.layer_norm(x, (H,), w, b, 1e-6), (x, w, b))


def layer_norm_bwd(dtype):
    x, w, b, dy = (rows(dtype), torch.randn(H).to(dtype),
                   torch.randn(H).to(dtype), rows(dtype))
    _, mean, rstd = torch.ops.aten.native_layer_norm(x, (H,), w, b, 1e-6)
    d = NAMES[dtype]
    return ('layernorm_bwd',
            f'dy={d}[{T},{H}] input={d} gamma={d} mean=f32 rstd=f32 dx={d} '
            'dgamma=f32 dbeta=f32',
            lambda dy, x, mean, rstd, w, b:
            torch.ops.aten.native_layer_norm_backward(
                dy, x, (H,), mean, rstd, w, b, [True, True, True]),
            (dy, x, mean, rstd, w, b))


def quantize(x):
    scale = (x.abs().amax(-1, keepdim=True).float() / 448).clamp(min=1e-6)
    return (x.float() * (1 / scale)).clamp(-448, 448).to(F8), scale


def rms_norm_quant(dtype):
    x, w = rows(dtype), torch.randn(H).to(dtype)
    d = NAMES[dtype]
    return ('rmsnorm_quant',
            f'hidden={d}[{T},{H}] ln_w={d} packed_output=false out=f8e4m3 '
            'dequant_scale=f32',
            lambda x, w: quantize(F.rms_norm(x, (H,), w, 1e-6)), (x, w))


def row_quantization(dtype):
    d = NAMES[dtype]
    return ('row_quantization',
            f'hidden_state={d}[{T},{H}] quantized=f8e4m3 dequant_scale=f32',
            quantize, (rows(dtype),))


def static_quantization(dtype):
    d = NAMES[dtype]
    return ('static_quantization',
            f'hidden_state={d}[{T},{H}] quant_scale=f32[1] quantized=f8e4m3',
            lambda x, s: (x.float() * s).clamp(-448, 448).to(F8),
            (rows(dtype), torch.tensor(0.5)))


def mxfp8(x):
    blocks = x.float().view(T, H // 32, 32)
    _, exponent = torch.frexp(blocks.abs().amax(-1))
    exponent = (exponent - 9).clamp(-127, 127)
    codes = torch.ldexp(blocks, -exponent.unsqueeze(-1)).clamp(-448, 448)
    return codes.to(F8).view(T, H), (exponent + 127).to(torch.uint8)


def quantize_mxfp8(dtype):
    d = NAMES[dtype]
    return ('quantize_mxfp8',
            f'src_tensor={d}[{T},{H}] data=f8e4m3 scales=e8m0', mxfp8,
            (rows(dtype),))


def rotate(x, cos, sin):
    low, high = x.chunk(2, -1)
    return torch.cat((low * cos - high * sin, high * cos + low * sin), -1)


def rope(dtype):
    s, n, d_head = 4096, 32, 128
    x = torch.randn(1, s, n, d_head).to(dtype)
    angle = torch.outer(torch.arange(s), 1e4**-(torch.arange(64) / 64))
    cos, sin = angle.cos().to(dtype), angle.sin().to(dtype)
    d = NAMES[dtype]
    return ('rope',
            f'x_in={d}[1,{s},{n},{d_head}] x_out={d} cos=f32[{s},64] '
            f'sin=f32[{s},64]', rotate,
            (x, cos[None, :, None], sin[None, :, None]))


CASES = (rms_norm, layer_norm, layer_norm_bwd, rms_norm_quant,
         row_quantization, static_quantization, quantize_mxfp8, rope)


def time_torch(function, inputs, seconds):
    """The median of some calls, in seconds."""
    times, end = [], time.perf_counter() + seconds
    with torch.no_grad():
        while len(times) < 3 or time.perf_counter() < end:
            start = time.perf_counter()
            function(*inputs)
            times.append(time.perf_counter() - start)
    return statistics.median(times)


def time_tilework(binary, kernel, case, threads, seconds):
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, 'bench.json')
        subprocess.run(
            [binary, 'bench', kernel, '--case', case, '--json', path,
             '--threads', str(threads), '--min_seconds', str(seconds)],
            check=True, stdout=subprocess.DEVNULL)
        with open(path, encoding='utf-8') as file:
            result = json.load(file)['benchmarks'][0]
        return result['real_time'] * 1e-9


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument('--binary', default='bazel-bin/tools/tilework')
    parser.add_argument('--threads', type=int, default=2)
    parser.add_argument('--rounds', type=int, default=3)
    parser.add_argument('--seconds', type=float, default=0.3)
    parser.add_argument('--compile', action='store_true')
    parser.add_argument('kernels', nargs='*')
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    print(f'PyTorch {torch.__version__}, {arguments.threads} threads')
    print(f'{"kernel":20} type   tilework   PyTorch  ratio'
          + ('  compiled  ratio' if arguments.compile else ''))
    behind = 0
    for make in CASES:
        for dtype in (torch.bfloat16, torch.float32):
            kernel, case, function, inputs = make(dtype)
            if arguments.kernels and kernel not in arguments.kernels:
                continue
            functions = [function]
            if arguments.compile:
                functions.append(torch.compile(function))
            for f in functions:
                time_torch(f, inputs, 0)
            ours, theirs = [], [[] for _ in functions]
            for _ in range(arguments.rounds):
                ours.append(time_tilework(arguments.binary, kernel, case,
                                          arguments.threads,
                                          arguments.seconds))
                for f, times in zip(functions, theirs):
                    times.append(time_torch(f, inputs, arguments.seconds))
            own = statistics.median(ours)
            line = f'{kernel:20} {NAMES[dtype]:4} {own * 1e3:8.3f} ms'
            for times in theirs:
                other = statistics.median(times)
                line += f' {other * 1e3:8.3f}  {other / own:5.2f}'
                behind += other < own
            print(line, flush=True)
    return 1 if behind else 0


if __name__ == '__main__':
    sys.exit(main())
