// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

#include "tilework/common/schema/kernel_description.h"

#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "tilework/common/dtype/dtype.h"
#include "tilework/common/schema/argument_checker.h"
#include "tilework/common/schema/attribute_text.h"
#include "tilework/common/schema/domain.h"
#include "tilework/common/schema/fields.h"
#include "tilework/common/schema/schema_visitor.h"

namespace tilework {
namespace {

std::string ShapeText(const Shapes& shapes) {
  return absl::StrJoin(shapes.cases(), "; ",
                       [](std::string* out, const Shapes::Case& c) {
                         absl::StrAppend(out, DescribeShapes(c.pattern),
                                         c.when.empty() ? "" : " if ", c.when);
                       });
}

std::string DTypesText(const DTypes& dtypes) {
  if (!dtypes.text().empty()) return std::string(dtypes.text());
  return absl::StrJoin(
      dtypes.dtypes(), ", ",
      [](std::string* out, DType dtype) { absl::StrAppend(out, Name(dtype)); });
}

std::string PresenceText(const Presence& presence) {
  std::vector<std::string> parts;
  if (presence.otherwise == Presence::Kind::kOptional) {
    parts.push_back("optional");
  }
  if (!presence.required_if.empty()) {
    parts.push_back(absl::StrCat("required if ", presence.required_if));
  }
  if (!presence.unless.empty()) {
    parts.push_back(absl::StrCat("not if ", presence.unless));
  }
  return absl::StrJoin(parts, ", ");
}

std::string MayBeText(const TensorSpec& spec) {
  std::vector<std::string_view> names;
  std::copy_if(spec.may_be.begin(), spec.may_be.end(),
               std::back_inserter(names),
               [](std::string_view name) { return !name.empty(); });
  return absl::StrJoin(names, " or ");
}

}  // namespace

void DescribeVisitor::Kernel(const KernelInfo& info) {
  description_.name = info.name;
  description_.summary = info.summary;
  description_.rows = info.rows;
}

void DescribeVisitor::RowsDepend(bool /*depend*/, std::string_view when) {
  description_.rules.push_back(
      absl::StrCat("rows depend on each other if ", when));
}

void DescribeVisitor::Symbol(std::string_view symbol, const Domain& domain) {
  description_.rules.push_back(
      absl::StrCat(symbol, " is ", domain.ToFormula()));
}

void DescribeVisitor::Multiple(std::string_view symbol, std::string_view of) {
  description_.rules.push_back(absl::StrCat(symbol, " is a multiple of ", of));
}

void DescribeVisitor::NotLess(std::string_view symbol, std::string_view least) {
  description_.rules.push_back(absl::StrCat(symbol, " >= ", least));
}

void DescribeVisitor::Broadcast(std::string_view result, std::string_view first,
                                std::string_view second) {
  AddRule(absl::StrCat(result, " = ", first, " and ", second,
                       ", which broadcast as in PyTorch"));
}

void DescribeVisitor::Bind(std::string_view symbol, std::string_view source,
                           absl::FunctionRef<int64_t()> /*value*/) {
  AddEquation(symbol, source);
}

void DescribeVisitor::AddEquation(std::string_view symbol,
                                  std::string_view source) {
  AddRule(absl::StrCat(symbol, " = ", source));
}

void DescribeVisitor::AddRule(std::string_view rule) {
  if (std::find(description_.rules.begin(), description_.rules.end(), rule) ==
      description_.rules.end()) {
    description_.rules.emplace_back(rule);
  }
}

void DescribeVisitor::Rule(std::string_view text,
                           absl::FunctionRef<void(ArgumentChecker&)> /*rule*/) {
  AddRule(text);
}

void DescribeVisitor::VisitTensor(Direction direction, std::string_view name,
                                  const TensorField& /*tensor*/,
                                  const TensorSpec& spec) {
  description_.tensors.push_back(
      {.direction = direction,
       .name = std::string(name),
       .shape = ShapeText(spec.shape),
       .dtypes = DTypesText(spec.dtypes),
       .presence = PresenceText(spec.presence),
       .values = spec.values.checked ? spec.values.domain.ToFormula() : "",
       .may_be = MayBeText(spec),
       .help = std::string(spec.help)});
}

void DescribeVisitor::VisitAttribute(std::string_view name,
                                     const AttributeField& attribute,
                                     const AttributeSpec& spec) {
  if (!spec.symbol.empty()) AddEquation(spec.symbol, name);
  const std::string value = AttributeText(attribute.get(), spec);
  std::vector<std::string> allowed;
  if (!spec.domain.is_any()) allowed.push_back(spec.domain.ToFormula());
  if (!spec.presence.required_if.empty()) {
    allowed.push_back(absl::StrCat("required if ", spec.presence.required_if));
  }
  if (!spec.presence.unless.empty()) {
    allowed.push_back(absl::StrCat("not if ", spec.presence.unless));
  }
  description_.attributes.push_back(
      {.name = std::string(name),
       .type = AttributeTypeText(attribute, spec),
       .default_value = value.empty() ? std::string(spec.absent) : value,
       .allowed = absl::StrJoin(allowed, "; "),
       .help = std::string(spec.help)});
}

}  // namespace tilework
