// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

// The commands that show schemas: list, help and docs.

#include <algorithm>
#include <cstddef>
#include <limits>
#include <ostream>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "tilework/common/dtype/dtype.h"
#include "tilework/common/schema/kernel_description.h"
#include "tilework/common/schema/schema_visitor.h"
#include "tilework/testing/tested_kernel.h"
#include "tilework/tools/commands.h"
#include "tilework/tools/text_table.h"

namespace tilework {
namespace {

// Letters to insert, delete or replace.
size_t EditDistance(std::string_view a, std::string_view b) {
  std::vector<size_t> row(b.size() + 1);
  for (size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (size_t i = 1; i <= a.size(); ++i) {
    size_t diagonal = row[0];
    row[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      const size_t replaced = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
      diagonal = row[j];
      row[j] = std::min({replaced, row[j] + 1, row[j - 1] + 1});
    }
  }
  return row[b.size()];
}

std::string Nearest(std::string_view name) {
  std::string nearest;
  size_t least = std::numeric_limits<size_t>::max();
  for (const TestedKernel* kernel : AllTestedKernels()) {
    const size_t distance = EditDistance(name, kernel->name());
    if (distance < least) {
      least = distance;
      nearest = kernel->name();
    }
  }
  return nearest;
}

// The types that the tensors of a kernel may have, each once.
std::string TypesOf(const KernelDescription& kernel) {
  std::vector<std::string> types;
  for (const TensorDescription& tensor : kernel.tensors) {
    for (const std::string_view word :
         absl::StrSplit(tensor.dtypes, absl::ByAnyChar(", "))) {
      const std::string type(word);
      if (DTypeFromName(word) != DType::kNone &&
          std::find(types.begin(), types.end(), type) == types.end()) {
        types.push_back(type);
      }
    }
  }
  return absl::StrJoin(types, " ");
}

std::string_view DirectionText(Direction direction) {
  switch (direction) {
    case Direction::kInput:
      return "in";
    case Direction::kOutput:
      return "out";
    case Direction::kInOut:
      return "in and out";
  }
  return "";
}

// Presence, values and aliasing in front of the help.
std::string Meaning(const TensorDescription& tensor) {
  std::vector<std::string> parts;
  if (!tensor.presence.empty()) parts.push_back(tensor.presence);
  if (!tensor.help.empty()) parts.push_back(tensor.help);
  if (!tensor.values.empty()) parts.push_back(tensor.values);
  if (!tensor.may_be.empty()) {
    parts.push_back(absl::StrCat("may be ", tensor.may_be));
  }
  return absl::StrJoin(parts, "; ");
}

TextTable TensorTable(const KernelDescription& kernel) {
  TextTable table({"tensor", "", "shape", "types", "meaning"});
  for (const TensorDescription& tensor : kernel.tensors) {
    table.AddRow({tensor.name, std::string(DirectionText(tensor.direction)),
                  tensor.shape, tensor.dtypes, Meaning(tensor)});
  }
  return table;
}

TextTable AttributeTable(const KernelDescription& kernel) {
  TextTable table({"attribute", "type", "default", "allowed", "meaning"});
  for (const AttributeDescription& attribute : kernel.attributes) {
    table.AddRow({attribute.name, attribute.type, attribute.default_value,
                  attribute.allowed, attribute.help});
  }
  return table;
}

std::string_view PlacesText(const TestedKernel& kernel) {
  return kernel.on_device() ? "Runs on the host and on the device."
                            : "Runs on the host.";
}

std::string RowsText(const KernelDescription& kernel) {
  if (kernel.rows.empty()) return "";
  if (kernel.rows == "...") {
    return "A row has the same bits whatever the others are.";
  }
  return absl::StrCat("The results for one of ", kernel.rows,
                      " have the same bits whatever the others are.");
}

}  // namespace

absl::StatusOr<std::vector<const TestedKernel*>> FindKernels(
    const std::vector<std::string>& names) {
  const std::vector<const TestedKernel*> all = AllTestedKernels();
  if (names.empty()) return all;
  std::vector<const TestedKernel*> found;
  for (const std::string& name : names) {
    const auto it = std::find_if(
        all.begin(), all.end(),
        [&](const TestedKernel* kernel) { return kernel->name() == name; });
    if (it == all.end()) {
      return absl::NotFoundError(absl::StrCat("there is no kernel \"", name,
                                              "\"; did you mean ",
                                              Nearest(name), "?"));
    }
    found.push_back(*it);
  }
  return found;
}

absl::StatusOr<std::vector<const TestedKernel*>> FindKernels(
    const std::vector<std::string>& names, std::string_view context) {
  if (context != "host" && context != "device") {
    return absl::InvalidArgumentError(absl::StrCat(
        "--context is \"", context, "\", expected host or device"));
  }
  auto found = FindKernels(names);
  if (!found.ok() || context == "host") return found;
  std::vector<const TestedKernel*> on_device;
  for (const TestedKernel* kernel : *found) {
    if (kernel->on_device()) {
      on_device.push_back(kernel);
    } else if (!names.empty()) {
      return absl::UnimplementedError(
          absl::StrCat(kernel->name(), " has no device part"));
    }
  }
  if (on_device.empty()) {
    return absl::UnimplementedError("no kernel has a device part");
  }
  return on_device;
}

void List(std::ostream& out) {
  TextTable table({"kernel", "host", "device", "types", "summary"});
  for (const TestedKernel* kernel : AllTestedKernels()) {
    const KernelDescription& description = kernel->description();
    table.AddRow({description.name, "yes", kernel->on_device() ? "yes" : "no",
                  TypesOf(description), description.summary});
  }
  out << table.ToString();
}

absl::Status Help(const std::string& kernel, std::ostream& out) {
  const auto kernels = FindKernels({kernel});
  if (!kernels.ok()) return kernels.status();
  const KernelDescription& description = (*kernels)[0]->description();
  out << description.name << ": " << description.summary << "\n\n"
      << PlacesText(*(*kernels)[0]) << "\n\n"
      << TensorTable(description).ToString();
  if (!description.attributes.empty()) {
    out << "\n" << AttributeTable(description).ToString();
  }
  if (!description.rules.empty()) out << "\n";
  for (const std::string& rule : description.rules) out << rule << "\n";
  const std::string rows = RowsText(description);
  if (!rows.empty()) out << "\n" << rows << "\n";
  return absl::OkStatus();
}

void Docs(std::ostream& out) {
  out << "# Kernels\n\n"
         "Made from the kernels' schemas by `./bazelw run //tools:tilework -- "
         "docs`; do not edit.\nThe headers say what each kernel computes, how "
         "exactly and at what cost.\n";
  for (const TestedKernel* kernel : AllTestedKernels()) {
    const KernelDescription& description = kernel->description();
    out << "\n## " << description.name << "\n\n"
        << description.summary << ".\n"
        << PlacesText(*kernel) << "\n\n"
        << TensorTable(description).ToMarkdown();
    if (!description.attributes.empty()) {
      out << "\n" << AttributeTable(description).ToMarkdown();
    }
    if (!description.rules.empty()) out << "\n";
    for (const std::string& rule : description.rules) {
      out << "- " << rule << "\n";
    }
    const std::string rows = RowsText(description);
    if (!rows.empty()) out << "\n" << rows << "\n";
  }
}

}  // namespace tilework
