# Copyright 2026 The tilework Authors
# SPDX-License-Identifier: Apache-2.0

"""Stand-in for rules_license under Bazel 4: the rule, without checking."""

def _license_impl(_ctx):
    return []

_license = rule(
    implementation = _license_impl,
    attrs = {
        "license_kinds": attr.string_list(),
        "package_name": attr.string(),
    },
)

def license(name, **kwargs):
    # A package's default applies to its own license target: break the cycle.
    _license(name = name, applicable_licenses = [], **kwargs)
