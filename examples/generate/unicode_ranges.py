#!/usr/bin/env python3
# Copyright 2026 The tilework Authors
# SPDX-License-Identifier: Apache-2.0
"""Writes unicode_ranges.inc: the character classes that tokenizers ask for.

Run it in this folder: ./unicode_ranges.py > unicode_ranges.inc
"""

import unicodedata

OTHER, LETTER, NUMBER, SPACE, PUNCTUATION = range(5)
BY_CATEGORY = {'L': LETTER, 'N': NUMBER, 'Z': SPACE, 'P': PUNCTUATION}
# White space that is in category Cc.
CONTROL_SPACES = {0x09, 0x0A, 0x0B, 0x0C, 0x0D, 0x85}


def class_of(code_point):
    if code_point in CONTROL_SPACES:
        return SPACE
    category = unicodedata.category(chr(code_point))
    return BY_CATEGORY.get(category[0], OTHER)


def main():
    print('// Copyright 2026 The tilework Authors')
    print('// SPDX-License-Identifier: Apache-2.0')
    print()
    print('// Written by unicode_ranges.py from Unicode '
          f'{unicodedata.unidata_version}.')
    print('// Each number starts a range: its first code point * 8 + class.')
    print('// clang-format off')
    previous = None
    line = ''
    for code_point in range(0x110000):
        current = class_of(code_point)
        if current == previous:
            continue
        previous = current
        item = f'{code_point * 8 + current},'
        if len(line) + 1 + len(item) > 80:
            print(line)
            line = ''
        line = f'{line} {item}'.strip()
    print(line)


if __name__ == '__main__':
    main()
