# Copyright 2026 The tilework Authors
# SPDX-License-Identifier: Apache-2.0

"""Checks the documentation against the tree.

Every path and target that it names exists, every kernel is in the tables, which
say what the tree has of it, the code that README.md shows for dependants is that of testing/consumer, and its
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
    """Yields (package, name)."""
    for path in paths:
        if os.path.basename(path) == "BUILD":
            for name in re.findall(r'tilework_kernel\(\s*name = "(\w+)"', read(path)):
                yield os.path.dirname(path), name


def has_device_part(package, kernel):
    return os.path.exists(f"{package}/{kernel}_device.cu.cc")


def table_rows(text):
    """Yields the cells of each row of each table."""
    for line in text.splitlines():
        if line.startswith("| "):
            yield [cell.strip() for cell in line.strip("|").split("|")]


def wrong_status(text, all_kernels):
    """Yields the rows that docs/status.md should have but does not."""
    rows = {row[0]: row for row in table_rows(text)}
    for package, kernel in all_kernels:
        device = has_device_part(package, kernel)
        bench = os.path.exists(f"{package}/{kernel}_benchmark.cc")
        measured = rows.get(kernel, [""])[-1] if device else "not measured"
        row = [
            kernel,
            f"`{package}/{kernel}.h`",
            "yes",
            "yes" if device else "no",
            "all targets, emulated" if device else "all targets",
            "yes" if bench else "no",
            measured,
        ]
        if rows.get(kernel) != row:
            yield f"| {' | '.join(row)} |"


def wrong_overview(text, all_kernels):
    """Yields what is wrong with README.md's table of kernels."""
    packages = {name: package for package, name in all_kernels}
    missing = set(packages)
    for row in table_rows(text):
        names = re.findall(r"`(\w+)`", row[0])
        if not names or not set(names) <= set(packages):
            continue
        missing -= set(names)
        parts = [has_device_part(packages[name], name) for name in names]
        device = "yes" if all(parts) else "some" if any(parts) else "no"
        if row[-1] != device:
            yield f"the device column of {row[0]} should be: {device}"
    for kernel in sorted(missing):
        yield f"there is no row with `{kernel}`"


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
    all_kernels = list(kernels(tracked))
    for row in wrong_status(read("docs/status.md"), all_kernels):
        problems.append(f"docs/status.md lacks the row {row}")
    for problem in wrong_overview(readme, all_kernels):
        problems.append(f"README.md: {problem}")
    for code in foreign_code(readme):
        problems.append(f"README.md: not in {CONSUMER}:\n{code}")
    if TEST_COMMAND not in readme or TEST_COMMAND not in read(".ci/run"):
        problems.append(f"README.md and .ci/run do not both say {TEST_COMMAND}")
    print("".join(problem + "\n" for problem in problems), end="")
    return len(problems) > 0


sys.exit(main())
