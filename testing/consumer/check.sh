#!/usr/bin/env bash
# Copyright 2026 The tilework Authors
# SPDX-License-Identifier: Apache-2.0
#
# Builds and runs the program of this folder as somebody else would who vendors
# tilework: in a workspace of its own, with its own Abseil and Highway, which
# differ from tilework's so that the program can tell.
set -euo pipefail

folder="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd -P)"
root="$(cd "${folder}/../.." && pwd -P)"
cache="${HOME:=/root}/.cache/tilework"
export TILEWORK_DEPS=distribution
# Benchmark is not needed, and Bazel takes no overrides of unknown modules.
export TILEWORK_OWN="com_google_absl com_google_highway com_google_benchmark"

work="$(mktemp -d)"
workspace="${work}/workspace"
bazel() { "${root}/bazelw" "--output_base=${work}/bazel" "$@"; }
clean_up() {
  bazel shutdown
  chmod -R u+w "${work}"
  rm -rf "${work}"
}
trap clean_up EXIT

# own NAME ARCHIVE: unpacks one of the archives that bazelw has downloaded.
own() {
  mkdir "${workspace}/third_party/$1"
  tar -xzf "${cache}/archives/$2"-*.tar.gz --strip-components=1 \
    -C "${workspace}/third_party/$1"
}

mkdir -p "${workspace}/third_party"
cp "${folder}"/{.bazelrc,BUILD,MODULE.bazel,WORKSPACE*,*.cc} "${workspace}"
cd "${workspace}"
bazel info release >/dev/null
ln -s "${root}" third_party/tilework
own abseil-cpp abseil
own highway highway
sed -i 's/INLINE_NAMESPACE_NAME lts_.*/INLINE_NAMESPACE_NAME consumer/' \
  third_party/abseil-cpp/absl/base/options.h
sed -i 's/define HWY_PATCH .*/define HWY_PATCH 77/' \
  third_party/highway/hwy/base.h
# Highway 1.2.0 forgets it; the modules' registry adds it too.
echo 'bazel_dep(name = "platforms", version = "0.0.10")' \
  >>third_party/highway/MODULE.bazel
bazel test "--disk_cache=${cache}/bazel-disk" //:all
