#!/usr/bin/env bash
# Copyright 2026 The tilework Authors
# SPDX-License-Identifier: Apache-2.0
#
# compile.sh REPORT SLOW NVCC FLAG...: compiles, keeps what ptxas says of each
# kernel in the file REPORT, and fails where one uses local memory or lets wgmma
# wait for one another whose name does not match SLOW.
set -euo pipefail

report="$1" slow="$2"
shift 2

# nvcc wants a folder for its temporary files, and a home.
folder="$(mktemp -d)"
trap 'rm -rf "${folder}"' EXIT
status=0
TMPDIR="${folder}" HOME="${folder}" "$@" >"${report}" 2>&1 || status=$?
if ((status != 0)); then
  cat "${report}" >&2
  exit "${status}"
fi
grep -v '^ptxas info\|bytes stack frame\|^$' "${report}" >&2 || true

if grep 'Potential Performance Loss' "${report}" | grep -v -E "${slow:-^$}" >&2
then
  exit 1
fi

# "ptxas info : Function properties for NAME" comes before
# "    0 bytes stack frame, 0 bytes spill stores, 0 bytes spill loads".
awk -v allowed="${slow}" '
  /Function properties for/ { name = $NF }
  /bytes stack frame/ && ($1 + $5 + $9) > 0 {
    if (allowed != "" && name ~ allowed) next
    print "error: " name " uses local memory:" $0 | "cat >&2"
    failed = 1
  }
  END { exit failed }
' "${report}"
