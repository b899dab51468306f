// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

// The one declaration of a kernel's arguments. Each argument struct has a
// function that shows its members to a visitor, in an order in which a later
// one may depend on earlier ones:
//
//   void Declare(const RopeArgs& args, SchemaVisitor& v) {
//     v.Kernel({.name = "rope", .summary = "...", .rows = "B"});
//     v.Symbol("D", Domain::AtLeast(2));
//     v.Input("x", args.x, {.shape = "B S N D", .dtypes = kFloatTypes,
//                           .help = "the heads"});
//     v.Attribute("inverse", args.inverse, {.help = "rotate back"});
//     v.Bind("h", "D / 2", [&] { return v["D"] / 2; });
//     v.Input("cos", args.cos, {.shape = "S h | B S h", ...});
//     v.Output("y", args.y, {.shape = "B S N D",
//                            .dtypes = SameAs(args.x, "x"),
//                            .may_be = {"x"}, .help = "rotated"});
//   }
//
// Visitors check arguments (check_arguments.h), describe them for people
// (kernel_description.h), fill them from files and command lines, or make them
// up for tests. All read the same declaration; what differs is what the members
// hold when it runs: for a description all are as default-constructed, and when
// arguments are made, those before the current one are set already.
//
// Shapes: symbols and integers separated by blanks, alternatives by '|'. The
// first tensor that names a symbol gives it its value, later ones must agree. A
// leading "..." stands for any number of dimensions, the same wherever it
// appears; so do other words with two dots, "..a". A leading symbol with a
// question mark, "B?", is a dimension that may be left out; the symbol is 1
// then. "1*" alone is one element of any rank.

#ifndef TILEWORK_COMMON_SCHEMA_SCHEMA_VISITOR_H_
#define TILEWORK_COMMON_SCHEMA_SCHEMA_VISITOR_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string_view>

#include "absl/functional/function_ref.h"
#include "absl/log/absl_check.h"
#include "absl/types/span.h"
#include "tilework/common/dtype/dtype.h"
#include "tilework/common/schema/argument_checker.h"
#include "tilework/common/schema/domain.h"
#include "tilework/common/schema/fields.h"
#include "tilework/common/tensor/tensor.h"

namespace tilework {

struct KernelInfo {
  std::string_view name;
  std::string_view summary;  // one line
  // The symbol (or "...") of independent rows: a row's results have the same
  // bits whatever the others are. Empty if there is none.
  std::string_view rows = {};
};

// The shape of a tensor; where it depends on an attribute, one case for each
// value.
class Shapes {
 public:
  struct Case {
    std::string_view pattern;
    std::string_view when;  // "axis = -1"
    bool applies;
  };

  // NOLINTNEXTLINE(google-explicit-constructor)
  Shapes(const char* pattern) : Shapes({Case{pattern, "", true}}) {}
  // NOLINTNEXTLINE(google-explicit-constructor)
  Shapes(std::string_view pattern) : Shapes({Case{pattern, "", true}}) {}
  Shapes(std::initializer_list<Case> cases) {
    for (const Case& c : cases) {
      ABSL_CHECK_LT(size_, kMaxCases);
      cases_[size_++] = c;
    }
  }

  absl::Span<const Case> cases() const {
    return absl::MakeConstSpan(cases_.data(), size_);
  }
  // The pattern of the first case that applies; the first one if none does.
  std::string_view pattern() const {
    for (const Case& c : cases()) {
      if (c.applies) return c.pattern;
    }
    return cases_[0].pattern;
  }

 private:
  static constexpr size_t kMaxCases = 6;
  std::array<Case, kMaxCases> cases_;
  size_t size_ = 0;
};

// The element types that a tensor may have.
class DTypes {
 public:
  template <size_t kSize>
  // NOLINTNEXTLINE(google-explicit-constructor)
  constexpr DTypes(const DType (&dtypes)[kSize])
      : DTypes(absl::MakeConstSpan(dtypes), "") {}
  // `text` describes types that depend on other arguments.
  constexpr DTypes(std::initializer_list<DType> dtypes, std::string_view text)
      : DTypes(absl::MakeConstSpan(dtypes.begin(), dtypes.size()), text) {}
  constexpr DTypes(absl::Span<const DType> dtypes, std::string_view text)
      : text_(text) {
    for (const DType dtype : dtypes) {
      if (dtype == DType::kNone || size_ == kMaxTypes) continue;
      dtypes_[size_++] = dtype;
    }
  }

  absl::Span<const DType> dtypes() const {
    return absl::MakeConstSpan(dtypes_.data(), size_);
  }
  std::string_view text() const { return text_; }

