// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef TILEWORK_COMMON_SCHEMA_CALL_VISITOR_H_
#define TILEWORK_COMMON_SCHEMA_CALL_VISITOR_H_

#include <cstdint>
#include <string_view>
#include <vector>

#include "tilework/common/schema/fields.h"
#include "tilework/common/schema/schema_visitor.h"
#include "tilework/common/tensor/tensor.h"

namespace tilework {

// Collects the tensors of a call whose arguments have been checked.
class CallVisitor final : public SchemaVisitor {
 public:
  struct NamedTensor {
    Direction direction;
    std::string_view name;
    ConstTensor view;
  };

  std::string_view kernel() const { return kernel_; }
  // Those that are given, in the order of the declaration.
  const std::vector<NamedTensor>& tensors() const { return tensors_; }
  // Of all tensors; those that are read and written count once.
  int64_t NumBytes() const {
    int64_t bytes = 0;
    for (const NamedTensor& tensor : tensors_) bytes += tensor.view.NumBytes();
    return bytes;
  }

  void Kernel(const KernelInfo& info) override { kernel_ = info.name; }

 private:
  void VisitTensor(Direction direction, std::string_view name,
                   const TensorField& tensor, const TensorSpec&) override {
    if (!tensor.view().present()) return;
    tensors_.push_back({direction, name, tensor.view()});
  }
  void VisitAttribute(std::string_view, const AttributeField&,
                      const AttributeSpec&) override {}

  std::string_view kernel_;
  std::vector<NamedTensor> tensors_;
};

}  // namespace tilework

#endif  // TILEWORK_COMMON_SCHEMA_CALL_VISITOR_H_
