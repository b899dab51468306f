// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

#include "tilework/common/schema/argument_checker.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/log/absl_check.h"
#include "absl/status/status.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "absl/types/span.h"
#include "tilework/common/dtype/dtype.h"
#include "tilework/common/schema/domain.h"
#include "tilework/common/tensor/overlap.h"
#include "tilework/common/tensor/packing.h"
#include "tilework/common/tensor/tensor.h"

namespace tilework {
namespace {

bool IsDigit(char c) { return c >= '0' && c <= '9'; }

// The value of a word that is a number.
std::optional<int64_t> Number(std::string_view word) {
  if (!std::all_of(word.begin(), word.end(), IsDigit)) return std::nullopt;
  int64_t value = 0;
  for (const char c : word) value = 10 * value + (c - '0');
  return value;
}

// Takes the text up to `separator`, or all of it, off the front of `rest`.
std::string_view TakeUntil(char separator, std::string_view& rest) {
  const std::string_view head = rest.substr(0, rest.find(separator));
  rest.remove_prefix(std::min(rest.size(), head.size() + 1));
  return head;
}

}  // namespace

std::optional<Dims> BroadcastDims(const Dims& a, const Dims& b) {
  const int rank = std::max(a.size(), b.size());
  Dims result;
  for (int i = 0; i < rank; ++i) {
    const int in_a = i - (rank - a.size());
    const int in_b = i - (rank - b.size());
    const int64_t x = in_a < 0 ? 1 : a[in_a];
    const int64_t y = in_b < 0 ? 1 : b[in_b];
    if (x != y && x != 1 && y != 1) return std::nullopt;
    result.push_back(x == 1 ? y : x);
  }
  return result;
}

std::string DescribeShapes(std::string_view shapes) {
  std::vector<std::string> alternatives;
  for (std::string_view pattern : absl::StrSplit(shapes, '|')) {
    std::vector<std::string_view> words =
        absl::StrSplit(pattern, ' ', absl::SkipEmpty());
    if (words == std::vector<std::string_view>{kOneElementWord}) {
      alternatives.push_back("one element");
      continue;
    }
    const bool may_lack_first =
        !words.empty() && absl::ConsumeSuffix(&words[0], "?");
    const auto add = [&] {
      alternatives.push_back(
          absl::StrCat("[", absl::StrJoin(words, ", "), "]"));
    };
    add();
    if (!may_lack_first) continue;
    words.erase(words.begin());
    add();
  }
  return absl::StrJoin(alternatives, " or ");
}

// One alternative of a shape: its words but for a leading one.
struct ArgumentChecker::Pattern {
  std::string_view text;
  std::array<std::string_view, kMaxRank> words;
  int size = 0;
  std::string_view leading = {};  // "...", or empty
  bool may_lack_first = false;    // written "B?"
  bool is_one_element = false;    // of any rank

  explicit Pattern(std::string_view text) : text(text) {
    while (!text.empty()) {
      const std::string_view word = TakeUntil(' ', text);
      if (word.empty()) continue;
      if (IsLeadingWord(word)) {
        leading = word;
        continue;
      }
      if (word == kOneElementWord) {
        is_one_element = true;
        continue;
      }
      ABSL_CHECK_LT(size, kMaxRank) << text;
      words[static_cast<size_t>(size++)] = word;
    }
    may_lack_first = size > 0 && absl::ConsumeSuffix(&words[0], "?");
  }
  std::string_view operator[](int i) const {
    return words[static_cast<size_t>(i)];
  }
  bool RankFits(int rank) const {
    if (is_one_element) return true;
    return !leading.empty() ? rank >= size : rank == size || LacksFirst(rank);
  }
  bool LacksFirst(int rank) const { return may_lack_first && rank == size - 1; }
  // `shape` with a 1 for a dimension that was left out.
  Dims Complete(const Dims& shape) const {
    if (!LacksFirst(shape.size())) return shape;
    Dims complete = {1};
    for (const int64_t dim : shape) complete.push_back(dim);
    return complete;
  }
};

std::string ArgumentChecker::Source::ToString() const {
  return is_tensor ? absl::StrCat(name, " ", shape.ToString())
                   : std::string(name);
}

std::string ArgumentChecker::Leading::Origin() const {
  return other.name.empty()
             ? source.ToString()
             : absl::StrCat(source.ToString(), " and ", other.ToString());
}

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
    if (bound->value == value) return;
    Require(false, symbol, " = ", value, " (from ", source, ") but ", symbol,
            " = ", bound->value, " (from ", bound->source.ToString(), ")");
    return;
  }
  symbols_.push_back({symbol, value, {source, Dims(), false}});
  CheckConstraint(symbols_.back());
}

void ArgumentChecker::Constrain(std::string_view symbol, const Domain& domain) {
  if (ok()) constraints_.push_back({symbol, domain});
}

