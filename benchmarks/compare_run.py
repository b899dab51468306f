#!/usr/bin/env python3
# Copyright 2026 The tilework Authors
# SPDX-License-Identifier: Apache-2.0
"""Compares `tilework run` with NumPy.

Makes safetensors files, runs kernels on them, and compares what comes out with
the same computed by NumPy: rmsnorm, rmsnorm_quant, row_quantization,
quantize_mxfp8 and rope. Exit code 1 if a bound is missed.

    pip install numpy
    bazel build //tools:tilework
    benchmarks/compare_run.py
"""

import argparse
import json
import os
import pathlib
import struct
import subprocess
import sys
import tempfile

import numpy as np

DTYPES = {
    np.dtype(np.float32): 'F32',
    np.dtype(np.float16): 'F16',
    np.dtype(np.uint8): 'U8',
}
READ_DTYPES = {
    'F32': np.float32,
    'F16': np.float16,
    'BF16': np.uint16,
    'U8': np.uint8,
    'F8_E4M3': np.uint8,
    'F8_E5M2': np.uint8,
    'F8_E8M0': np.uint8,
}


def write_safetensors(path, tensors, bf16=()):
    """Writes arrays; those named in `bf16` hold f32 numbers that bf16 has."""
    header, chunks, offset = {}, [], 0
    for name, array in tensors.items():
        dtype = DTYPES[array.dtype]
        data = np.ascontiguousarray(array)
        if name in bf16:
            dtype = 'BF16'
            data = (data.view(np.uint32) >> 16).astype(np.uint16)
        raw = data.tobytes()
        header[name] = {
            'dtype': dtype,
            'shape': list(array.shape),
            'data_offsets': [offset, offset + len(raw)],
        }
        chunks.append(raw)
        offset += len(raw)
    text = json.dumps(header).encode()
    pathlib.Path(path).write_bytes(
        struct.pack('<Q', len(text)) + text + b''.join(chunks))


def read_safetensors(path):
    raw = pathlib.Path(path).read_bytes()
    size, = struct.unpack('<Q', raw[:8])
    tensors = {}
    for name, entry in json.loads(raw[8:8 + size]).items():
        if name == '__metadata__':
            continue
        begin, end = entry['data_offsets']
        array = np.frombuffer(raw[8 + size:][begin:end],
                              READ_DTYPES[entry['dtype']])
        if entry['dtype'] == 'BF16':
            array = (array.astype(np.uint32) << 16).view(np.float32)
        tensors[name] = array.reshape(entry['shape'])
    return tensors


def to_bf16(array):
    """f32 numbers rounded to those that bf16 has."""
    bits = np.ascontiguousarray(array, np.float32).view(np.uint32)
    bits = bits + 0x7FFF + ((bits >> 16) & 1)
    return (bits & np.uint32(0xFFFF0000)).view(np.float32)


class Float8:
    """An 8-bit floating-point format, rounded to nearest even, saturating."""

    def __init__(self, exponent_bits, mantissa_bits, largest):
        self.mantissa_bits = mantissa_bits
        self.bias = 2**(exponent_bits - 1) - 1
        self.largest = np.float32(largest)
        codes = np.arange(128)
        exponent = codes >> mantissa_bits
        mantissa = codes & (2**mantissa_bits - 1)
        scale = np.exp2(np.maximum(exponent, 1).astype(np.float64)
                        - self.bias - mantissa_bits)
        self.values = scale * (mantissa + (exponent > 0) * 2**mantissa_bits)

    def encode(self, x):
        """Codes of f32 numbers."""
        magnitude = np.minimum(np.abs(x.astype(np.float64)), self.largest)
        exponent = np.floor(np.log2(np.maximum(magnitude, 1e-300)))
        exponent = np.maximum(exponent, 1 - self.bias)
        quantum = np.exp2(exponent - self.mantissa_bits)
        rounded = np.rint(magnitude / quantum) * quantum
        codes = np.searchsorted(self.values[:-1], np.minimum(
            rounded, self.largest)).astype(np.uint8)
        return codes | (np.signbit(x).astype(np.uint8) << 7)

    def decode(self, codes):
        sign = np.where(codes & 0x80, -1.0, 1.0)
        return sign * self.values[codes & 0x7F]


E4M3 = Float8(4, 3, 448)
E5M2 = Float8(5, 2, 57344)


class Comparison:
    """Runs the program and keeps count of what missed its bound."""

    def __init__(self, binary):
        self.binary = binary
        self.folder = tempfile.TemporaryDirectory()
        self.missed = 0

    def run(self, kernel, tensors, *flags, bf16=()):
        source = os.path.join(self.folder.name, 'in.safetensors')
        target = os.path.join(self.folder.name, 'out.safetensors')
        write_safetensors(source, tensors, bf16)
        subprocess.run(
            [self.binary, 'run', kernel, '--in', source, '--out', target,
             *flags], check=True)
        return read_safetensors(target)

    def report(self, what, error, bound):
        good = bool(error <= bound)
        self.missed += not good
        print(f'{what:48} {error:9.2e}  {bound:9.2e}  '
              f'{"ok" if good else "MISSED"}')


def relative(actual, expected):
    return float(np.max(np.abs(actual - expected) /
                        np.maximum(np.abs(expected), 1e-30)))