 private:
  static constexpr size_t kMaxTypes = 8;
  std::array<DType, kMaxTypes> dtypes_ = {};
  size_t size_ = 0;
  std::string_view text_;
};

// The type of `tensor`, which `text` names, and perhaps another.
DTypes SameAs(const ConstTensor& tensor, std::string_view text);
DTypes SameAsOr(const ConstTensor& tensor, DType other, std::string_view text);

// Whether a tensor, or an optional attribute, must, may or must not be given.
struct Presence {
  enum class Kind : uint8_t { kRequired, kOptional, kForbidden };
  Kind kind = Kind::kRequired;
  // What it depends on: "gate_mode is NONE" for "not if gate_mode is NONE".
  std::string_view unless = {};
  // What it is when it is not forbidden.
  Kind otherwise = Kind::kRequired;
  // Why one that is otherwise optional is required: "mode is YARN".
  std::string_view required_if = {};
};
constexpr Presence Required() { return {}; }
constexpr Presence Optional() {
  return {.kind = Presence::Kind::kOptional,
          .otherwise = Presence::Kind::kOptional};
}
// Required, but forbidden where `forbidden`; `reason` says when that is, such
// as "gate_mode is NONE".
constexpr Presence RequiredUnless(bool forbidden, std::string_view reason) {
  return {.kind = forbidden ? Presence::Kind::kForbidden
                            : Presence::Kind::kRequired,
          .unless = reason,
          .otherwise = Presence::Kind::kRequired};
}
// Optional, but required where `required`; `reason` says when that is.
constexpr Presence OptionalOrIf(bool required, std::string_view reason) {
  return {
      .kind = required ? Presence::Kind::kRequired : Presence::Kind::kOptional,
      .otherwise = Presence::Kind::kOptional,
      .required_if = reason};
}
constexpr Presence OptionalUnless(bool forbidden, std::string_view reason) {
  return {.kind = forbidden ? Presence::Kind::kForbidden
                            : Presence::Kind::kOptional,
          .unless = reason,
          .otherwise = Presence::Kind::kOptional};
}

// What the elements of a tensor may be.
struct Values {
  Domain domain = {};
  // Whether an element outside is an error; else it is only not typical.
  bool checked = false;
};

struct TensorSpec {
  Shapes shape;
  DTypes dtypes;
  Presence presence = {};
  Values values = {};
  // Of an output: inputs whose very view it may be. An output overlaps no other
  // tensor.
  std::array<std::string_view, 3> may_be = {};
  // The dimension along which f4e2m1 is packed, counted from the last one, -1;
  // 0: any.
  int packed_dim = 0;
  std::string_view help;
};

enum class Direction : uint8_t { kInput, kOutput, kInOut };

struct AttributeSpec {
  Domain domain = {};
  // Of an optional attribute.
  Presence presence = Optional();
  // The value in place of an absent one: "H".
  std::string_view absent = {};
  // The size that an integer is, if it is given: as if a tensor named it.
  std::string_view symbol = {};
  std::string_view help;
};

// Whoever does not care about sizes and rules leaves their functions as they
// are, empty.
class SchemaVisitor {
 public:
  virtual ~SchemaVisitor() = default;

  // First of all.
  virtual void Kernel(const KernelInfo& info) = 0;
  // Takes the independent rows back where `depend`; `when` says when that is,
  // such as "granularity is TENSOR". Before any tensor.
  virtual void RowsDepend(bool /*depend*/, std::string_view /*when*/) {}
  // What a size may be; before the tensors that name it.
  virtual void Symbol(std::string_view /*symbol*/, const Domain& /*domain*/) {}
  // The same, where only another symbol tells: `symbol` is a multiple of `of`.
  virtual void Multiple(std::string_view /*symbol*/, std::string_view /*of*/) {}
  // `symbol` >= `least`.
  virtual void NotLess(std::string_view /*symbol*/,
                       std::string_view /*least*/) {}
  // The leading dimensions `result` are those of `first` and `second`, which
  // broadcast; before the tensors that name them, `first` before `second`.
  virtual void Broadcast(std::string_view /*result*/,
                         std::string_view /*first*/,
                         std::string_view /*second*/) {}
  // Gives a symbol the value of an expression, which is `source` in words.
  virtual void Bind(std::string_view /*symbol*/, std::string_view /*source*/,
                    absl::FunctionRef<int64_t()> /*value*/) {}
  // A rule between arguments, in words and as code.
  virtual void Rule(std::string_view /*text*/,
                    absl::FunctionRef<void(ArgumentChecker&)> /*rule*/) {}
  // The value of a symbol; 0 where it has none, as in descriptions.
  virtual int64_t operator[](std::string_view /*symbol*/) const { return 0; }

  void Input(std::string_view name, const TensorField& tensor,
             const TensorSpec& spec) {
    VisitTensor(Direction::kInput, name, tensor, spec);
  }
  void Output(std::string_view name, const TensorField& tensor,
              const TensorSpec& spec) {
    VisitTensor(Direction::kOutput, name, tensor, spec);
  }
  // A tensor that is read and, in part or whole, written.
  void InOut(std::string_view name, const TensorField& tensor,
             const TensorSpec& spec) {
    VisitTensor(Direction::kInOut, name, tensor, spec);
  }
  void Attribute(std::string_view name, const AttributeField& attribute,
                 const AttributeSpec& spec) {
    VisitAttribute(name, attribute, spec);
  }
  // Attributes that are given together or not at all: a flag, and the members
  // of the struct, which `members` shows.
  template <typename T>
  void Group(std::string_view name, const std::optional<T>& group,
             std::string_view help, absl::FunctionRef<void(const T&)> members) {
    VisitAttribute(name, AttributeField::Given(group), {.help = help});
    if (group.has_value()) {
      members(*group);
    } else if (ShowsAbsent()) {
      members(T());
    }
  }

 protected:
  // Whether the members of absent groups are visited too. Not by those who set
  // them.
  virtual bool ShowsAbsent() const { return false; }
  virtual void VisitTensor(Direction direction, std::string_view name,
                           const TensorField& tensor,
                           const TensorSpec& spec) = 0;
  virtual void VisitAttribute(std::string_view name,
                              const AttributeField& attribute,
                              const AttributeSpec& spec) = 0;
};

}  // namespace tilework

#endif  // TILEWORK_COMMON_SCHEMA_SCHEMA_VISITOR_H_
