#!/usr/bin/env bash
# Copyright 2026 The tilework Authors
# SPDX-License-Identifier: Apache-2.0
#
# Runs all tests of device code on this machine's GPU, checks every kernel
# against its oracle, and measures them:
#   ./run.sh [--out FOLDER] [--only TEXT] [--sanitize TOOL] [--no_bench]
#
# It prints a table. FOLDER (default: results) gets results.json, bench.json and
# what each program said. --only runs the tests whose names have TEXT in them.
# --sanitize runs them under compute-sanitizer: memcheck, racecheck, synccheck
# or initcheck. The exit code is 0 if all passed, and 1 otherwise: also where
# tests were skipped because there is no GPU.
set -uo pipefail

usage() {
  sed -n '5,14s/^# \{0,1\}//p' "$0" >&2
  exit 2
}

here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd -P)"
out="results" only="" sanitizer=() bench=true
while (($#)); do
  case "$1" in
    --out | --only | --sanitize) (($# >= 2)) || usage ;;&
    --out) out="$2" && shift 2 ;;
    --only) only="$2" && shift 2 ;;
    --sanitize)
      sanitizer=(compute-sanitizer --tool "$2" --error-exitcode 9)
      bench=false
      shift 2
      ;;
    --no_bench) bench=false && shift ;;
    *) usage ;;
  esac
done
readonly here out only sanitizer bench
readonly seconds_each=1800

mkdir -p "${out}" || exit 2
rows=()
failed=0

# number FILE TEXT: of GoogleTest's line "[  TEXT  ] 12 tests".
number() {
  local line
  line="$(grep -m 1 -E "^\[ +$2 +\] [0-9]+ tests?" "$1")" || line="0"
  grep -o -m 1 -E '[0-9]+' <<<"${line}" | head -n 1
}

# A text as a string of JSON.
quoted() {
  local text="${1//\\/\\\\}"
  printf '"%s"' "${text//\"/\\\"}"
}

# run NAME COMMAND...: one row of the table.
run() {
  local name="$1" log start seconds status verdict passed skipped broken
  shift
  log="${out}/${name//\//_}.log"
  start="$(date +%s%N)"
  timeout "${seconds_each}" "$@" >"${log}" 2>&1
  status=$?
  seconds="$((($(date +%s%N) - start) / 1000000))"
  seconds="$((seconds / 1000)).$(printf '%03d' $((seconds % 1000)))"
  passed="$(number "${log}" PASSED)"
  skipped="$(number "${log}" SKIPPED)"
  broken="$(number "${log}" FAILED)"
  verdict=passed
  if ((status == 124)); then
    verdict="timed out"
  elif ((status != 0)); then
    verdict=FAILED
  elif grep -q -m 1 -i 'no CUDA device' "${log}"; then
    verdict="no GPU"
  elif ((passed == 0 && skipped > 0)); then
    verdict=skipped
  fi
  [[ "${verdict}" == passed || "${verdict}" == skipped ]] || ((++failed))
  printf '%-52s %-9s %6d %7d %6d %9s s\n' \
    "${name}" "${verdict}" "${passed}" "${skipped}" "${broken}" "${seconds}"
  rows+=("$(printf '{"name": %s, "verdict": "%s", "exit_code": %d, ' \
    "$(quoted "${name}")" "${verdict}" "${status}")$(printf \
    '"passed": %d, "skipped": %d, "failed": %d, "seconds": %s}' \
    "${passed}" "${skipped}" "${broken}" "${seconds}")")
}

machine="$(nvidia-smi --query-gpu=name,driver_version --format=csv,noheader \
  2>/dev/null | head -n 1)" || machine=""
echo "GPU: ${machine:-unknown: there is no nvidia-smi}"
printf '%-52s %-9s %6s %7s %6s %9s\n' test verdict passed skipped failed time

while read -r program; do
  name="${program#"${here}/tests/"}"
  [[ "${name}" == *"${only}"* ]] || continue
  run "${name}" "${sanitizer[@]}" "${program}" --gtest_brief=0
done < <(find "${here}/tests" -type f | sort)
if [[ -z "${only}" ]]; then
  run "tilework check" \
    "${sanitizer[@]}" "${here}/tilework" check --context device
fi
if "${bench}" && [[ -z "${only}" ]]; then
  run "tilework bench" "${here}/tilework" bench --context device \
    --json "${out}/bench.json"
  echo
  cat "${out}/tilework bench.log"
fi

{
  printf '{"gpu": %s,\n "failed": %d,\n "tests": [' \
    "$(quoted "${machine}")" "${failed}"
  separator=""
  for row in "${rows[@]}"; do
    printf '%s\n  %s' "${separator}" "${row}"
    separator=","
  done
  printf '\n]}\n'
} >"${out}/results.json"

echo
echo "${#rows[@]} run, ${failed} failed; see ${out}/results.json"
((${#rows[@]} > 0 && failed == 0))
