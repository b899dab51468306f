// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

#include "tilework/tools/text_table.h"

#include <algorithm>
#include <cstddef>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/strip.h"

namespace tilework {

std::string TextTable::ToString() const {
  std::vector<size_t> widths(rows_[0].size());
  for (const std::vector<std::string>& row : rows_) {
    for (size_t i = 0; i < row.size(); ++i) {
      widths[i] = std::max(widths[i], row[i].size());
    }
  }
  std::string text;
  const auto add_line = [&](const std::vector<std::string>& cells) {
    std::string line;
    for (size_t i = 0; i < cells.size(); ++i) {
      absl::StrAppend(&line, i == 0 ? "" : "  ", cells[i],
                      std::string(widths[i] - cells[i].size(), ' '));
    }
    absl::StrAppend(&text, absl::StripTrailingAsciiWhitespace(line), "\n");
  };
  add_line(rows_[0]);
  std::vector<std::string> rule;
  for (const size_t width : widths) rule.push_back(std::string(width, '-'));
  add_line(rule);
  for (size_t i = 1; i < rows_.size(); ++i) add_line(rows_[i]);
  return text;
}

std::string TextTable::ToMarkdown() const {
  std::string text;
  const auto add_line = [&](const std::vector<std::string>& cells) {
    std::string line = "|";
    for (const std::string& cell : cells) {
      absl::StrAppend(&line, " ", absl::StrReplaceAll(cell, {{"|", "\\|"}}),
                      cell.empty() ? "|" : " |");
    }
    absl::StrAppend(&text, line, "\n");
  };
  add_line(rows_[0]);
  absl::StrAppend(
      &text, "|",
      absl::StrJoin(std::vector<std::string>(rows_[0].size(), "---"), "|"),
      "|\n");
  for (size_t i = 1; i < rows_.size(); ++i) add_line(rows_[i]);
  return text;
}

}  // namespace tilework
