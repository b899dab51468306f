// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

// Fills the arguments of any kernel from tensors and text.

#ifndef TILEWORK_TOOLS_ARGUMENT_BUILDER_H_
#define TILEWORK_TOOLS_ARGUMENT_BUILDER_H_

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "tilework/common/dtype/dtype.h"
#include "tilework/common/schema/argument_checker.h"
#include "tilework/common/schema/domain.h"
#include "tilework/common/schema/fields.h"
#include "tilework/common/schema/schema_visitor.h"
#include "tilework/common/tensor/tensor.h"
#include "tilework/testing/random.h"
#include "tilework/testing/tested_kernel.h"

namespace tilework {

// What is known of a tensor.
struct TensorRequest {
  ConstTensor data;  // absent: none
  std::optional<DType> dtype;
  std::optional<Dims> shape;
};

struct ArgumentRequest {
  std::map<std::string, TensorRequest, std::less<>> tensors;
  std::map<std::string, std::string, std::less<>> attributes;
  // Optional outputs that are wanted, beyond those in `tensors`.
  std::set<std::string, std::less<>> outputs;
  // Makes up the inputs in `tensors` that have no data.
  bool fill_inputs = false;
};

// "x=bf16[1,4096] y=f32 eps=1e-5": tensors, with a shape or without, and
// attributes.
absl::StatusOr<ArgumentRequest> ParseRequest(std::string_view text);
// "2,128,64".
absl::StatusOr<Dims> ParseShape(std::string_view text);

// The arguments of one call, and the memory of its outputs.
class BuiltArguments {
 public:
  struct Output {
    std::string name;
    Tensor tensor;
  };

  // InvalidArgument, naming the culprit, if `request` does not fit the kernel
  // or lacks something that the kernel needs. A tensor in it that has no data
  // and no shape gets the shape that follows from earlier tensors; without a
  // dtype, that of the first tensor, or else the first one that it may have.
  // Data of f4e2m1 that is packed along its last dimension is transposed where
  // the kernel needs the one before that packed.
  static absl::StatusOr<BuiltArguments> Build(const TestedKernel& kernel,
                                              const ArgumentRequest& request);

  AnyArguments& arguments() const { return *arguments_; }
  // Outputs, and copies of the inputs that are written too.
  const std::vector<Output>& outputs() const { return outputs_; }

 private:
  class Builder;

  std::unique_ptr<AnyArguments> arguments_;
  std::deque<Buffer> buffers_;
  std::vector<Output> outputs_;
};

}  // namespace tilework

#endif  // TILEWORK_TOOLS_ARGUMENT_BUILDER_H_
