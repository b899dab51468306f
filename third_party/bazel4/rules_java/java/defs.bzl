# Copyright 2026 The tilework Authors
# SPDX-License-Identifier: Apache-2.0

"""Stand-in for rules_java under Bazel 4, whose own tools load it."""

java_binary = native.java_binary
java_import = native.java_import
java_library = native.java_library
java_runtime = native.java_runtime
java_toolchain = native.java_toolchain