def rms_norm(x, gamma, eps=1e-6):
    x = x.astype(np.float64)
    r = 1 / np.sqrt((x * x).mean(-1, keepdims=True) + eps)
    return x * r * gamma.astype(np.float64)


def compare_rmsnorm(c, rng):
    x = rng.standard_normal((37, 1003), np.float32)
    gamma = rng.standard_normal(1003, np.float32)
    y = c.run('rmsnorm', {'input': x, 'gamma': gamma})['output']
    c.report('rmsnorm, f32', relative(y, rms_norm(x, gamma)), 2**-24 + 4e-6)
    x, gamma = to_bf16(x), to_bf16(gamma)
    y = c.run('rmsnorm', {'input': x, 'gamma': gamma}, '--attr', 'eps=1e-5',
              bf16=('input', 'gamma'))['output']
    c.report('rmsnorm, bf16, eps 1e-5',
             relative(y, rms_norm(x, gamma, 1e-5)), 2**-8 + 4e-6)


def row_quantize(x, float8):
    amax = np.abs(x).max(-1, keepdims=True)
    scale = np.maximum(amax / float8.largest, np.float32(1e-6))
    return float8.encode(x * (np.float32(1) / scale)), scale


def compare_row_quantization(c, rng):
    x = rng.standard_normal((65, 777), np.float32)
    for name, float8 in (('f8e4m3', E4M3), ('f8e5m2', E5M2)):
        out = c.run('row_quantization', {'hidden_state': x}, '--dtype',
                    f'quantized={name}')
        codes, scale = row_quantize(x, float8)
        c.report(f'row_quantization, {name}, codes that differ',
                 np.count_nonzero(out['quantized'] != codes), 0)
        c.report(f'row_quantization, {name}, scales that differ',
                 np.count_nonzero(
                     out['dequant_scale'].reshape(-1) != scale.reshape(-1)), 0)


def compare_rmsnorm_quant(c, rng):
    x = to_bf16(rng.standard_normal((33, 1001), np.float32))
    gamma = to_bf16(1 + 0.1 * rng.standard_normal(1001, np.float32))
    packed = c.run('rmsnorm_quant', {'hidden': x, 'ln_w': gamma},
                   '--dtype', 'out=f8e4m3', bf16=('hidden', 'ln_w'))['out']
    scale = np.ascontiguousarray(packed[:, -4:]).view(np.float32)
    n = rms_norm(x, gamma)
    expected, expected_scale = row_quantize(n.astype(np.float32), E4M3)
    c.report('rmsnorm_quant, packed, scales',
             relative(scale, expected_scale), 6e-6)
    differ = packed[:, :-4] != expected
    c.report('rmsnorm_quant, packed, share of codes that differ',
             np.count_nonzero(differ) / differ.size, 1e-3)
    steps = np.abs(packed[:, :-4].astype(int) - expected.astype(int))
    c.report('rmsnorm_quant, packed, steps', int(steps.max()), 1)


def compare_quantize_mxfp8(c, rng):
    x = rng.standard_normal((19, 500), np.float32) * np.exp2(
        rng.integers(-20, 20, (19, 1))).astype(np.float32)
    out = c.run('quantize_mxfp8', {'src_tensor': x}, '--dtype', 'data=f8e4m3',
                '--dtype', 'scales=e8m0')
    padded = np.zeros((19, 512), np.float32)
    padded[:, :500] = x
    amax = np.abs(padded.reshape(19, 16, 32)).max(-1)
    exponent = np.floor(np.log2(amax.astype(np.float64))) - 8
    scales = np.clip(exponent + 127, 0, 254).astype(np.uint8)
    c.report('quantize_mxfp8, scales that differ',
             np.count_nonzero(out['scales'] != scales), 0)
    unit = np.exp2(scales.astype(np.float64) - 127)
    codes = E4M3.encode((padded.reshape(19, 16, 32) / unit[..., None]).reshape(
        19, 512)[:, :500])
    c.report('quantize_mxfp8, codes that differ',
             np.count_nonzero(out['data'] != codes), 0)


def compare_rope(c, rng):
    x = rng.standard_normal((2, 11, 3, 64), np.float32)
    angle = np.arange(11)[:, None] * 10000.0**(-np.arange(32) / 32)
    cos = np.cos(angle).astype(np.float32)
    sin = np.sin(angle).astype(np.float32)
    y = c.run('rope', {'x_in': x, 'cos': cos, 'sin': sin})['x_out']
    low, high = x[..., :32].astype(np.float64), x[..., 32:].astype(np.float64)
    turn, lift = cos[None, :, None].astype(float), sin[None, :, None].astype(
        float)
    expected = np.concatenate(
        [low * turn - high * lift, high * turn + low * lift], -1)
    c.report('rope, half split', float(np.max(np.abs(y - expected))), 1e-6)


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument('--binary', default='bazel-bin/tools/tilework')
    arguments = parser.parse_args()
    comparison = Comparison(arguments.binary)
    rng = np.random.default_rng(1)
    print(f'{"":48} {"error":>9}  {"bound":>9}')
    for compare in (compare_rmsnorm, compare_rmsnorm_quant,
                    compare_row_quantization, compare_quantize_mxfp8,
                    compare_rope):
        compare(comparison, rng)
    print(f'{comparison.missed} missed')
    return 1 if comparison.missed else 0


if __name__ == '__main__':
    sys.exit(main())
