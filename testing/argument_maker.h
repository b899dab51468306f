// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

// Makes up arguments of any kernel from its schema: sizes around vector and
// tile edges, every dtype, optional tensors present or not, strided and
// unaligned views, and with one fault, if wanted.

#ifndef TILEWORK_TESTING_ARGUMENT_MAKER_H_
#define TILEWORK_TESTING_ARGUMENT_MAKER_H_

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/functional/function_ref.h"
#include "tilework/common/schema/argument_checker.h"
#include "tilework/common/schema/domain.h"
#include "tilework/common/schema/fields.h"
#include "tilework/common/schema/schema_visitor.h"
#include "tilework/testing/random.h"
#include "tilework/testing/tensors.h"
#include "tilework/testing/tested_kernel.h"

namespace tilework {

struct MakerOptions {
  // Of any tensor.
  int64_t max_elements = 1 << 14;
  // Outputs that are the same view as an input that they may be.
  bool in_place = true;
  // Layouts other than the contiguous one.
  bool strided = true;
  // Sizes of 0.
  bool empty = true;
  // The least value of the symbol of independent rows.
  int64_t min_rows = 1;
  // Sizes of some thousands, sometimes.
  bool long_sizes = false;
};

// The arguments of one call, and the memory that they lie in.
class MadeArguments {
 public:
  struct MadeTensor {
    Direction direction;
    std::string name;
    TensorField field;
    Tensor view;                            // what the member is
    std::vector<DType> dtypes;              // that it may have
    std::unique_ptr<GuardedTensor> memory;  // null if it is another's view
    int row_dim = -1;                       // the dimension of independent rows
    Values values;                          // of its elements
    int packed_dim = 0;                     // as in its TensorSpec
    bool required = false;
  };
  struct MadeAttribute {
    std::string name;
    AttributeField field;
    Domain domain;
    bool required = false;
  };

  explicit MadeArguments(std::unique_ptr<AnyArguments> arguments)
      : arguments(std::move(arguments)) {}

  // The tensors and attributes as text, for messages.
  std::string ToString();
  // Success if no byte outside of the views was written.
  testing::AssertionResult Intact() const;
  // All bytes, to compare and to set back.
  std::vector<std::vector<unsigned char>> Bytes() const;
  void SetBytes(const std::vector<std::vector<unsigned char>>& bytes);

  std::unique_ptr<AnyArguments> arguments;
  std::vector<MadeTensor> tensors;  // those that are present
  std::vector<MadeAttribute> attributes;
  int64_t rows = 0;  // the value of the symbol of independent rows
};

// Arguments without a fault. Ends the program with a message if hundreds of
// attempts give none: the schema's domains are too loose then.
MadeArguments MakeArguments(const TestedKernel& kernel, Random& random,
                            const MakerOptions& options = {});

// Fresh memory for a tensor of `shape`: of packed elements, for its transpose
// if the dimension before the last is the one that is packed.
std::unique_ptr<GuardedTensor> NewMemory(DType dtype, const Dims& shape,
                                         int packed_dim,
                                         Layout layout = Layout::kContiguous);
// The tensor that NewMemory() was made for.
Tensor ViewOf(const GuardedTensor& memory, int packed_dim);

// Fills `tensor` with typical elements of `domain`: around 1 if it has no
// bounds, and whole ones for integers.
void FillTypical(const Tensor& tensor, const Domain& domain, Random& random);

// Puts one fault into `made`; it may turn out to be harmless. `culprits` are
// the names one of which an error must contain, none if any will do.
struct Fault {
  std::string description;
  std::vector<std::string> culprits;
  bool must_be_refused = false;
};
Fault Break(MadeArguments& made, Random& random);

}  // namespace tilework

#endif  // TILEWORK_TESTING_ARGUMENT_MAKER_H_
