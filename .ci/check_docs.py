# Copyright 2026 The tilework Authors
# SPDX-License-Identifier: Apache-2.0

"""Checks the documentation against the tree.

Every path and target that it names exists, every kernel is in the tables, the
code that README.md shows for dependants is that of testing/consumer, and its
test command is what CI runs.
"""

import glob
import os
import re
import subprocess
import sys

CONSUMER = "testing/consumer"
TEST_COMMAND = "./bazelw test //..."


def read(path):
    with open(path, encoding="utf-8") as file:
        return file.read()


def missing_names(text, folder, folders):
    """Yields the names in a document that do not exist."""
    for link in re.findall(r"\]\(([^)#]+)[^)]*\)", text):
        if "://" not in link and not os.path.exists(os.path.join(folder, link)):
            yield link
    for name in re.findall(r"`([^`\s]+)`", text):
        package, _, target = name.removeprefix("//").partition(":")
        if package.split("/")[0] not in folders or re.search(r"[*<{]|\.\.\.", name):
            continue
        if not os.path.exists(package):
            yield name
        elif name.startswith("//"):
            target = target or os.path.basename(package)
            if f'"{target}"' not in read(f"{package}/BUILD"):
                yield name


def kernels(paths):
    for path in paths:
        if os.path.basename(path) == "BUILD":
            yield from re.findall(r'tilework_kernel\(\s*name = "(\w+)"', read(path))


def foreign_code(text):
    """Yields code for dependants that is not in the consumer workspace."""
    known = [
        read(f"{CONSUMER}/{name}")
        for name in os.listdir(CONSUMER)
        if os.path.isfile(f"{CONSUMER}/{name}")
    ]
    for code in re.findall(r"```(?:starlark|cpp)\n(.*?)```", text, re.S):
        if not any(code in other for other in known):
            yield code


def main():
    tracked = subprocess.check_output(["git", "ls-files"], text=True).split()
    folders = {path.split("/")[0] for path in tracked if "/" in path}
    folders.remove("third_party")  # Dependants have one too.
    problems = []
    for path in ["README.md", *sorted(glob.glob("docs/*.md"))]:
        for name in missing_names(read(path), os.path.dirname(path), folders):
            problems.append(f"{path}: there is no {name}")
    readme = read("README.md")
    for kernel in kernels(tracked):
        if f"`{kernel}`" not in readme or f"| {kernel} |" not in read("docs/status.md"):
            problems.append(f"README.md or docs/status.md lacks the kernel {kernel}")
    for code in foreign_code(readme):
        problems.append(f"README.md: not in {CONSUMER}:\n{code}")
    if TEST_COMMAND not in readme or TEST_COMMAND not in read(".ci/run"):
        problems.append(f"README.md and .ci/run do not both say {TEST_COMMAND}")
    print("".join(problem + "\n" for problem in problems), end="")
    return len(problems) > 0


sys.exit(main())
