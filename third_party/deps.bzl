# Copyright 2026 The tilework Authors
# SPDX-License-Identifier: Apache-2.0

"""The dependencies of tilework for WORKSPACE users.

Declare your own versions first, then call tilework_deps(): what exists wins.
"""

load("@bazel_tools//tools/build_defs/repo:http.bzl", "http_archive")
load("@bazel_tools//tools/build_defs/repo:utils.bzl", "maybe")
load("//third_party/cuda:repository.bzl", "cuda_repository")

_GITHUB = "https://github.com/"

# What tilework itself uses. The versions are those of MODULE.bazel and of
# distribution_sources.txt; .ci/run compares the three.
_LIBRARIES = {
    "com_google_absl": struct(
        version = "20240722.0",
        url = "abseil/abseil-cpp/releases/download/20240722.0/abseil-cpp-20240722.0.tar.gz",
        sha256 = "f50e5ac311a81382da7fa75b97310e4b9006474f9560ac46f54a9967f07d4ae3",
        strip_prefix = "abseil-cpp-20240722.0",
        build_file = None,
    ),
    "com_google_benchmark": struct(
        version = "1.9.1",
        url = "google/benchmark/archive/refs/tags/v1.9.1.tar.gz",
        sha256 = "32131c08ee31eeff2c8968d7e874f3cb648034377dfc32a4c377fa8796d84981",
        strip_prefix = "benchmark-1.9.1",
        build_file = Label("//third_party:benchmark.BUILD"),
    ),
    "com_google_googletest": struct(
        version = "1.16.0",
        url = "google/googletest/releases/download/v1.16.0/googletest-1.16.0.tar.gz",
        sha256 = "78c676fc63881529bf97bf9d45948d905a66833fbfa5318ea2cd7478cb98f399",
        strip_prefix = "googletest-1.16.0",
        build_file = Label("//third_party:googletest.BUILD"),
    ),
    "com_google_highway": struct(
        version = "1.2.0",
        url = "google/highway/archive/refs/tags/1.2.0.tar.gz",
        sha256 = "7e0be78b8318e8bdbf6fa545d2ecb4c90f947df03f7aadc42c1967f019e63343",
        strip_prefix = "highway-1.2.0",
        build_file = None,
    ),
}

# What the BUILD files of those libraries load.
_RULES = {
    "bazel_skylib": struct(
        url = "bazelbuild/bazel-skylib/releases/download/1.5.0/bazel-skylib-1.5.0.tar.gz",
        sha256 = "cd55a062e763b9349921f0f5db8c3933288dc8ba4f76dd9416aac68acee3cb94",
        strip_prefix = "",
    ),
    "platforms": struct(
        url = "bazelbuild/platforms/releases/download/0.0.10/platforms-0.0.10.tar.gz",
        sha256 = "218efe8ee736d26a3572663b374a253c012b716d8af0c07e842e82f238a0a7ee",
        strip_prefix = "",
    ),
    "rules_cc": struct(
        url = "bazelbuild/rules_cc/releases/download/0.0.9/rules_cc-0.0.9.tar.gz",
        sha256 = "2037875b9a4456dce4a79d112a8ae885bbc4aad968e6587dca6e64f3a0900cdf",
        strip_prefix = "rules_cc-0.0.9",
    ),
    "rules_license": struct(
        url = "bazelbuild/rules_license/releases/download/0.0.7/rules_license-0.0.7.tar.gz",
        sha256 = "4531deccb913639c30e5c7512a054d5d875698daeb75d8cf90f284375fe7c360",
        strip_prefix = "",
    ),
}

# Other names that the libraries' own BUILD files use for each other.
_NAMES_ELSEWHERE = {
    "@abseil-cpp": "@com_google_absl",
    "@com_github_google_benchmark": "@com_google_benchmark",
    "@google_benchmark": "@com_google_benchmark",
    "@googletest": "@com_google_googletest",
}

def tilework_deps():
    """Declares every repository that tilework needs and that is missing."""
    maybe(cuda_repository, name = "tilework_cuda")
    for name, library in _LIBRARIES.items():
        maybe(
            http_archive,
            name = name,
            build_file = library.build_file,
            repo_mapping = _NAMES_ELSEWHERE,
            sha256 = library.sha256,
            strip_prefix = library.strip_prefix,
            urls = [_GITHUB + library.url],
        )
    for name, rules in _RULES.items():
        maybe(
            http_archive,
            name = name,
            sha256 = rules.sha256,
            strip_prefix = rules.strip_prefix,
            urls = [_GITHUB + rules.url],
        )
