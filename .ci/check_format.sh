#!/usr/bin/env bash
# Copyright 2026 The tilework Authors
# SPDX-License-Identifier: Apache-2.0
#
# Checks that the C++ sources are formatted as clang-format 14 does it.
# With --fix it formats them.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

# Other versions differ in details.
is_version_14() {
  "$1" --version 2>/dev/null | grep -q 'clang-format version 14\.'
}

find_clang_format() {
  for clang_format in clang-format-14 clang-format; do
    is_version_14 "${clang_format}" && return
  done
  return 1
}

if ! find_clang_format; then
  echo "installing clang-format-14"
  root=()
  ((EUID == 0)) || root=(sudo)
  {
    "${root[@]}" apt-get -qq update
    "${root[@]}" apt-get -qq -y --no-install-recommends install clang-format-14
  } >/dev/null
  find_clang_format
fi

mode=(--dry-run --Werror)
[[ "${1:-}" != --fix ]] || mode=(-i)
git ls-files -z '*.h' '*.cc' '*.inc' |
  xargs -0 "${clang_format}" "${mode[@]}"
