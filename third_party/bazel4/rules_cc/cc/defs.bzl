# Copyright 2026 The tilework Authors
# SPDX-License-Identifier: Apache-2.0

"""Stand-in for rules_cc under Bazel 4, whose C++ rules are built in.

Bazel's own tools load it too.
"""

cc_binary = native.cc_binary
cc_import = native.cc_import
cc_library = native.cc_library
cc_test = native.cc_test
cc_toolchain = native.cc_toolchain
cc_toolchain_suite = native.cc_toolchain_suite
