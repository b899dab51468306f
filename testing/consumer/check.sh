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
export TILEWORK_OWN="com_google_absl com_google_highway"

work="$(mktemp -d)"
bazel() { "${root}/bazelw" "--output_base=${work}/bazel" "$@"; }
clean_up() {
  bazel shutdown
  chmod -R u+w "${work}"
  rm -rf "${work}"
}
trap clean_up EXIT

# own NAME ARCHIVE: unpacks a library that bazelw has downloaded.
own() {
  mkdir "${work}/third_party/$1"
  tar -xzf "${cache}/archives/"$2-*.tar.gz -C "${work}/third_party/$1" \
    --strip-components=1
}

"${root}/bazelw" help >/dev/null
cp "${folder}"/{.bazelrc,BUILD,MODULE.bazel,WORKSPACE*,*.cc} "${work}"
mkdir "${work}/third_party"
ln -s "${root}" "${work}/third_party/tilework"
own abseil-cpp abseil
own highway highway

cd "${work}/third_party"
sed -i 's/INLINE_NAMESPACE_NAME lts_.*/INLINE_NAMESPACE_NAME consumer/' \
  abseil-cpp/absl/base/options.h
sed -i 's/define HWY_PATCH .*/define HWY_PATCH 77/' highway/hwy/base.h
# Highway 1.2.0 forgets it; the modules' registry adds it too.
echo 'bazel_dep(name = "platforms", version = "0.0.10")' >>highway/MODULE.bazel

cd "${work}"
bazel test "--disk_cache=${cache}/bazel-disk" //...
