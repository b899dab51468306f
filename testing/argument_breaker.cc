// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tilework/common/dtype/dtype.h"
#include "tilework/common/schema/attribute_text.h"
#include "tilework/common/schema/domain.h"
#include "tilework/common/schema/fields.h"
#include "tilework/common/tensor/tensor.h"
#include "tilework/testing/argument_maker.h"
#include "tilework/testing/random.h"
#include "tilework/testing/tensors.h"

namespace tilework {
namespace {

using MadeTensor = MadeArguments::MadeTensor;

constexpr int64_t kHuge = int64_t{1} << 40;

void Set(MadeTensor& tensor, const Tensor& view) {
  tensor.view = view;
  tensor.field.set(view);
}

// Fresh memory of another shape or type for `tensor`.
void Replace(MadeArguments& made, size_t i, DType dtype, const Dims& shape) {
  MadeTensor& tensor = made.tensors[i];
  auto memory = NewMemory(dtype, shape, tensor.packed_dim);
  Set(tensor, ViewOf(*memory, tensor.packed_dim));
  tensor.memory = std::move(memory);
}

Fault RemoveTensor(MadeTensor& tensor) {
  Set(tensor, Tensor());
  if (tensor.required) return {"is missing", {tensor.name}, true};
  return {"is left out", {}, false};
}

Fault ChangeDType(MadeArguments& made, size_t i, Random& random) {
  const MadeTensor& tensor = made.tensors[i];
  const Tensor view = tensor.view;
  std::vector<DType> others;
  for (const DType dtype : kAllDTypes) {
    const bool allowed = std::find(tensor.dtypes.begin(), tensor.dtypes.end(),
                                   dtype) != tensor.dtypes.end();
    if (!allowed && dtype != DType::kNone) others.push_back(dtype);
  }
  const DType dtype = others[static_cast<size_t>(
      random.Integer(0, static_cast<int64_t>(others.size()) - 1))];
  Replace(made, i, dtype, view.shape());
  return {
      absl::StrCat("has dtype ", Name(dtype)), {made.tensors[i].name}, true};
}

Fault ChangeSize(MadeArguments& made, size_t i, Random& random) {
  const Tensor view = made.tensors[i].view;
  if (view.rank() == 0) return RemoveTensor(made.tensors[i]);
  Dims shape = view.shape();
  const int d = static_cast<int>(random.Integer(0, view.rank() - 1));
  shape[d] = std::max<int64_t>(0, shape[d] + (random.Bits() % 2 == 0 ? 1 : -1));
  Replace(made, i, view.dtype(), shape);
  return {absl::StrCat("has another dimension ", d), {}, false};
}

Fault ChangeRank(MadeArguments& made, size_t i, Random& random) {
  const Tensor view = made.tensors[i].view;
  Dims shape;
  const bool grow =
      view.rank() == 0 || (view.rank() < kMaxRank && random.Bits() % 2 == 0);
  if (grow) shape.push_back(random.Integer(1, 2));
  for (int d = grow ? 0 : 1; d < view.rank(); ++d) {
    shape.push_back(view.dim(d));
  }
  Replace(made, i, view.dtype(), shape);
  return {"has another rank", {}, false};
}

Fault MakeHuge(MadeTensor& tensor) {
  const Tensor view = tensor.view;
  Dims shape = view.shape();
  Dims strides = view.strides();
  if (shape.size() < 2) {
    shape = {kHuge, kHuge};
    strides = {kHuge, 1};
  } else {
    shape[0] = kHuge;
    shape[1] = kHuge;
  }
  Set(tensor, Tensor(view.data(), view.dtype(), shape, strides));
  return {"is huge", {}, view.NumElements() > 0};
}

Fault MakeNegative(MadeTensor& tensor, Random& random) {
  const Tensor view = tensor.view;
  if (view.rank() == 0) return RemoveTensor(tensor);
  Dims shape = view.shape();
  Dims strides = view.strides();
  const int d = static_cast<int>(random.Integer(0, view.rank() - 1));
  if (random.Bits() % 2 == 0) {
    shape[d] = -1 - shape[d];
  } else {
    strides[d] = -1 - strides[d];
  }
  Set(tensor, Tensor(view.data(), view.dtype(), shape, strides));
  return {"has a negative size or stride", {tensor.name}, true};
}

Fault MakeNull(MadeTensor& tensor) {
  const Tensor view = tensor.view;
  Set(tensor, Tensor(nullptr, view.dtype(), view.shape(), view.strides()));
  return {"has null data", {tensor.name}, view.NumElements() > 0};
}

// Says that it is on the device; of a call on the device, DeviceMirror says
// that it is on the host.
Fault MoveElsewhere(MadeTensor& tensor) {
  const Tensor view = tensor.view;
  Set(tensor, Tensor(view.data(), view.dtype(), view.shape(), view.strides(),
                     MemorySpace::kDevice));
  return {"is in the other memory space", {tensor.name}, true};
}

// Lets an output begin where another tensor does.
Fault Overlay(MadeArguments& made, size_t i, Random& random) {
  MadeTensor& tensor = made.tensors[i];
  const Tensor view = tensor.view;
  const size_t j = static_cast<size_t>(
      random.Integer(0, static_cast<int64_t>(made.tensors.size()) - 1));
  const MadeTensor& other = made.tensors[j];
  if (j == i || other.memory == nullptr || view.NumElements() == 0 ||
      tensor.direction == Direction::kInput ||
      other.memory->view().NumElements() == 0 || view.NumElements() == 1 ||
      PackFactor(view.dtype()) != 1) {
    return RemoveTensor(tensor);
  }
  // Off by one element, so that it is not the same view. It may reach past the
  // other's memory: nothing may be read or written.
  auto* data = static_cast<unsigned char*>(other.memory->view().data());
  Set(tensor, Tensor(data - SizeOf(view.dtype()), view.dtype(), view.shape()));
  return {
      absl::StrCat("overlaps ", other.name), {tensor.name, other.name}, true};
}

bool SetOutside(const MadeArguments::MadeAttribute& attribute, Random& random,
                std::string& text) {
  const AttributeType type = attribute.field.type();
  const bool whole = type != AttributeType::kReal;
  const Domain::Examples examples = attribute.domain.MakeExamples(whole);
  if (examples.num_outside == 0) return false;
  const double value = examples.outside[static_cast<size_t>(
      random.Integer(0, examples.num_outside - 1))];
  AttributeValue outside;
  if (type == AttributeType::kReal) {
    outside = value;
  } else if (type == AttributeType::kInt) {
    outside = static_cast<int64_t>(value);
  } else {
    return false;
  }
  attribute.field.set(outside);
  // What fits in the member may be in the domain: an enumeration of 8 bits.
  const AttributeValue kept = attribute.field.get();
  text = AttributeNumber(kept);
  if (const auto* number = std::get_if<int64_t>(&kept)) {
    return !attribute.domain.Contains(static_cast<double>(*number));
  }
  return !attribute.domain.Contains(std::get<double>(kept));
}

Fault BreakAttribute(MadeArguments& made, Random& random) {
  const auto& attribute = made.attributes[static_cast<size_t>(
      random.Integer(0, static_cast<int64_t>(made.attributes.size()) - 1))];
  if (attribute.required && attribute.field.is_optional() &&
      random.Bits() % 2 == 0) {
    attribute.field.set(AttributeValue());
    return {
        absl::StrCat(attribute.name, " is missing"), {attribute.name}, true};
  }
  std::string text;
  const bool outside = SetOutside(attribute, random, text);
  return {absl::StrCat(attribute.name, " is ", text),
          outside ? std::vector<std::string>{attribute.name}
                  : std::vector<std::string>{},
          outside};
}

Fault BreakTensor(MadeArguments& made, size_t i, Random& random) {
  switch (random.Integer(0, 8)) {
    case 0:
      return RemoveTensor(made.tensors[i]);
    case 1:
      return ChangeDType(made, i, random);
    case 2:
      return ChangeSize(made, i, random);
    case 3:
      return ChangeRank(made, i, random);
    case 4:
      return MakeHuge(made.tensors[i]);
    case 5:
      return MakeNegative(made.tensors[i], random);
    case 6:
      return MakeNull(made.tensors[i]);
    case 7:
      return MoveElsewhere(made.tensors[i]);
    default:
      return Overlay(made, i, random);
  }
}

}  // namespace

Fault Break(MadeArguments& made, Random& random) {
  const bool has_attributes = !made.attributes.empty();
  if (made.tensors.empty() || (has_attributes && random.Integer(0, 3) == 0)) {
    return BreakAttribute(made, random);
  }
  const size_t i = static_cast<size_t>(
      random.Integer(0, static_cast<int64_t>(made.tensors.size()) - 1));
  const std::string name = made.tensors[i].name;
  Fault fault = BreakTensor(made, i, random);
  fault.description = absl::StrCat(name, " ", fault.description);
  return fault;
}

}  // namespace tilework
