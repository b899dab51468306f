// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

// The set of numbers that an attribute, a size or an element may be, with the
// words for it: "1..8" in messages and "1..H" in documentation.

#ifndef TILEWORK_COMMON_SCHEMA_DOMAIN_H_
#define TILEWORK_COMMON_SCHEMA_DOMAIN_H_

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "absl/types/span.h"

namespace tilework {

// A number that may stand for an expression: {check["H"], "H"}.
struct Bound {
  // NOLINTNEXTLINE(google-explicit-constructor)
  constexpr Bound(double value, std::string_view name = {})
      : value(value), name(name) {}
  // NOLINTNEXTLINE(google-explicit-constructor)
  constexpr Bound(int value) : value(value) {}
  // NOLINTNEXTLINE(google-explicit-constructor)
  constexpr Bound(int64_t value, std::string_view name = {})
      : value(static_cast<double>(value)), name(name) {}

  double value;
  std::string_view name;
};

// A value of an enumeration.
struct Enumerator {
  int64_t value;
  std::string_view name;  // as on the command line: "ROW"
};

// A number for messages: whole ones with all their digits.
std::string NumberText(double value);

class Domain {
 public:
  // Every number, NaN too.
  constexpr Domain() = default;
  // Every number but NaN.
  static constexpr Domain NotNaN() { return Domain(Kind::kNotNaN, -2, 2); }
  // >= low; infinity too.
  static constexpr Domain AtLeast(Bound low) {
    return Domain(Kind::kAtLeast, low, low);
  }
  static constexpr Domain FiniteAtLeast(Bound low) {
    return Domain(Kind::kFiniteAtLeast, low, low);
  }
  static constexpr Domain FiniteAbove(Bound low) {
    return Domain(Kind::kFiniteAbove, low, low);
  }
  // Whole or real numbers, both ends included.
  static constexpr Domain Between(Bound low, Bound high) {
    return Domain(Kind::kBetween, low, high);
  }
  // low < x <= high.
  static constexpr Domain AboveUpTo(Bound low, Bound high) {
    return Domain(Kind::kAboveUpTo, low, high);
  }
  // low <= x < high.
  static constexpr Domain FromBelow(Bound low, Bound high) {
    return Domain(Kind::kFromBelow, low, high);
  }
  static constexpr Domain EvenBetween(Bound low, Bound high) {
    return Domain(Kind::kEvenBetween, low, high);
  }
  // The whole numbers >= 1 that divide `number`.
  static constexpr Domain DivisorOf(Bound number) {
    return Domain(Kind::kDivisor, 1, number);
  }
  // One or the other.
  static constexpr Domain Either(Bound first, Bound second) {
    return Domain(Kind::kEither, first, second);
  }
  // `enumerators` must outlive the domain.
  static constexpr Domain OneOf(absl::Span<const Enumerator> enumerators) {
    Domain domain(Kind::kEnumerators, 0, 0);
    domain.enumerators_ = enumerators;
    return domain;
  }

  // The domain and NaN.
  constexpr Domain OrNaN() const {
    Domain domain = *this;
    domain.or_nan_ = true;
    return domain;
  }

  bool Contains(double value) const;
  bool is_any() const { return kind_ == Kind::kAny; }
  // Its numbers but for NaN, if they are all those between two of f64; for
  // loops over many values.
  struct Range {
    double least;
    double greatest;
  };
  std::optional<Range> range() const;
  absl::Span<const Enumerator> enumerators() const { return enumerators_; }

  // "1..8", ">= 0 and finite", "0 (NONE) or 1 (PRE)"; empty if every number is
  // allowed.
  std::string ToString() const { return Text(/*formula=*/false); }
  // "1..H"; enumerators without their numbers: "NONE, PRE".
  std::string ToFormula() const { return Text(/*formula=*/true); }

  // The `index`th of a few values at the edges of the domain and amid it, those
  // of Contains(value) first; numbers past the edges follow.
  struct Examples {
    std::array<double, 8> inside;
    int num_inside = 0;
    std::array<double, 4> outside;
    int num_outside = 0;
  };
  // Of whole numbers alone, or real numbers too.
  Examples MakeExamples(bool whole) const;

 private:
  enum class Kind : uint8_t {
    kAny,
    kNotNaN,
    kAtLeast,
    kFiniteAtLeast,
    kFiniteAbove,
    kBetween,
    kAboveUpTo,
    kFromBelow,
    kEvenBetween,
    kDivisor,
    kEither,
    kEnumerators,
  };
  constexpr Domain(Kind kind, Bound low, Bound high)
      : kind_(kind), low_(low), high_(high) {}

  bool Holds(double value) const;
  std::string Text(bool formula) const;
  std::string WordsText(bool formula) const;
  std::string EnumeratorsText(bool formula) const;

  Kind kind_ = Kind::kAny;
  Bound low_ = 0;
  Bound high_ = 0;
  bool or_nan_ = false;
  absl::Span<const Enumerator> enumerators_;
};

}  // namespace tilework

#endif  // TILEWORK_COMMON_SCHEMA_DOMAIN_H_