void ArgumentChecker::CheckConstraint(const Symbol& symbol) {
  for (const Constraint& constraint : constraints_) {
    if (constraint.symbol != symbol.name ||
        constraint.domain.Contains(static_cast<double>(symbol.value))) {
      continue;
    }
    const Source& source = symbol.source;
    Require(false, source.name, source.is_tensor ? " is " : "",
            source.is_tensor ? source.shape.ToString() : "", ": ", symbol.name,
            " = ", symbol.value, ", expected ", constraint.domain.ToString());
  }
}

// "D = 3 (from x [2, 3])"
std::string ArgumentChecker::Describe(std::string_view symbol) const {
  const Symbol* found = Find(symbol);
  return absl::StrCat(symbol, " = ", found->value, " (from ",
                      found->source.ToString(), ")");
}

void ArgumentChecker::RequireMultiple(std::string_view symbol,
                                      std::string_view of) {
  if (!ok() || Find(symbol) == nullptr || Find(of) == nullptr) return;
  const int64_t value = (*this)[symbol];
  const int64_t divisor = (*this)[of];
  if (divisor > 0 ? value % divisor == 0 : value == 0) return;
  Require(false, Describe(symbol), " is not a multiple of ", Describe(of));
}

void ArgumentChecker::RequireNotLess(std::string_view symbol,
                                     std::string_view least) {
  if (!ok() || Find(symbol) == nullptr || Find(least) == nullptr) return;
  if ((*this)[symbol] >= (*this)[least]) return;
  Require(false, Describe(symbol), " is less than ", Describe(least));
}

void ArgumentChecker::Required(std::string_view name, const ConstTensor& tensor,
                               std::string_view shapes,
                               absl::Span<const DType> dtypes, int packed_dim) {
  if (ok() && !tensor.present()) {
    Require(false, name, " is missing, expected ", DescribeShapes(shapes));
  }
  Optional(name, tensor, shapes, dtypes, packed_dim);
}

void ArgumentChecker::Optional(std::string_view name, const ConstTensor& tensor,
                               std::string_view shapes,
                               absl::Span<const DType> dtypes, int packed_dim) {
  if (!ok() || !tensor.present()) return;
  CheckStorage(name, tensor, dtypes);
  CheckPacking(name, tensor, packed_dim);
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
  if (std::find(dtypes.begin(), dtypes.end(), tensor.dtype()) == dtypes.end()) {
    Require(false, name, " has dtype ", Name(tensor.dtype()), ", expected ",
            absl::StrJoin(dtypes, " or ", [](std::string* out, DType dtype) {
              absl::StrAppend(out, Name(dtype));
            }));
  }
  Require(tensor.space() == space_, name, " is in ", Name(tensor.space()),
          " memory but the context is a ", Name(space_), " context");
  const Dims& shape = tensor.shape();
  const auto not_negative = [](int64_t value) { return value >= 0; };
  Require(std::all_of(shape.begin(), shape.end(), not_negative), name, " is ",
          shape, ": a size is negative");
  Require(std::all_of(tensor.strides().begin(), tensor.strides().end(),
                      not_negative),
          name, " has strides ", tensor.strides(), ": a stride is negative");
  if (!ok()) return;
  Require(shape.ProductFits(), name, " is ", shape, ": too many elements");
  if (!ok()) return;
  Require(tensor.data() != nullptr || tensor.NumElements() == 0, name, " is ",
          shape, " but its data is null");
}

void ArgumentChecker::CheckPacking(std::string_view name,
                                   const ConstTensor& tensor, int packed_dim) {
  if (!ok() || PackFactor(tensor.dtype()) == 1) return;
  if (packed_dim == 0 || tensor.NumElements() <= 1) {
    Require(IsPacked(tensor), name, " of ", Name(tensor.dtype()),
            " has strides ", tensor.strides(),
            ", expected 1 in one dimension and even ones elsewhere");
  } else if (-packed_dim <= tensor.rank()) {
    Require(IsPackedAlong(tensor, packed_dim), name, " of ",
            Name(tensor.dtype()), " has strides ", tensor.strides(),
            ", expected 1 in dimension ", tensor.rank() + packed_dim,
            " and even ones elsewhere");
  }
}

void ArgumentChecker::CheckShape(std::string_view name,
                                 const ConstTensor& tensor,
                                 std::string_view shapes) {
  if (!ok()) return;
  // The first alternative that matches without a contradiction, else the last
  // one with the right rank, for its message.
  const Dims& shape = tensor.shape();
  std::optional<Pattern> fitting;
  std::string_view rest = shapes;
  do {
    const Pattern pattern(TakeUntil('|', rest));
    if (!pattern.RankFits(shape.size())) continue;
    fitting = pattern;
    if (Matches(shape, pattern)) break;
  } while (!rest.empty());
  if (!fitting.has_value()) {
    Require(false, name, " is ", shape, ", expected ", DescribeShapes(shapes));
    return;
  }
  if (fitting->is_one_element) {
    Require(shape.Product() == 1, name, " is ", shape, ", expected ",
            DescribeShapes(shapes));
    return;
  }
  Match(name, shape, *fitting);
}

