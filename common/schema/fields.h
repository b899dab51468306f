// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

// References to the members of an argument struct, whatever their types are:
// what schema visitors read and set.

#ifndef TILEWORK_COMMON_SCHEMA_FIELDS_H_
#define TILEWORK_COMMON_SCHEMA_FIELDS_H_

#include <array>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <type_traits>
#include <utility>
#include <variant>

#include "absl/container/inlined_vector.h"
#include "tilework/common/dtype/dtype.h"
#include "tilework/common/tensor/tensor.h"

namespace tilework {

// Other types than Tensor and ConstTensor take part by two functions that
// argument-dependent lookup finds:
//   ConstTensor AsTensor(const Operand& operand);
//   void SetTensor(Operand& operand, const Tensor& tensor);
template <typename T>
concept TensorOperand = requires(const T& from, T& to, const Tensor& tensor) {
  { AsTensor(from) } -> std::convertible_to<ConstTensor>;
  SetTensor(to, tensor);
};

// A member that is a tensor. The struct outlives it; set() is for those who own
// a struct that is not const.
class TensorField {
 public:
  // NOLINTNEXTLINE(google-explicit-constructor)
  TensorField(const ConstTensor& member) : TensorField(&member) {
    view_ = member;
  }
  // NOLINTNEXTLINE(google-explicit-constructor)
  TensorField(const Tensor& member) : TensorField(&member) { view_ = member; }
  template <TensorOperand T>
  // NOLINTNEXTLINE(google-explicit-constructor)
  TensorField(const T& member)
      : member_(&member), set_([](const void* to, const Tensor& tensor) {
          SetTensor(*const_cast<T*>(static_cast<const T*>(to)), tensor);
        }) {
    view_ = AsTensor(member);
  }

  // A part of `member` that is `view`; `set` sets it.
  TensorField(const void* member, const ConstTensor& view,
              void (*set)(const void* member, const Tensor& tensor))
      : member_(member), set_(set), view_(view) {}

  // What the member was when the reference was made.
  const ConstTensor& view() const { return view_; }
  void set(const Tensor& tensor) const { set_(member_, tensor); }

 private:
  template <typename T>
  explicit TensorField(const T* member)
      : member_(member), set_([](const void* to, const Tensor& tensor) {
          *const_cast<T*>(static_cast<const T*>(to)) = tensor;
        }) {}

