// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

// Checks a kernel's arguments before anything is written: rank, shape, dtype,
// memory space, null data and aliasing, with messages that name the tensor, the
// symbol and the numbers:
//
//   qkv: fused_qkv_weights is [4097, 6144] but H = 4096 (from input [2, 8,
//   4096])
//
// Kernels declare their arguments (schema_visitor.h, which also tells how
// shapes are written); this is what checks a declaration, and what its rules
// are given.
//
// A check that passes costs about a microsecond and allocates nothing: messages
// are made when there is a fault.
//
// Only the first fault is kept; after it every call is a no-op and symbols
// read as 0, so that a check can be written without early returns.

#ifndef TILEWORK_COMMON_SCHEMA_ARGUMENT_CHECKER_H_
#define TILEWORK_COMMON_SCHEMA_ARGUMENT_CHECKER_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "absl/container/inlined_vector.h"
#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "tilework/common/dtype/dtype.h"
#include "tilework/common/schema/domain.h"
#include "tilework/common/tensor/tensor.h"

namespace tilework {

// The types that most activations and unquantized weights may have.
inline constexpr DType kFloatTypes[] = {DType::kF32, DType::kBF16, DType::kF16};
inline constexpr DType kF32Only[] = {DType::kF32};
inline constexpr DType kIndexTypes[] = {DType::kI32, DType::kI64};
inline constexpr DType kI32Only[] = {DType::kI32};

// In place of a shape: one element, of any rank.
inline constexpr std::string_view kOneElementWord = "1*";

// In front of a shape: any number of dimensions. Other words that begin with
// two dots are the same, with values of their own.
inline constexpr std::string_view kLeadingWord = "...";
constexpr bool IsLeadingWord(std::string_view word) {
  return word.substr(0, 2) == "..";
}
// What dimensions become that broadcast, as in PyTorch: aligned at the last
// one, and stretched where one of the two is 1. Nothing if they do not.
std::optional<Dims> BroadcastDims(const Dims& a, const Dims& b);

// "[B, S, H] or [T, H]" for "B S H | T H".
std::string DescribeShapes(std::string_view shapes);

class ArgumentChecker {
 public:
  // `kernel` is the prefix of all messages and must outlive the checker, as
  // must every name, shape and source passed below: use literals. All tensors
  // must be in `space`.
  explicit ArgumentChecker(std::string_view kernel,
                           MemorySpace space = MemorySpace::kHost)
      : kernel_(kernel), space_(space) {}

  // A tensor that must be given, with one of `shapes` and one of `dtypes`, and
  // if it is packed, along the dimension `packed_dim` < 0 (0: any).
  void Required(std::string_view name, const ConstTensor& tensor,
                std::string_view shapes, absl::Span<const DType> dtypes,
                int packed_dim = 0);
  // The same, but the tensor may be absent.
  void Optional(std::string_view name, const ConstTensor& tensor,
                std::string_view shapes, absl::Span<const DType> dtypes,
                int packed_dim = 0);
  // A tensor that must not be given: "`name` is given but `reason`".
  void Forbidden(std::string_view name, const ConstTensor& tensor,
                 std::string_view reason);

  // What the value of `symbol` must be. Before it has one.
  void Constrain(std::string_view symbol, const Domain& domain);
  // Relations of two symbols; after both have values.
  void RequireMultiple(std::string_view symbol, std::string_view of);
  void RequireNotLess(std::string_view symbol, std::string_view least);

  // Gives `symbol` a value, or checks it if it has one. `source` tells where
  // the value comes from in messages.
  void Bind(std::string_view symbol, int64_t value, std::string_view source);
  // The value of a symbol; 0 after a fault or where no tensor named it.
  int64_t operator[](std::string_view symbol) const;
  // Whether a symbol has a value.
  bool Knows(std::string_view symbol) const { return Find(symbol) != nullptr; }
  // The leading dimensions `result`, such as "...", are what those of `first`
  // and `second` become when they broadcast; before any of them has a value.
  void Broadcast(std::string_view result, std::string_view first,
                 std::string_view second);
  // The dimensions that "..." or "..a" stands for; none before it has a value.
  Dims leading(std::string_view word = kLeadingWord) const;

  // Keeps the message (parts as for absl::StrCat, Dims among them) unless
  // `condition` holds.
  template <typename... Parts>
  void Require(bool condition, const Parts&... parts) {
    if (!condition && ok()) Fail(absl::StrCat(parts...));
  }

  // `output` must share no element with `input`.
  void NoOverlap(std::string_view output_name, const ConstTensor& output,
                 std::string_view input_name, const ConstTensor& input);
  // `output` may be exactly the view `input`, but share nothing otherwise.
  void SameOrNoOverlap(std::string_view output_name, const ConstTensor& output,
                       std::string_view input_name, const ConstTensor& input);

  bool ok() const { return status_.ok(); }
  // OK or InvalidArgument.
  const absl::Status& status() const { return status_; }

 private:
  // Where a symbol has its value from: "input [2, 8, 4096]" or, without a
  // shape, the name alone.
  struct Source {
    std::string_view name;
    Dims shape;
    bool is_tensor;

    std::string ToString() const;
  };
  struct Symbol {
    std::string_view name;
    int64_t value;
    Source source;
  };
  struct Pattern;

  void Fail(std::string_view message);
  const Symbol* Find(std::string_view symbol) const;
  void CheckConstraint(const Symbol& symbol);
  std::string Describe(std::string_view symbol) const;
  void CheckStorage(std::string_view name, const ConstTensor& tensor,
                    absl::Span<const DType> dtypes);
  void CheckPacking(std::string_view name, const ConstTensor& tensor,
                    int packed_dim);
  void CheckShape(std::string_view name, const ConstTensor& tensor,
                  std::string_view shapes);
  bool Matches(const Dims& given, const Pattern& pattern) const;
  void Match(std::string_view name, const Dims& given, const Pattern& pattern);
  void MatchLeading(const Source& source, const Dims& leading,
                    const Pattern& pattern);
  void MatchWord(const Source& source, int i, int64_t size,
                 std::string_view word);

  struct Constraint {
    std::string_view symbol;
    Domain domain;
  };
  // The dimensions that a leading word stands for.
  struct Leading {
    std::string_view word;
    Dims dims;
    Source source;
    Source other = {};  // of broadcast ones; else without a name

    std::string Origin() const;
  };
  struct BroadcastRule {
    std::string_view result, first, second;
  };
  const Leading* FindLeading(std::string_view word) const;
  void CheckBroadcast(const BroadcastRule& rule);

  std::string_view kernel_;
  MemorySpace space_;
  absl::InlinedVector<Symbol, 16> symbols_;
  absl::InlinedVector<Constraint, 4> constraints_;
  absl::InlinedVector<Leading, 3> leading_;
  absl::InlinedVector<BroadcastRule, 1> broadcasts_;
  absl::Status status_;
};

}  // namespace tilework

#endif  // TILEWORK_COMMON_SCHEMA_ARGUMENT_CHECKER_H_
