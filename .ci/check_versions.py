# Copyright 2026 The tilework Authors
# SPDX-License-Identifier: Apache-2.0

"""Checks that the three lists of dependencies name the same versions."""

import re
import sys


def read(path):
    with open(path, encoding="utf-8") as file:
        return file.read()


def from_workspace():
    """{repository: version} of third_party/deps.bzl."""
    found = re.findall(
        r'"(\w+)": struct\(\s*version = "([^"]+)",\s*url = "([^"]+)"',
        read("third_party/deps.bzl"),
    )
    for repository, version, url in found:
        if version not in url:
            sys.exit(f"deps.bzl: {repository} is {version}, but its url is {url}")
    return {repository: version for repository, version, _ in found}


def from_modules():
    """{(repository, module): version} of MODULE.bazel."""
    result = {}
    for call in re.findall(r"bazel_dep\((.*?)\)", read("MODULE.bazel"), re.S):
        values = dict(re.findall(r'(\w+) = "([^"]+)"', call))
        result[values["repo_name"], values["name"]] = values["version"]
    return result


def from_distribution():
    """{(repository, module): version} of distribution_sources.txt."""
    result = {}
    for line in read("third_party/distribution_sources.txt").splitlines():
        if line and not line.startswith("#"):
            repository, module, _, version, sha256 = line.split()
            if len(sha256) != 64:
                sys.exit(f"distribution_sources.txt: no SHA-256: {sha256}")
            result[repository, module] = version
    return result


def main():
    workspace = from_workspace()
    modules = from_modules()
    distribution = from_distribution()
    if not workspace:
        sys.exit("deps.bzl: found no versions")
    if modules != distribution:
        sys.exit(f"MODULE.bazel has {modules}\nbut the distribution {distribution}")
    if workspace != {name: version for (name, _), version in modules.items()}:
        sys.exit(f"deps.bzl has {workspace}\nbut MODULE.bazel {modules}")


main()
