// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

#include "tilework/common/schema/check_arguments.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string_view>
#include <type_traits>
#include <variant>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "tilework/common/dtype/dtype.h"
#include "tilework/common/dtype/narrow.h"
#include "tilework/common/schema/argument_checker.h"
#include "tilework/common/schema/attribute_text.h"
#include "tilework/common/schema/domain.h"
#include "tilework/common/schema/fields.h"
#include "tilework/common/schema/schema_visitor.h"
#include "tilework/common/tensor/row_offsets.h"
#include "tilework/common/tensor/tensor.h"

namespace tilework {
namespace {

// Whether the scales have no gaps and all are numbers, which `domain` has:
// those of a large matrix are many, and soon looked through so.
bool AreAllNumbers(const ConstTensor& scales, const Domain& domain) {
  const std::optional<Domain::Range> range = domain.range();
  const bool has_no_gaps =
      scales.IsContiguous() ||
      (scales.rank() >= 2 && scales.Transpose().IsContiguous());
  return has_no_gaps && range && range->least <= 0x1p-127 &&
         range->greatest >= 0x1p127 &&
         std::memchr(scales.data(), E8M0::kNaNBits,
                     static_cast<size_t>(scales.NumElements())) == nullptr;
}

// The place of element `i` of row `row` of `shape`.
Dims PlaceOf(const Dims& shape, int64_t row, int64_t i) {
  Dims place = shape;
  if (place.size() == 0) return place;
  place[place.size() - 1] = i;
  for (int d = place.size() - 2; d >= 0; --d) {
    place[d] = row % shape[d];
    row /= shape[d];
  }
  return place;
}

template <typename T>
double Widen(T value) {
  if constexpr (std::is_integral_v<T>) {
    return static_cast<double>(value);
  } else {
    return static_cast<double>(static_cast<float>(value));
  }
}

template <typename T>
void CheckRows(std::string_view name, const ConstTensor& tensor,
               const Domain& domain, ArgumentChecker& check) {
  const bool is_scalar = tensor.rank() == 0;
  const int64_t size = is_scalar ? 1 : tensor.dim(-1);
  const int64_t stride = is_scalar ? 0 : tensor.stride(-1);
  const RowOffsets offsets(tensor, tensor.rank() - 1);
  const int64_t num_rows = size == 0 ? 0 : tensor.NumElements() / size;
  const std::optional<Domain::Range> range = domain.range();
  for (int64_t row = 0; row < num_rows; ++row) {
    const T* values = tensor.data<T>() + offsets[row];
    for (int64_t i = 0; i < size; ++i) {
      const double value = Widen(values[i * stride]);
      if (range && value >= range->least && value <= range->greatest) continue;
      if (domain.Contains(value)) continue;
      check.Require(false, name, PlaceOf(tensor.shape(), row, i), " is ",
                    NumberText(value), ", expected ", domain.ToString());
      return;
    }
  }
}

void CheckValues(std::string_view name, const ConstTensor& tensor,
                 const Domain& domain, ArgumentChecker& check) {
  switch (tensor.dtype()) {
    case DType::kI32:
      return CheckRows<int32_t>(name, tensor, domain, check);
    case DType::kI64:
      return CheckRows<int64_t>(name, tensor, domain, check);
    case DType::kF32:
      return CheckRows<float>(name, tensor, domain, check);
    case DType::kBF16:
      return CheckRows<BFloat16>(name, tensor, domain, check);
    case DType::kF16:
      return CheckRows<Float16>(name, tensor, domain, check);
    case DType::kE8M0:
      if (tensor.NumElements() == 0 || AreAllNumbers(tensor, domain)) return;
      return CheckRows<E8M0>(name, tensor, domain, check);
    default:
      // Codes and flags of one byte: all mean something.
      return;
  }
}

double AsDouble(const AttributeValue& value) {
  if (const auto* number = std::get_if<int64_t>(&value)) {
    return static_cast<double>(*number);
  }
  if (const auto* number = std::get_if<uint64_t>(&value)) {
    return static_cast<double>(*number);
  }
  if (const auto* dtype = std::get_if<DType>(&value)) {
    return static_cast<double>(*dtype);
  }
  return std::get<double>(value);
}

bool Fits(const AttributeValue& value, const Domain& domain) {
  if (const auto* list = std::get_if<IntList>(&value)) {
    return std::all_of(list->begin(), list->end(), [&](int64_t number) {
      return domain.Contains(static_cast<double>(number));
    });
  }
  return domain.Contains(AsDouble(value));
}

}  // namespace

void CheckVisitor::Symbol(std::string_view symbol, const Domain& domain) {
  check_->Constrain(symbol, domain);
}

void CheckVisitor::Multiple(std::string_view symbol, std::string_view of) {
  relations_.push_back({symbol, of, true});
}

void CheckVisitor::NotLess(std::string_view symbol, std::string_view least) {
  relations_.push_back({symbol, least, false});
}

void CheckVisitor::Broadcast(std::string_view result, std::string_view first,
                             std::string_view second) {
  check_->Broadcast(result, first, second);
}

void CheckVisitor::Bind(std::string_view symbol, std::string_view source,
                        absl::FunctionRef<int64_t()> value) {
  // Values may be quotients of related symbols.
  CheckRelations();
  if (check_->ok()) check_->Bind(symbol, value(), source);
}

void CheckVisitor::Rule(std::string_view /*text*/,
                        absl::FunctionRef<void(ArgumentChecker&)> rule) {
  if (check_->ok()) rule(*check_);
}

int64_t CheckVisitor::operator[](std::string_view symbol) const {
  return (*check_)[symbol];
}

void CheckVisitor::VisitTensor(Direction direction, std::string_view name,
                               const TensorField& tensor,
                               const TensorSpec& spec) {
  if (!check_->ok()) return;
  const ConstTensor& view = tensor.view();
  switch (spec.presence.kind) {
    case Presence::Kind::kRequired:
      check_->Required(name, view, spec.shape.pattern(), spec.dtypes.dtypes(),
                       spec.packed_dim);
      break;
    case Presence::Kind::kOptional:
      check_->Optional(name, view, spec.shape.pattern(), spec.dtypes.dtypes(),
                       spec.packed_dim);
      break;
    case Presence::Kind::kForbidden:
      check_->Forbidden(name, view, spec.presence.unless);
      break;
  }
  if (view.present()) {
    seen_.push_back({direction, name, view, spec.values, spec.may_be});
  }
}

void CheckAttribute(std::string_view name, const AttributeField& attribute,
                    const AttributeSpec& spec, ArgumentChecker& check) {
  if (!check.ok()) return;
  const AttributeValue value = attribute.get();
  const bool is_given = !std::holds_alternative<std::monostate>(value);
  const Presence& presence = spec.presence;
  check.Require(is_given || presence.kind != Presence::Kind::kRequired, name,
                " is missing but ", presence.required_if);
  check.Require(!is_given || presence.kind != Presence::Kind::kForbidden, name,
                " is given but ", presence.unless);
  if (!is_given) return;
  if (!spec.domain.is_any() && !Fits(value, spec.domain)) {
    const bool is_dtype = attribute.type() == AttributeType::kDType;
    check.Require(false, name, " is ", AttributeNumber(value), ", expected ",
                  is_dtype ? spec.domain.ToFormula() : spec.domain.ToString());
  }
  if (!spec.symbol.empty()) {
    check.Bind(spec.symbol, std::get<int64_t>(value), name);
  }
}

void CheckVisitor::VisitAttribute(std::string_view name,
                                  const AttributeField& attribute,
                                  const AttributeSpec& spec) {
  CheckAttribute(name, attribute, spec, *check_);
}

// Of symbols that have values.
void CheckVisitor::CheckRelations() {
  for (const Relation& relation : relations_) {
    if (relation.is_multiple) {
      check_->RequireMultiple(relation.symbol, relation.other);
    } else {
      check_->RequireNotLess(relation.symbol, relation.other);
    }
  }
}

void CheckVisitor::CheckOverlap(const Seen& output, const Seen& other) {
  const bool may_be = std::find(output.may_be.begin(), output.may_be.end(),
                                other.name) != output.may_be.end();
  if (may_be) {
    check_->SameOrNoOverlap(output.name, output.tensor, other.name,
                            other.tensor);
  } else {
    check_->NoOverlap(output.name, output.tensor, other.name, other.tensor);
  }
}

void CheckVisitor::CheckOverlaps() {
  for (size_t i = 0; i < seen_.size(); ++i) {
    if (seen_[i].direction == Direction::kInput) continue;
    for (size_t j = 0; j < seen_.size(); ++j) {
      const bool is_input = seen_[j].direction == Direction::kInput;
      if (is_input || j < i) CheckOverlap(seen_[i], seen_[j]);
    }
  }
}

absl::Status CheckVisitor::Finish() {
  CheckRelations();
  if (check_->ok()) CheckOverlaps();
  for (const Seen& seen : seen_) {
    if (!check_->ok() || space_ != MemorySpace::kHost) break;
    if (!seen.values.checked) continue;
    CheckValues(seen.name, seen.tensor, seen.values.domain, *check_);
  }
  return check_->status();
}

}  // namespace tilework
