// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

// Checks an argument struct by its declaration:
//
//   absl::Status Validate(const RopeArgs& args) { return CheckArguments(args);
//   }

#ifndef TILEWORK_COMMON_SCHEMA_CHECK_ARGUMENTS_H_
#define TILEWORK_COMMON_SCHEMA_CHECK_ARGUMENTS_H_

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

#include "absl/container/inlined_vector.h"
#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "tilework/common/schema/argument_checker.h"
#include "tilework/common/schema/domain.h"
#include "tilework/common/schema/fields.h"
#include "tilework/common/schema/schema_visitor.h"
#include "tilework/common/tensor/tensor.h"

namespace tilework {

class CheckVisitor final : public SchemaVisitor {
 public:
  // Of tensors that must be in `space`. What their elements must be is checked
  // on the host alone: device memory is not read, and kernels define what they
  // make of such elements.
  explicit CheckVisitor(MemorySpace space) : space_(space) {}

  // After the declaration: the checks that need all tensors.
  absl::Status Finish();

  void Kernel(const KernelInfo& info) override {
    check_.emplace(info.name, space_);
  }
  void Symbol(std::string_view symbol, const Domain& domain) override;
  void Multiple(std::string_view symbol, std::string_view of) override;
  void NotLess(std::string_view symbol, std::string_view least) override;
  void Broadcast(std::string_view result, std::string_view first,
                 std::string_view second) override;
  void Bind(std::string_view symbol, std::string_view source,
            absl::FunctionRef<int64_t()> value) override;
  void Rule(std::string_view text,
            absl::FunctionRef<void(ArgumentChecker&)> rule) override;
  int64_t operator[](std::string_view symbol) const override;

 private:
  struct Seen {
    Direction direction;
    std::string_view name;
    ConstTensor tensor;
    Values values;
    std::array<std::string_view, 3> may_be;
  };
  struct Relation {
    std::string_view symbol;
    std::string_view other;
    bool is_multiple;
  };

  void VisitTensor(Direction direction, std::string_view name,
                   const TensorField& tensor, const TensorSpec& spec) override;
  void VisitAttribute(std::string_view name, const AttributeField& attribute,
                      const AttributeSpec& spec) override;
  void CheckRelations();
  void CheckOverlaps();
  void CheckOverlap(const Seen& output, const Seen& other);

  MemorySpace space_;
  std::optional<ArgumentChecker> check_;
  absl::InlinedVector<Seen, 12> seen_;
  absl::InlinedVector<Relation, 4> relations_;
};

// Whether an attribute is given where it must be, and has a value that it may
// have. Gives its symbol that value.
void CheckAttribute(std::string_view name, const AttributeField& attribute,
                    const AttributeSpec& spec, ArgumentChecker& check);

// InvalidArgument, or OK.
template <typename Args>
absl::Status CheckArguments(const Args& args,
                            MemorySpace space = MemorySpace::kHost) {
  CheckVisitor visitor(space);
  Declare(args, visitor);
  return visitor.Finish();
}

}  // namespace tilework

#endif  // TILEWORK_COMMON_SCHEMA_CHECK_ARGUMENTS_H_
