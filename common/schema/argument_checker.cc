// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

#include "tilework/common/schema/argument_checker.h"

#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/types/span.h"

namespace tilework {
namespace {

std::vector<std::string_view> Words(std::string_view pattern) {
  return absl::StrSplit(pattern, ' ', absl::SkipEmpty());
}

bool HasLeading(absl::Span<const std::string_view> pattern) {
  return !pattern.empty() && pattern[0] == "...";
}

bool RankFits(const ConstTensor& tensor,
              absl::Span<const std::string_view> pattern) {
  const int named = static_cast<int>(pattern.size());
  return HasLeading(pattern) ? tensor.rank() >= named - 1
                             : tensor.rank() == named;
}

// "[B, S, H] or [T, H]"
std::string Describe(std::string_view shapes) {
  std::vector<std::string> alternatives;
  for (std::string_view pattern : absl::StrSplit(shapes, '|')) {
    alternatives.push_back(
        absl::StrCat("[", absl::StrJoin(Words(pattern), ", "), "]"));
  }
  return absl::StrJoin(alternatives, " or ");
}

}  // namespace

void ArgumentChecker::Fail(std::string_view message) {
  status_ = absl::InvalidArgumentError(absl::StrCat(kernel_, ": ", message));
}

const ArgumentChecker::Symbol* ArgumentChecker::Find(
    std::string_view symbol) const {
  const auto it =
      std::find_if(symbols_.begin(), symbols_.end(),
                   [&](const Symbol& s) { return s.name == symbol; });
  return it == symbols_.end() ? nullptr : &*it;
}

int64_t ArgumentChecker::operator[](std::string_view symbol) const {
  const Symbol* found = ok() ? Find(symbol) : nullptr;
  return found == nullptr ? 0 : found->value;
}

void ArgumentChecker::Bind(std::string_view symbol, int64_t value,
                           std::string_view source) {
  if (!ok()) return;
  if (const Symbol* bound = Find(symbol)) {
    Require(bound->value == value, symbol, " = ", value, " (from ", source,
            ") but ", symbol, " = ", bound->value, " (from ", bound->source,
            ")");
    return;
  }
  symbols_.push_back({std::string(symbol), value, std::string(source)});
}

void ArgumentChecker::Required(std::string_view name, const ConstTensor& tensor,
                               std::string_view shapes,
                               absl::Span<const DType> dtypes) {
  Require(tensor.present(), name, " is missing, expected ", Describe(shapes));
  Optional(name, tensor, shapes, dtypes);
}

void ArgumentChecker::Optional(std::string_view name, const ConstTensor& tensor,
                               std::string_view shapes,
                               absl::Span<const DType> dtypes) {
  if (!ok() || !tensor.present()) return;
  CheckStorage(name, tensor, dtypes);
  CheckShape(name, tensor, shapes);
}

void ArgumentChecker::Forbidden(std::string_view name,
                                const ConstTensor& tensor,
                                std::string_view reason) {
  Require(!tensor.present(), name, " is given but ", reason);
}

void ArgumentChecker::CheckStorage(std::string_view name,
                                   const ConstTensor& tensor,
                                   absl::Span<const DType> dtypes) {
  Require(
      std::find(dtypes.begin(), dtypes.end(), tensor.dtype()) != dtypes.end(),
      name, " has dtype ", Name(tensor.dtype()), ", expected ",
      absl::StrJoin(dtypes, " or ", [](std::string* out, DType dtype) {
        absl::StrAppend(out, Name(dtype));
      }));
  Require(tensor.space() == MemorySpace::kHost, name,
          " is in device memory but the context is a host context");
  const Dims& shape = tensor.shape();
  Require(std::all_of(shape.begin(), shape.end(),
                      [](int64_t size) { return size >= 0; }),
          name, " is ", shape.ToString(), ": a size is negative");
  Require(std::all_of(tensor.strides().begin(), tensor.strides().end(),
                      [](int64_t stride) { return stride >= 0; }),
          name, " has strides ", tensor.strides().ToString(),
          ": a stride is negative");
  if (!ok()) return;
  Require(shape.ProductFits(), name, " is ", shape.ToString(),
          ": too many elements");
  if (!ok()) return;
  Require(tensor.data() != nullptr || tensor.NumElements() == 0, name, " is ",
          shape.ToString(), " but its data is null");
}

void ArgumentChecker::CheckShape(std::string_view name,
                                 const ConstTensor& tensor,
                                 std::string_view shapes) {
  if (!ok()) return;
  const std::vector<std::string_view> alternatives =
      absl::StrSplit(shapes, '|');
  std::vector<std::string_view> fitting;  // the last one with the right rank
  for (std::string_view alternative : alternatives) {
    const std::vector<std::string_view> pattern = Words(alternative);
    if (!RankFits(tensor, pattern)) continue;
    fitting = pattern;
    // Take the first alternative that matches without a contradiction.
    ArgumentChecker trial = *this;
    trial.MatchPattern(name, tensor, pattern);
    if (trial.ok()) {
      *this = trial;
      return;
    }
  }
  if (fitting.empty() && !Words(alternatives[0]).empty()) {
    Fail(absl::StrCat(name, " is ", tensor.shape().ToString(), ", expected ",
                      Describe(shapes)));
    return;
  }
  MatchPattern(name, tensor, fitting);
}

void ArgumentChecker::MatchPattern(std::string_view name,
                                   const ConstTensor& tensor,
                                   absl::Span<const std::string_view> pattern) {
  const Dims& shape = tensor.shape();
  const std::string source = absl::StrCat(name, " ", shape.ToString());
  int i = 0;
  if (HasLeading(pattern)) {
    pattern.remove_prefix(1);
    Dims leading;
    while (shape.size() - i > static_cast<int>(pattern.size())) {
      leading.push_back(shape[i++]);
    }
    Require(leading_source_.empty() || leading == leading_, name, " is ",
            shape.ToString(), " but its leading dimensions should be ",
            leading_.ToString(), " (from ", leading_source_, ")");
    if (!ok()) return;
    leading_ = leading;
    if (leading_source_.empty()) leading_source_ = source;
  }
  for (std::string_view word : pattern) {
    const int64_t size = shape[i++];
    int64_t number = 0;
    if (absl::SimpleAtoi(word, &number)) {
      Require(size == number, name, " is ", shape.ToString(), " but dimension ",
              i - 1, " must be ", number);
    } else if (const Symbol* bound = Find(word)) {
      Require(size == bound->value, name, " is ", shape.ToString(), " but ",
              word, " = ", bound->value, " (from ", bound->source, ")");
    } else {
      Bind(word, size, source);
    }
    if (!ok()) return;
  }
}

void ArgumentChecker::NoOverlap(std::string_view output_name,
                                const ConstTensor& output,
                                std::string_view input_name,
                                const ConstTensor& input) {
  if (!ok()) return;
  Require(!Overlap(output, input), output_name, " overlaps ", input_name);
}

void ArgumentChecker::SameOrNoOverlap(std::string_view output_name,
                                      const ConstTensor& output,
                                      std::string_view input_name,
                                      const ConstTensor& input) {
  if (!ok()) return;
  Require(SameView(output, input) || !Overlap(output, input), output_name,
          " overlaps ", input_name, " without being the same view");
}

}  // namespace tilework
