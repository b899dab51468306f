// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

#include "tilework/common/schema/attribute_text.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "tilework/common/dtype/dtype.h"
#include "tilework/common/schema/domain.h"
#include "tilework/common/schema/fields.h"
#include "tilework/common/schema/schema_visitor.h"

namespace tilework {
namespace {

std::optional<int64_t> EnumeratorValue(std::string_view text,
                                       const Domain& domain) {
  for (const Enumerator& e : domain.enumerators()) {
    if (absl::EqualsIgnoreCase(text, e.name)) return e.value;
  }
  return std::nullopt;
}

std::optional<bool> ParseBool(std::string_view text) {
  bool value = false;
  if (!absl::SimpleAtob(text, &value)) return std::nullopt;
  return value;
}

template <typename T>
std::optional<AttributeValue> ParseInt(std::string_view text) {
  T value = 0;
  if (!absl::SimpleAtoi(text, &value)) return std::nullopt;
  return AttributeValue(value);
}

std::optional<AttributeValue> ParseReal(std::string_view text) {
  double value = 0;
  if (!absl::SimpleAtod(text, &value)) return std::nullopt;
  return AttributeValue(value);
}

std::optional<AttributeValue> ParseList(std::string_view text, size_t size) {
  IntList list;
  for (const std::string_view word : absl::StrSplit(text, ',')) {
    int64_t value = 0;
    if (!absl::SimpleAtoi(word, &value)) return std::nullopt;
    list.push_back(value);
  }
  if (list.size() != size) return std::nullopt;
  return AttributeValue(list);
}

std::optional<AttributeValue> Parse(std::string_view text,
                                    const AttributeField& attribute,
                                    const Domain& domain) {
  switch (attribute.type()) {
    case AttributeType::kBool:
      return ParseBool(text);
    case AttributeType::kInt:
      if (const auto value = EnumeratorValue(text, domain)) return *value;
      return ParseInt<int64_t>(text);
    case AttributeType::kUnsigned:
      return ParseInt<uint64_t>(text);
    case AttributeType::kReal:
      return ParseReal(text);
    case AttributeType::kDType: {
      const DType dtype = DTypeFromName(text);
      if (dtype == DType::kNone) return std::nullopt;
      return dtype;
    }
    case AttributeType::kIntList:
      return ParseList(text, attribute.list_size());
  }
  return std::nullopt;
}

}  // namespace

std::string AttributeNumber(const AttributeValue& value) {
  struct {
    std::string operator()(std::monostate) const { return ""; }
    std::string operator()(bool flag) const { return flag ? "true" : "false"; }
    std::string operator()(DType dtype) const {
      return std::string(Name(dtype));
    }
    std::string operator()(const IntList& list) const {
      return absl::StrCat("[", absl::StrJoin(list, ", "), "]");
    }
    std::string operator()(int64_t number) const {
      return absl::StrCat(number);
    }
    std::string operator()(uint64_t number) const {
      return absl::StrCat(number);
    }
    std::string operator()(double number) const { return absl::StrCat(number); }
  } text;
  return std::visit(text, value);
}

std::string AttributeText(const AttributeValue& value,
                          const AttributeSpec& spec) {
  if (const auto* number = std::get_if<int64_t>(&value)) {
    for (const Enumerator& e : spec.domain.enumerators()) {
      if (e.value == *number) return std::string(e.name);
    }
  }
  return AttributeNumber(value);
}

std::string AttributeTypeText(const AttributeField& attribute,
                              const AttributeSpec& spec) {
  switch (attribute.type()) {
    case AttributeType::kBool:
      return "bool";
    case AttributeType::kInt:
      return spec.domain.enumerators().empty() ? "int" : "enum";
    case AttributeType::kUnsigned:
      return "unsigned int";
    case AttributeType::kReal:
      return "float";
    case AttributeType::kDType:
      return "dtype";
    case AttributeType::kIntList:
      return absl::StrCat("int[", attribute.list_size(), "]");
  }
  return "";
}

absl::StatusOr<AttributeValue> ParseAttribute(std::string_view name,
                                              std::string_view text,
                                              const AttributeField& attribute,
                                              const AttributeSpec& spec) {
  if (const auto value = Parse(text, attribute, spec.domain)) return *value;
  return absl::InvalidArgumentError(absl::StrCat(
      "attribute ", name, " is \"", text, "\", expected ",
      spec.domain.enumerators().empty() ? AttributeTypeText(attribute, spec)
                                        : spec.domain.ToFormula()));
}

}  // namespace tilework
