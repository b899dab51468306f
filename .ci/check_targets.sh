#!/usr/bin/env bash
# Copyright 2026 The tilework Authors
# SPDX-License-Identifier: Apache-2.0
#
# Checks the dependencies between targets: arrows point down only, what users
# link holds no test library, every C++ file belongs to a target, and every test
# for the GPU to the device bundle.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

query() { ./bazelw query --noshow_progress "$@" 2>/dev/null; }

# All targets of the folders that have any.
targets() {
  local folder result=""
  for folder in "$@"; do
    [[ -z "$(git ls-files "${folder}/*BUILD")" ]] ||
      result+="${result:+ + }//${folder}/..."
  done
  printf '%s' "${result:-set()}"
}

# no_path WHY FROM TO: no target of FROM depends on one of TO.
no_path() {
  local path
  path="$(query "somepath($2, $3)")" || { echo "cannot query: $2 -> $3"; exit 1; }
  [[ -z "${path}" ]] || { printf '%s:\n%s\n' "$1" "${path}"; status=1; }
}

status=0
libraries="kind(cc_library, $(targets common subkernels kernels experimental))"
no_path "a library needs a test library" \
  "${libraries} - attr(testonly, 1, ${libraries})" \
  "@com_google_googletest//:all + @com_google_benchmark//:all"

# Each folder may use those after it.
order=("examples tools benchmarks" experimental kernels subkernels common)
above=""
for folders in "${order[@]}"; do
  # shellcheck disable=SC2086  # Several folders.
  [[ -z "${above}" ]] || no_path "an arrow points up" \
    "$(targets ${folders})" "$(targets ${above})"
  above+=" ${folders}"
done

used="$(query 'kind("source file", deps(//...))')" ||
  { echo "cannot query: //..."; exit 1; }
unused="$(comm -23 \
  <(git ls-files '*.cc' '*.h' | grep -v '^testing/consumer/' | sort) \
  <(sed -n 's|^//||p' <<<"${used}" | tr : / | sort))"
[[ -z "${unused}" ]] ||
  { printf 'in no target:\n%s\n' "${unused}"; status=1; }

suites='tests(labels(suites, //tools:device_bundle))'
unpacked="$(query "filter('_device_test$', tests(//...)) +
  attr(tags, '[^-]\bdevice\b', tests(//...)) except
  attr(tags, '\bemulator\b', tests(//...)) except ${suites}")" ||
  { echo "cannot query: ${suites}"; exit 1; }
[[ -z "${unpacked}" ]] ||
  { printf 'not in //tools:device_bundle:
%s
' "${unpacked}"; status=1; }
exit "${status}"
