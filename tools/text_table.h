// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef TILEWORK_TOOLS_TEXT_TABLE_H_
#define TILEWORK_TOOLS_TEXT_TABLE_H_

#include <string>
#include <vector>

namespace tilework {

// Rows of cells, printed in columns as wide as their widest cell.
class TextTable {
 public:
  explicit TextTable(std::vector<std::string> header) {
    rows_.push_back(std::move(header));
  }

  // As many cells as the header has.
  void AddRow(std::vector<std::string> cells) {
    rows_.push_back(std::move(cells));
  }
  // Header, a rule, and the rows; two blanks between columns.
  std::string ToString() const;
  // The same for Markdown.
  std::string ToMarkdown() const;

 private:
  std::vector<std::vector<std::string>> rows_;
};

}  // namespace tilework

#endif  // TILEWORK_TOOLS_TEXT_TABLE_H_
