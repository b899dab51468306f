# Copyright 2026 The tilework Authors
# SPDX-License-Identifier: Apache-2.0

"""Stand-in for the one function of bazel_skylib that Abseil and Highway use."""

def _config_setting_group(name, match_any, visibility = None):
    """Defines a condition that holds where any of several conditions does.

    It is an alias to the first that holds, or else to the last (which does not).

    Args:
      name: the new condition.
      match_any: labels of conditions, at least one.
      visibility: of the new condition.
    """
    branches = {condition: condition for condition in match_any}
    branches["//conditions:default"] = match_any[-1]
    native.alias(
        name = name,
        actual = select(branches),
        visibility = visibility,
    )

selects = struct(config_setting_group = _config_setting_group)