  const void* member_;
  void (*set_)(const void* member, const Tensor& tensor);
  ConstTensor view_;
};

using IntList = absl::InlinedVector<int64_t, 8>;

// The value of an attribute; nothing for an absent optional one. Enumerations
// are their numbers.
using AttributeValue = std::variant<std::monostate, bool, int64_t, uint64_t,
                                    double, DType, IntList>;

enum class AttributeType : uint8_t {
  kBool,
  kInt,
  kUnsigned,
  kReal,
  kDType,
  kIntList,
};

namespace fields_internal {

template <typename T>
struct IsIntArray : std::false_type {};
template <size_t kSize>
struct IsIntArray<std::array<int64_t, kSize>> : std::true_type {};

template <typename T>
struct IsOptional : std::false_type {};
template <typename T>
struct IsOptional<std::optional<T>> : std::true_type {};

template <typename T>
constexpr AttributeType TypeOf() {
  if constexpr (std::is_same_v<T, bool>) return AttributeType::kBool;
  if constexpr (std::is_same_v<T, DType>) return AttributeType::kDType;
  if constexpr (IsIntArray<T>::value) return AttributeType::kIntList;
  if constexpr (std::is_floating_point_v<T>) return AttributeType::kReal;
  if constexpr (std::is_same_v<T, uint64_t>) return AttributeType::kUnsigned;
  return AttributeType::kInt;
}

template <typename T>
AttributeValue Get(const T& member) {
  if constexpr (IsIntArray<T>::value) {
    return IntList(member.begin(), member.end());
  } else if constexpr (TypeOf<T>() == AttributeType::kReal) {
    return static_cast<double>(member);
  } else if constexpr (TypeOf<T>() == AttributeType::kInt) {
    return static_cast<int64_t>(member);
  } else {
    return member;
  }
}

// `value` holds what Get() gives for a T.
template <typename T>
T Make(const AttributeValue& value) {
  if constexpr (IsIntArray<T>::value) {
    T array = {};
    const IntList& list = std::get<IntList>(value);
    for (size_t i = 0; i < array.size() && i < list.size(); ++i) {
      array[i] = list[i];
    }
    return array;
  } else if constexpr (TypeOf<T>() == AttributeType::kReal) {
    return static_cast<T>(std::get<double>(value));
  } else if constexpr (TypeOf<T>() == AttributeType::kInt) {
    return static_cast<T>(std::get<int64_t>(value));
  } else {
    return std::get<T>(value);
  }
}

}  // namespace fields_internal

// A member that is an attribute: bool, a number, an enumeration, a DType, an
// array of int64_t, or one of these as optional.
class AttributeField {
 public:
  template <typename T>
  requires(!fields_internal::IsOptional<T>::value)
      // NOLINTNEXTLINE(google-explicit-constructor)
      AttributeField(const T& member)
      : member_(&member),
        type_(fields_internal::TypeOf<T>()),
        list_size_(ListSize<T>()),
        get_([](const void* from) {
          return fields_internal::Get(*static_cast<const T*>(from));
        }),
        set_([](const void* to, const AttributeValue& value) {
          *const_cast<T*>(static_cast<const T*>(to)) =
              fields_internal::Make<T>(value);
        }) {}
  template <typename T>
  // NOLINTNEXTLINE(google-explicit-constructor)
  AttributeField(const std::optional<T>& member)
      : member_(&member),
        type_(fields_internal::TypeOf<T>()),
        list_size_(ListSize<T>()),
        is_optional_(true),
        get_([](const void* from) {
          const auto& value = *static_cast<const std::optional<T>*>(from);
          return value.has_value() ? fields_internal::Get(*value)
                                   : AttributeValue();
        }),
        set_([](const void* to, const AttributeValue& value) {
          auto& target = *const_cast<std::optional<T>*>(
              static_cast<const std::optional<T>*>(to));
          if (std::holds_alternative<std::monostate>(value)) {
            target.reset();
          } else {
            target = fields_internal::Make<T>(value);
          }
        }) {}

  // Whether an optional struct is given: a bool.
  template <typename T>
  static AttributeField Given(const std::optional<T>& group) {
    return AttributeField(
        &group,
        [](const void* from) -> AttributeValue {
          return static_cast<const std::optional<T>*>(from)->has_value();
        },
        [](const void* to, const AttributeValue& value) {
          auto& target = *const_cast<std::optional<T>*>(
              static_cast<const std::optional<T>*>(to));
          if (std::get<bool>(value)) {
            target.emplace();
          } else {
            target.reset();
          }
        });
  }

  AttributeType type() const { return type_; }
  bool is_optional() const { return is_optional_; }
  // Of kIntList.
  size_t list_size() const { return list_size_; }
  AttributeValue get() const { return get_(member_); }
  // `value` is of type(), or nothing if is_optional().
  void set(const AttributeValue& value) const { set_(member_, value); }

 private:
  using Getter = AttributeValue(const void* member);
  using Setter = void(const void* member, const AttributeValue& value);

  AttributeField(const void* member, Getter* get, Setter* set)
      : member_(member),
        type_(AttributeType::kBool),
        list_size_(0),
        get_(get),
        set_(set) {}

  template <typename T>
  static constexpr size_t ListSize() {
    if constexpr (fields_internal::IsIntArray<T>::value) {
      return std::tuple_size_v<T>;
    } else {
      return 0;
    }
  }

  const void* member_;
  AttributeType type_;
  size_t list_size_;
  bool is_optional_ = false;
  Getter* get_;
  Setter* set_;
};

}  // namespace tilework

#endif  // TILEWORK_COMMON_SCHEMA_FIELDS_H_
