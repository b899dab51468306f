#!/usr/bin/env bash
# Copyright 2026 The tilework Authors
# SPDX-License-Identifier: Apache-2.0
#
# Builds and tests the tree with Bazel 7 and GCC 14, once by WORKSPACE and once
# by MODULE.bazel, where nothing but Debian's packages can be reached:
#   tools/check_bazel7.sh [TARGET...]       (default: //...)
#
# It makes a small system of Debian's unstable suite, which has both, in a
# folder (TILEWORK_SID, default ~/.cache/tilework/sid), and keeps it for the
# next time; delete it to get newer packages. Needs root, or asks sudo.
set -euo pipefail

root="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)"
sid="${TILEWORK_SID:-${HOME}/.cache/tilework/sid}"

say() { printf 'check_bazel7: %s\n' "$*" >&2; }

# Runs a command in the system, with the tree at /tilework. All mounts are gone
# when it and what it started have ended.
# shellcheck disable=SC2016  # The inner shell expands its own parameters.
inside() {
  unshare --mount bash -euc '
    sid="$1" root="$2"
    shift 2
    for folder in proc dev sys; do
      mount --rbind "/${folder}" "${sid}/${folder}"
    done
    mkdir -p "${sid}/tilework"
    mount --bind "${root}" "${sid}/tilework"
    exec chroot "${sid}" env -i HOME=/root PATH=/usr/sbin:/usr/bin:/sbin:/bin \
      CC=gcc-14 LANG=C.UTF-8 DEBIAN_FRONTEND=noninteractive "$@"
  ' inside "${sid}" "${root}" "$@"
}

make_system() {
  if ! command -v debootstrap >/dev/null; then
    say "installing debootstrap"
    apt-get -qq update
    apt-get -qq -y install debootstrap >/dev/null
  fi
  say "making a Debian unstable in ${sid}"
  rm -rf "${sid}"
  mkdir -p "${sid%/*}"
  debootstrap --variant=minbase sid "${sid}" >/dev/null
  # A mirror may lag behind.
  echo 'Acquire::Check-Valid-Until "false";' >"${sid}/etc/apt/apt.conf.d/90mirror"
  say "installing Bazel and GCC 14 there"
  inside apt-get -qq update
  inside apt-get -qq -y --no-install-recommends install \
    bazel-bootstrap g++-14 >/dev/null
  touch "${sid}/complete"
}

# try ENTRY TARGET...
try() {
  local entry="$1"
  shift
  say "testing by ${entry}"
  # --batch: no server outlives the command, and with it the mounts.
  # shellcheck disable=SC2016  # The inner shell expands.
  inside env TILEWORK_ENTRY="${entry}" bash -euc '
    cd /tilework
    ./bazelw --batch --output_base="/root/bazel-${TILEWORK_ENTRY}" \
      test --symlink_prefix=/ "$@"
    testing/consumer/check.sh' try "$@"
}

if ((EUID != 0)); then
  exec sudo env TILEWORK_SID="${sid}" "${BASH_SOURCE[0]}" "$@"
fi
(($#)) || set -- //...
[[ -f "${sid}/complete" ]] || make_system
status=0
try workspace "$@" || status=1
try module --lockfile_mode=off "$@" || status=1
if ((status == 0)); then say "passed by both"; else say "FAILED"; fi
exit "${status}"