bool ArgumentChecker::Matches(const Dims& given, const Pattern& pattern) const {
  if (pattern.is_one_element) return given.Product() == 1;
  const Dims shape = pattern.Complete(given);
  const int num_leading = shape.size() - pattern.size;
  if (const Leading* known = FindLeading(pattern.leading)) {
    if (num_leading != known->dims.size()) return false;
    for (int i = 0; i < num_leading; ++i) {
      if (shape[i] != known->dims[i]) return false;
    }
  }
  for (int i = 0; i < pattern.size; ++i) {
    const std::string_view word = pattern[i];
    const int64_t size = shape[num_leading + i];
    if (const std::optional<int64_t> number = Number(word)) {
      if (size != *number) return false;
      continue;
    }
    if (const Symbol* bound = Find(word)) {
      if (size != bound->value) return false;
      continue;
    }
    for (int j = 0; j < i; ++j) {
      if (pattern[j] == word && shape[num_leading + j] != size) return false;
    }
  }
  return true;
}

void ArgumentChecker::Match(std::string_view name, const Dims& given,
                            const Pattern& pattern) {
  const Source source = {name, given, true};
  const Dims shape = pattern.Complete(given);
  const int num_leading = shape.size() - pattern.size;
  if (!pattern.leading.empty()) {
    Dims leading;
    for (int i = 0; i < num_leading; ++i) leading.push_back(shape[i]);
    MatchLeading(source, leading, pattern);
  }
  for (int i = 0; i < pattern.size && ok(); ++i) {
    MatchWord(source, num_leading + i, shape[num_leading + i], pattern[i]);
  }
}

const ArgumentChecker::Leading* ArgumentChecker::FindLeading(
    std::string_view word) const {
  const auto it =
      std::find_if(leading_.begin(), leading_.end(),
                   [&](const Leading& l) { return l.word == word; });
  return it == leading_.end() ? nullptr : &*it;
}

Dims ArgumentChecker::leading(std::string_view word) const {
  const Leading* known = FindLeading(word);
  return known == nullptr ? Dims() : known->dims;
}

void ArgumentChecker::Broadcast(std::string_view result, std::string_view first,
                                std::string_view second) {
  if (ok()) broadcasts_.push_back({result, first, second});
}

// Gives the result a value once both parts have one.
void ArgumentChecker::CheckBroadcast(const BroadcastRule& rule) {
  const Leading* first = FindLeading(rule.first);
  const Leading* second = FindLeading(rule.second);
  if (first == nullptr || second == nullptr) return;
  if (FindLeading(rule.result) != nullptr) return;
  const std::optional<Dims> dims = BroadcastDims(first->dims, second->dims);
  if (dims.has_value()) {
    leading_.push_back({rule.result, *dims, first->source, second->source});
    return;
  }
  Require(false, second->source.ToString(),
          " has leading dimensions that do not broadcast with those of ",
          first->source.ToString());
}

void ArgumentChecker::MatchLeading(const Source& source, const Dims& leading,
                                   const Pattern& pattern) {
  const Leading* known = FindLeading(pattern.leading);
  if (known == nullptr) {
    leading_.push_back({pattern.leading, leading, source});
    for (const BroadcastRule& rule : broadcasts_) CheckBroadcast(rule);
  } else if (!(leading == known->dims)) {
    Require(false, source.name, " is ", source.shape,
            " but its leading dimensions should be ", known->dims, " (from ",
            known->Origin(), "), expected ", DescribeShapes(pattern.text));
  }
}

// Dimension i of `source`, which is `size`, against `word`.
void ArgumentChecker::MatchWord(const Source& source, int i, int64_t size,
                                std::string_view word) {
  if (const std::optional<int64_t> number = Number(word)) {
    Require(size == *number, source.name, " is ", source.shape,
            " but dimension ", i, " must be ", *number);
  } else if (const Symbol* bound = Find(word)) {
    if (size == bound->value) return;
    Require(false, source.name, " is ", source.shape, " but ", word, " = ",
            bound->value, " (from ", bound->source.ToString(), ")");
  } else {
    symbols_.push_back({word, size, source});
    CheckConstraint(symbols_.back());
  }
}

void ArgumentChecker::NoOverlap(std::string_view output_name,
                                const ConstTensor& output,
                                std::string_view input_name,
                                const ConstTensor& input) {
  if (!ok()) return;
  Require(!MayShareElements(output, input), output_name, " overlaps ",
          input_name);
}

void ArgumentChecker::SameOrNoOverlap(std::string_view output_name,
                                      const ConstTensor& output,
                                      std::string_view input_name,
                                      const ConstTensor& input) {
  if (!ok()) return;
  Require(SameView(output, input) || !MayShareElements(output, input),
          output_name, " overlaps ", input_name,
          " without being the same view");
}

}  // namespace tilework
