// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

#include "tilework/common/schema/domain.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>

#include "absl/strings/str_cat.h"

namespace tilework {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

bool IsMultiple(double value, double of) { return std::fmod(value, of) == 0; }

std::string BoundText(const Bound& bound, bool formula) {
  if (formula && !bound.name.empty()) return std::string(bound.name);
  return NumberText(bound.value);
}

}  // namespace

std::string NumberText(double value) {
  if (std::abs(value) < 0x1p53 && std::trunc(value) == value) {
    return absl::StrCat(static_cast<int64_t>(value));
  }
  return absl::StrCat(value);
}

bool Domain::Contains(double value) const {
  return (or_nan_ && std::isnan(value)) || Holds(value);
}

bool Domain::Holds(double value) const {
  const double low = low_.value;
  const double high = high_.value;
  switch (kind_) {
    case Kind::kAny:
      return true;
    case Kind::kNotNaN:
      return !std::isnan(value);
    case Kind::kAtLeast:
      return value >= low;
    case Kind::kFiniteAtLeast:
      return value >= low && value < kInfinity;
    case Kind::kFiniteAbove:
      return value > low && value < kInfinity;
    case Kind::kBetween:
      return value >= low && value <= high;
    case Kind::kAboveUpTo:
      return value > low && value <= high;
    case Kind::kFromBelow:
      return value >= low && value < high;
    case Kind::kEvenBetween:
      return value >= low && value <= high && IsMultiple(value, 2);
    case Kind::kDivisor:
      return value >= 1 && value <= std::max(high, 1.0) &&
             IsMultiple(high, value);
    case Kind::kEither:
      return value == low || value == high;
    case Kind::kEnumerators:
      return std::any_of(enumerators_.begin(), enumerators_.end(),
                         [&](const Enumerator& e) {
                           return static_cast<double>(e.value) == value;
                         });
  }
  return false;
}

std::optional<Domain::Range> Domain::range() const {
  constexpr double kLargest = std::numeric_limits<double>::max();
  switch (kind_) {
    case Kind::kAny:
    case Kind::kNotNaN:
      return Range{-kInfinity, kInfinity};
    case Kind::kAtLeast:
      return Range{low_.value, kInfinity};
    case Kind::kFiniteAtLeast:
      return Range{low_.value, kLargest};
    case Kind::kFiniteAbove:
      return Range{std::nextafter(low_.value, kInfinity), kLargest};
    case Kind::kBetween:
      return Range{low_.value, high_.value};
    case Kind::kAboveUpTo:
      return Range{std::nextafter(low_.value, kInfinity), high_.value};
    case Kind::kFromBelow:
      return Range{low_.value, std::nextafter(high_.value, -kInfinity)};
    case Kind::kEvenBetween:
    case Kind::kDivisor:
    case Kind::kEither:
    case Kind::kEnumerators:
      return std::nullopt;
  }
  return std::nullopt;
}

std::string Domain::EnumeratorsText(bool formula) const {
  std::string text;
  for (size_t i = 0; i < enumerators_.size(); ++i) {
    const bool is_last = i + 1 == enumerators_.size();
    if (i > 0) absl::StrAppend(&text, is_last && !formula ? " or " : ", ");
    const Enumerator& e = enumerators_[i];
    if (formula) {
      absl::StrAppend(&text, e.name);
    } else {
      absl::StrAppend(&text, e.value, " (", e.name, ")");
    }
  }
  return text;
}

std::string Domain::Text(bool formula) const {
  return absl::StrCat(WordsText(formula), or_nan_ ? ", or NaN" : "");
}

std::string Domain::WordsText(bool formula) const {
  const std::string low = BoundText(low_, formula);
  const std::string high = BoundText(high_, formula);
  switch (kind_) {
    case Kind::kAny:
      return "";
    case Kind::kNotNaN:
      return "a number";
    case Kind::kAtLeast:
      return absl::StrCat(">= ", low);
    case Kind::kFiniteAtLeast:
      return absl::StrCat(">= ", low, " and finite");
    case Kind::kFiniteAbove:
      return absl::StrCat("> ", low, " and finite");
    case Kind::kBetween:
      return low == high ? low : absl::StrCat(low, "..", high);
    case Kind::kAboveUpTo:
      return absl::StrCat("in (", low, ", ", high, "]");
    case Kind::kFromBelow:
      return absl::StrCat("in [", low, ", ", high, ")");
    case Kind::kEvenBetween:
      return absl::StrCat("an even number in ", low, "..", high);
    case Kind::kDivisor:
      return formula || high_.name.empty()
                 ? absl::StrCat("a divisor of ", high)
                 : absl::StrCat("a divisor of ", high_.name, " = ", high);
    case Kind::kEither:
      return absl::StrCat(low, " or ", high);
    case Kind::kEnumerators:
      return EnumeratorsText(formula);
  }
  return "";
}

Domain::Examples Domain::MakeExamples(bool whole) const {
  Examples examples;
  const auto add = [&](double value) {
    if (whole && std::trunc(value) != value) return;
    if (Contains(value)) {
      const auto end = examples.inside.begin() + examples.num_inside;
      if (std::find(examples.inside.begin(), end, value) != end) return;
      if (examples.num_inside == 8) return;
      examples.inside[static_cast<size_t>(examples.num_inside++)] = value;
    } else if (examples.num_outside < 4) {
      examples.outside[static_cast<size_t>(examples.num_outside++)] = value;
    }
  };
  for (const Enumerator& e : enumerators_) add(static_cast<double>(e.value));
  if (kind_ == Kind::kEnumerators) {
    add(static_cast<double>(enumerators_.back().value + 1));
    add(255);
    return examples;
  }
  const double low = low_.value;
  const double high = high_.value;
  for (const double value :
       {low, high, low + 1, high - 1, std::trunc(high / 2), (low + high) / 2,
        low - 1, high + 1, low + 2, low + 6, low + 30}) {
    add(value);
  }
  if (!whole) {
    for (const double value : {low + 1e-6, low + 0.1, high + 10, std::nan(""),
                               kInfinity, -kInfinity}) {
      add(value);
    }
  }
  return examples;
}

}  // namespace tilework
