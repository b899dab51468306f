// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

// A declaration in words: for help and documentation.

#ifndef TILEWORK_COMMON_SCHEMA_KERNEL_DESCRIPTION_H_
#define TILEWORK_COMMON_SCHEMA_KERNEL_DESCRIPTION_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/functional/function_ref.h"
#include "tilework/common/schema/argument_checker.h"
#include "tilework/common/schema/domain.h"
#include "tilework/common/schema/fields.h"
#include "tilework/common/schema/schema_visitor.h"

namespace tilework {

struct TensorDescription {
  Direction direction;
  std::string name;
  std::string shape;     // "[B, S, H] or [T, H]"
  std::string dtypes;    // "f32, bf16, f16"
  std::string presence;  // empty if required: "optional; not if ..."
  std::string values;    // what its elements must be, or empty
  std::string may_be;    // "input"
  std::string help;
};

struct AttributeDescription {
  std::string name;
  std::string type;
  std::string default_value;
  std::string allowed;
  std::string help;
};

struct KernelDescription {
  std::string name;
  std::string summary;
  std::string rows;
  std::vector<TensorDescription> tensors;
  std::vector<AttributeDescription> attributes;
  // Sizes and other rules, a line each.
  std::vector<std::string> rules;
};

class DescribeVisitor final : public SchemaVisitor {
 public:
  KernelDescription Take() { return std::move(description_); }

  void Kernel(const KernelInfo& info) override;
  void RowsDepend(bool depend, std::string_view when) override;
  void Symbol(std::string_view symbol, const Domain& domain) override;
  void Multiple(std::string_view symbol, std::string_view of) override;
  void NotLess(std::string_view symbol, std::string_view least) override;
  void Broadcast(std::string_view result, std::string_view first,
                 std::string_view second) override;
  void Bind(std::string_view symbol, std::string_view source,
            absl::FunctionRef<int64_t()> value) override;
  void Rule(std::string_view text,
            absl::FunctionRef<void(ArgumentChecker&)> rule) override;

 private:
  bool ShowsAbsent() const override { return true; }
  // Once.
  void AddRule(std::string_view rule);
  // `symbol` = `source`.
  void AddEquation(std::string_view symbol, std::string_view source);
  void VisitTensor(Direction direction, std::string_view name,
                   const TensorField& tensor, const TensorSpec& spec) override;
  void VisitAttribute(std::string_view name, const AttributeField& attribute,
                      const AttributeSpec& spec) override;

  KernelDescription description_;
};

template <typename Args>
KernelDescription DescribeKernel() {
  DescribeVisitor visitor;
  Declare(Args(), visitor);
  return visitor.Take();
}

}  // namespace tilework

#endif  // TILEWORK_COMMON_SCHEMA_KERNEL_DESCRIPTION_H_
