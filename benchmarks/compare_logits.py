#!/usr/bin/env python3
# Copyright 2026 The tilework Authors
# SPDX-License-Identifier: Apache-2.0
"""Compares examples/generate with an independent implementation.

The reference is NumPy in float64 on the weights that the package gguf reads and
dequantizes. For prompts of 1 to 200 tokens, each continued by 64 tokens, it
prints the relative Frobenius error of the logits, for the prompt (one pass) and
for the generated tokens (step by step), and checks that with f32 the program
has chosen the reference's best token at each step. Exit code 1 if a bound is
missed.

    pip install numpy gguf
    bazel build //examples/generate
    benchmarks/compare_logits.py
"""

import argparse
import json
import os
import pathlib
import subprocess
import sys
import tempfile

import gguf
import numpy as np

# Of (--weights, --kv-dtype): weights, and attention heads and caches.
BOUNDS = {
    ('bf16', 'bf16'): 1e-2,
    ('bf16', 'f16'): 1e-2,
    ('f16', 'f16'): 1e-2,
    ('f32', 'f32'): 1e-4,
}
NEW_TOKENS = 64
PROMPTS = [
    'The',
    'The capital of France is',
    'def fibonacci(n):\n    if n < 2:\n',
    'Once upon a time there was a little girl who lived in a small village '
    'near the forest. Every morning she walked to the well to fetch water for '
    'her grandmother, and every evening she sat by the fire and listened to '
    'stories about dragons, knights and far away kingdoms.',
    'Bread is made from flour, water, salt and yeast. The yeast eats the sugar '
    'in the flour and gives off a gas, which the dough holds in many small '
    'bubbles: this is why the dough rises. A baker kneads the dough so that it '
    'becomes strong enough to hold the gas, then lets it rest in a warm place '
    'for an hour or two. When it has doubled in size, it is shaped into a '
    'loaf, rests once more, and goes into a hot oven. In the first minutes the '
    'gas expands and the loaf grows quickly; then the crust becomes hard and '
    'brown, and the inside sets. A loaf is done when it sounds hollow if you '
    'knock on its bottom. It should cool for at least half an hour before it '
    'is cut, although few people have the patience to wait for so long, since '
    'nothing smells as good as fresh bread. The oldest loaf',
]


