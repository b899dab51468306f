# Copyright 2026 The tilework Authors
# SPDX-License-Identifier: Apache-2.0

"""Finds a CUDA toolkit on this machine.

The repository @tilework_cuda always exists, so that builds without CUDA need
nothing; only targets built with --config=cuda fail where there is no toolkit.
"""

_TOOLKIT = """\
# The folder of the toolkit, "" if there is none, and its version.
CUDA_HOME = "{home}"
CUDA_VERSION = "{version}"
"""

_BUILD = """\
cc_library(
    name = "cudart",
    srcs = glob(["libcudart_static.a"], allow_empty = True),
    linkopts = ["-ldl", "-lpthread", "-lrt"],
    visibility = ["//visibility:public"],
)
"""

def _version(repository_ctx, home):
    result = repository_ctx.execute([home + "/bin/nvcc", "--version"])
    for word in result.stdout.replace(",", " ").split(" "):
        if word.startswith("V"):
            return word.strip()[1:].split("\n")[0]
    return ""

def _cudart(repository_ctx, home):
    for folder in ["lib64", "lib", "targets/x86_64-linux/lib"]:
        path = repository_ctx.path(
            "%s/%s/libcudart_static.a" % (home, folder),
        )
        if path.exists:
            return path
    return None

def _cuda_repository_impl(repository_ctx):
    home = repository_ctx.os.environ.get("CUDA_HOME") or "/usr/local/cuda"
    cudart = _cudart(repository_ctx, home)
    version = ""
    if cudart and repository_ctx.path(home + "/bin/nvcc").exists:
        version = _version(repository_ctx, home)
        repository_ctx.symlink(cudart, "libcudart_static.a")
    else:
        home = ""
    repository_ctx.file("BUILD", _BUILD)
    repository_ctx.file(
        "toolkit.bzl",
        _TOOLKIT.format(home = home, version = version),
    )

cuda_repository = repository_rule(
    implementation = _cuda_repository_impl,
    configure = True,
    environ = ["CUDA_HOME"],
    local = True,
)
