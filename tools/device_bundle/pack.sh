#!/usr/bin/env bash
# Copyright 2026 The tilework Authors
# SPDX-License-Identifier: Apache-2.0
#
# pack.sh ARCHIVE FOLDER STRIP [NAME FILE]...: an archive with one folder, which
# has each file by its name, programs without their symbols.
set -euo pipefail

archive="$1" folder="$2" strip="$3"
shift 3

work="$(mktemp -d)"
trap 'rm -rf "${work}"' EXIT
while (($#)); do
  target="${work}/${folder}/$1"
  mkdir -p "$(dirname "${target}")"
  # Scripts have no symbols.
  "${strip}" -o "${target}" "$2" 2>/dev/null || cp -L "$2" "${target}"
  chmod 755 "${target}"
  shift 2
done
tar --sort=name --owner=0 --group=0 --mtime=@0 -C "${work}" -cf - "${folder}" |
  gzip -9n >"${archive}"

most=$((60 << 20))
size="$(stat -c %s "${archive}")"
if ((size > most)); then
  echo "device_bundle: ${size} bytes, where ${most} are the most" >&2
  exit 1
fi