class Reference:
    """A Llama-architecture model in float64."""

    def __init__(self, path):
        reader = gguf.GGUFReader(path)

        def field(name):
            return reader.fields[name].contents()

        self.layers = field('llama.block_count')
        self.heads = field('llama.attention.head_count')
        self.kv_heads = field('llama.attention.head_count_kv')
        self.dim = field('llama.embedding_length') // self.heads
        self.eps = float(field('llama.attention.layer_norm_rms_epsilon'))
        self.base = float(field('llama.rope.freq_base'))
        self.weights = {
            t.name: gguf.dequantize(t.data, t.tensor_type).astype(np.float64)
            for t in reader.tensors
        }

    def rms(self, x, name):
        mean = (x * x).mean(-1, keepdims=True)
        return x / np.sqrt(mean + self.eps) * self.weights[name]

    def logits(self, tokens):
        weights = self.weights
        cos, sin = self.tables(len(tokens))
        x = weights['token_embd.weight'][tokens]
        for i in range(self.layers):
            p = f'blk.{i}.'
            a = self.rms(x, p + 'attn_norm.weight')
            q, k, v = (self.split(a @ weights[f'{p}attn_{c}.weight'].T)
                       for c in 'qkv')
            out = self.attention(rotate(q, cos, sin), rotate(k, cos, sin), v)
            x = x + out @ weights[p + 'attn_output.weight'].T
            a = self.rms(x, p + 'ffn_norm.weight')
            gate = a @ weights[p + 'ffn_gate.weight'].T
            up = a @ weights[p + 'ffn_up.weight'].T
            x = x + (gate / (1 + np.exp(-gate)) * up) @ weights[
                p + 'ffn_down.weight'].T
        head = weights.get('output.weight', weights['token_embd.weight'])
        return self.rms(x, 'output_norm.weight') @ head.T

    def tables(self, count):
        # The angles are f32, as the model was trained with.
        powers = -np.arange(0, self.dim, 2) / self.dim
        frequencies = (self.base**powers).astype(np.float32)
        positions = np.arange(count, dtype=np.float32)
        angles = (positions[:, None] * frequencies).astype(np.float64)
        return np.cos(angles), np.sin(angles)

    def split(self, x):
        """[tokens, heads * dim] to [heads, tokens, dim]."""
        return x.reshape(len(x), -1, self.dim).transpose(1, 0, 2)

    def attention(self, q, k, v):
        group = self.heads // self.kv_heads
        count = q.shape[1]
        mask = np.triu(np.full((count, count), -np.inf), 1)
        out = np.empty((count, self.heads, self.dim))
        for h in range(self.heads):
            scores = q[h] @ k[h // group].T / np.sqrt(self.dim) + mask
            p = np.exp(scores - scores.max(-1, keepdims=True))
            out[:, h] = p @ v[h // group] / p.sum(-1, keepdims=True)
        return out.reshape(count, -1)


def rotate(x, cos, sin):
    """RoPE of neighbouring pairs, for which GGUF files store Q and K."""
    y = np.empty_like(x)
    y[..., 0::2] = x[..., 0::2] * cos - x[..., 1::2] * sin
    y[..., 1::2] = x[..., 1::2] * cos + x[..., 0::2] * sin
    return y


def read_safetensors(path):
    data = pathlib.Path(path).read_bytes()
    length = int.from_bytes(data[:8], 'little')
    types = {'F32': np.float32, 'I32': np.int32}
    return {
        name: np.frombuffer(data[8 + length:][slice(*t['data_offsets'])],
                            types[t['dtype']]).reshape(t['shape'])
        for name, t in json.loads(data[8:8 + length]).items()
        if name != '__metadata__'
    }


def generate(args, prompt, dtypes, new_tokens):
    """Tokens and logits of all positions."""
    with tempfile.TemporaryDirectory() as folder:
        dump = os.path.join(folder, 'dump.safetensors')
        subprocess.run([
            args.binary, f'--prompt={prompt}', f'--tokens={new_tokens}',
            f'--weights={dtypes[0]}', f'--kv-dtype={dtypes[1]}',
            f'--model={args.model}', f'--dump-logits={dump}'
        ], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        tensors = read_safetensors(dump)
        return tensors['tokens'], tensors['logits'].astype(np.float64)


def error(actual, expected):
    return np.linalg.norm(actual - expected) / np.linalg.norm(expected)


def main():
    home = pathlib.Path(os.environ.get('XDG_CACHE_HOME') or '~/.cache')
    parser = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    parser.add_argument('--binary',
                        default='bazel-bin/examples/generate/generate')
    parser.add_argument(
        '--model',
        default=(home / 'tilework/models/SmolLM2-135M-Instruct.Q4_1.gguf'
                 ).expanduser())
    args = parser.parse_args()
    reference = Reference(args.model)
    missed = 0
    for dtypes, bound in BOUNDS.items():
        for prompt in PROMPTS:
            length = len(generate(args, prompt, dtypes, 0)[0])
            tokens, logits = generate(args, prompt, dtypes, NEW_TOKENS)
            expected = reference.logits(tokens)
            errors = (error(logits[:length], expected[:length]),
                      error(logits[length:], expected[length:]))
            best = expected[length - 1:-1].argmax(-1)
            same = int((best == tokens[length:]).sum())
            count = len(tokens) - length
            exact = 'f32' not in dtypes or same == count
            ok = max(errors) <= bound and exact
            missed += not ok
            print(f'weights {dtypes[0]}, heads {dtypes[1]}, {length} tokens: '
                  f'error {errors[0]:.1e}, of {count} generated '
                  f'{errors[1]:.1e}; {same} of {count} tokens are the best'
                  f'{"" if ok else ": MISSED"}')
    print(f'{missed} missed')
    return 1 if missed else 0


if __name__ == '__main__':
    sys.exit(main())
