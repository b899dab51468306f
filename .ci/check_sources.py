# Copyright 2026 The tilework Authors
# SPDX-License-Identifier: Apache-2.0

"""Checks what every source file must have: licence, length, includes."""

import os
import re
import subprocess
import sys

LICENCE = [
    "Copyright 2026 The tilework Authors",
    "SPDX-License-Identifier: Apache-2.0",
]
# Files that have no comments, or are no sources.
WITHOUT_LICENCE = re.compile(
    r"(\.md|\.gitignore|\.bazelignore|\.bazelversion|\.clang-format|LICENSE)$"
)
MOST_LINES = 800
GENERATED = "docs/kernels.md"  # grows with the number of kernels
THIRD_PARTY = ("absl/", "benchmark/", "gmock/", "gtest/", "hwy/")

# What device code may not hold outside of common/device, where each instruction
# is a function, and why.
DEVICE_PATTERNS = (
    (r"\basm\b", "inline assembly: use or add a function of common/device"),
    (r"<<<", "<<<>>>: use Launch()"),
    (r"\b__shared__\b", "__shared__: use SharedMemory<SharedStorage>()"),
    (
        r"\bvolatile [^(]|\b__nanosleep\b|(?<!\} )\bwhile \(.*\) ?(;|\{\})$",
        "a spin loop: wait by mbarrier.h, spin.h or grid_barrier.h",
    ),
    (
        r"\b__activemask\b|\b__(shfl|shfl_up|shfl_down|shfl_xor|ballot|any|all)"
        r" ?\(",
        "lanes that happen to run together: use a mask",
    ),
    (r"#include <cuda", "a header of CUDA: use common/device/cuda.h"),
)


def check_licence(path, lines):
    """The first two lines after "#!" are the licence."""
    if lines and lines[0].startswith("#!"):
        lines = lines[1:]
    if [re.sub("^(//|#) ", "", line) for line in lines[:2]] != LICENCE:
        yield "does not begin with the two lines of the licence"


def check_length(path, lines):
    if str(path) != GENERATED and len(lines) > MOST_LINES:
        yield f"has {len(lines)} lines, more than {MOST_LINES}: split it"


def check_includes(path, lines):
    """Own headers are included as "tilework/<path>" and exist."""
    for number, line in enumerate(lines, 1):
        match = re.match(
            r'\s*#\s*(?:include|define HWY_TARGET_INCLUDE)\s+"([^"]*)"', line
        )
        if not match or match[1].startswith(THIRD_PARTY):
            continue
        own = match[1].removeprefix("tilework/")
        if own == match[1]:
            yield f'line {number}: "{own}" is not "tilework/..."'
        elif not os.path.exists(own):
            yield f"line {number}: there is no {own}"


def is_device_code(path, lines):
    if path.startswith("common/device/"):
        return False
    # The emulator itself, and the faults that it must find.
    if os.path.dirname(path) == "testing/emulator":
        return False
    return path.endswith(".cu.cc") or any(
        line == '#include "tilework/common/device/cuda.h"' for line in lines
    )


def check_device_code(path, lines):
    """Device code is plain CUDA C++ that the emulator runs too."""
    if not is_device_code(path, lines):
        return
    for number, line in enumerate(lines, 1):
        code = re.sub(r'"(\\.|[^"\\])*"', '""', line)
        code = code.split("//")[0].rstrip()
        for pattern, problem in DEVICE_PATTERNS:
            if re.search(pattern, code):
                yield f"line {number}: {problem}"


def check_guard(path, lines):
    """A header's guard is called after its path."""
    guard = re.sub(r"[^A-Z0-9]", "_", f"tilework/{path}_".upper())
    if not any(guard in line.split() or f"({guard})" in line for line in lines):
        yield f"has no include guard {guard}"


def problems(path):
    with open(path, encoding="utf-8") as file:
        lines = file.read().splitlines()
    checks = [check_length]
    if not WITHOUT_LICENCE.search(path):
        checks.append(check_licence)
    if path.endswith((".h", ".cc")):
        checks += [check_includes, check_device_code]
    if path.endswith(".h"):
        checks.append(check_guard)
    for check in checks:
        yield from check(path, lines)


def main():
    files = subprocess.check_output(["git", "ls-files", "-z"], text=True)
    count = 0
    for path in filter(None, files.split("\0")):
        if not os.path.isfile(path):
            continue  # Deleted, but not yet in a commit.
        for problem in problems(path):
            print(f"{path}: {problem}")
            count += 1
    return count > 0


sys.exit(main())
