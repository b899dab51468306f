# Copyright 2026 The tilework Authors
# SPDX-License-Identifier: Apache-2.0

"""@tilework_cuda for MODULE.bazel."""

load("//third_party/cuda:repository.bzl", "cuda_repository")

def _cuda_impl(_module_ctx):
    cuda_repository(name = "tilework_cuda")

cuda = module_extension(implementation = _cuda_impl)
