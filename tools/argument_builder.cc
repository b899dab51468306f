// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

#include "tilework/tools/argument_builder.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "tilework/common/dtype/dtype.h"
#include "tilework/common/schema/argument_checker.h"
#include "tilework/common/schema/attribute_text.h"
#include "tilework/common/schema/check_arguments.h"
#include "tilework/common/schema/domain.h"
#include "tilework/common/schema/fields.h"
#include "tilework/common/schema/kernel_description.h"
#include "tilework/common/schema/schema_visitor.h"
#include "tilework/common/tensor/tensor.h"
#include "tilework/testing/argument_maker.h"
#include "tilework/testing/random.h"
#include "tilework/testing/tested_kernel.h"

namespace tilework {
namespace {

// "bf16[1,4096]" or "bf16"; nothing if `text` does not begin with a dtype.
absl::StatusOr<std::optional<TensorRequest>> ParseTensor(
    std::string_view text) {
  const size_t bracket = text.find('[');
  const DType dtype = DTypeFromName(text.substr(0, bracket));
  if (dtype == DType::kNone) return std::nullopt;
  TensorRequest request = {.dtype = dtype};
  if (bracket != std::string_view::npos) {
    std::string_view shape = text.substr(bracket + 1);
    if (!absl::ConsumeSuffix(&shape, "]")) {
      return absl::InvalidArgumentError(
          absl::StrCat("\"", text, "\" has no closing bracket"));
    }
    const absl::StatusOr<Dims> dims = ParseShape(shape);
    if (!dims.ok()) return dims.status();
    request.shape = *dims;
  }
  return request;
}

std::string NamesOf(const KernelDescription& kernel) {
  std::vector<std::string> names;
  for (const TensorDescription& tensor : kernel.tensors) {
    names.push_back(tensor.name);
  }
  return absl::StrJoin(names, ", ");
}

std::string AttributesOf(const KernelDescription& kernel) {
  std::vector<std::string> names;
  for (const AttributeDescription& attribute : kernel.attributes) {
    names.push_back(attribute.name);
  }
  return names.empty() ? "none" : absl::StrJoin(names, ", ");
}

}  // namespace

absl::StatusOr<Dims> ParseShape(std::string_view text) {
  Dims shape;
  if (text.empty()) return shape;
  for (const std::string_view word : absl::StrSplit(text, ',')) {
    int64_t size = 0;
    if (!absl::SimpleAtoi(word, &size) || size < 0 ||
        shape.size() == kMaxRank) {
      return absl::InvalidArgumentError(
          absl::StrCat("shape is \"", text, "\", expected up to ", kMaxRank,
                       " sizes >= 0 separated by commas"));
    }
    shape.push_back(size);
  }
  if (!shape.ProductFits()) {
    return absl::InvalidArgumentError(
        absl::StrCat("shape is \"", text, "\": too many elements"));
  }
  return shape;
}

absl::StatusOr<ArgumentRequest> ParseRequest(std::string_view text) {
  ArgumentRequest request;
  for (const std::string_view word :
       absl::StrSplit(text, ' ', absl::SkipEmpty())) {
    const std::pair<std::string_view, std::string_view> parts =
        absl::StrSplit(word, absl::MaxSplits('=', 1));
    const auto tensor = ParseTensor(parts.second);
    if (!tensor.ok()) return tensor.status();
    if (tensor->has_value()) {
      request.tensors.emplace(parts.first, **tensor);
    } else {
      request.attributes.emplace(parts.first, parts.second);
    }
  }
  return request;
}

class BuiltArguments::Builder final : public SchemaVisitor {
 public:
  Builder(BuiltArguments& built, const ArgumentRequest& request)
      : built_(built), request_(request) {}

  const absl::Status& status() const { return status_; }

  // What the request has but no argument took.
  absl::Status CheckAllTaken(const KernelDescription& kernel) const {
    for (const auto& [name, tensor] : request_.tensors) {
      if (!seen_.contains(name)) return Unknown("tensor", name, kernel);
    }
    for (const auto& name : request_.outputs) {
      if (!seen_.contains(name)) return Unknown("tensor", name, kernel);
    }
    for (const auto& [name, text] : request_.attributes) {
      if (seen_.contains(name)) continue;
      return absl::InvalidArgumentError(
          absl::StrCat(kernel.name, " has no attribute \"", name,
                       "\"; its attributes are: ", AttributesOf(kernel)));
    }
    return absl::OkStatus();
  }

  void Kernel(const KernelInfo& info) override {
    kernel_ = info.name;
    check_.emplace(info.name);
  }
  void Symbol(std::string_view symbol, const Domain& domain) override {
    check_->Constrain(symbol, domain);
  }
  void Broadcast(std::string_view result, std::string_view first,
                 std::string_view second) override {
    check_->Broadcast(result, first, second);
  }
  void Bind(std::string_view symbol, std::string_view source,
            absl::FunctionRef<int64_t()> value) override {
    if (ok()) check_->Bind(symbol, value(), source);
  }
  int64_t operator[](std::string_view symbol) const override {
    return (*check_)[symbol];
  }

 private:
  bool ok() {
    if (status_.ok()) status_ = check_->status();
    return status_.ok();
  }
  void Fail(std::string_view name, std::string_view what) {
    if (!status_.ok()) return;
    status_ = absl::InvalidArgumentError(
        absl::StrCat(kernel_, ": ", name, " ", what));
  }
  static absl::Status Unknown(std::string_view what, std::string_view name,
                              const KernelDescription& kernel) {
    return absl::InvalidArgumentError(
        absl::StrCat(kernel.name, " has no ", what, " \"", name,
                     "\"; its tensors are: ", NamesOf(kernel)));
  }

  void VisitTensor(Direction direction, std::string_view name,
                   const TensorField& tensor, const TensorSpec& spec) override {
    seen_.emplace(name);
    if (!ok()) return;
    const auto it = request_.tensors.find(name);
    const bool named =
        it != request_.tensors.end() || request_.outputs.contains(name);
    const bool required = spec.presence.kind == Presence::Kind::kRequired;
    if (named && spec.presence.kind == Presence::Kind::kForbidden) {
      return Fail(name, absl::StrCat("is given but ", spec.presence.unless));
    }
    if (!named && !(required && direction == Direction::kOutput)) {
      if (required) {
        check_->Required(name, ConstTensor(), spec.shape.pattern(),
                         spec.dtypes.dtypes(), spec.packed_dim);
      }
      return;
    }
    const TensorRequest request =
        it == request_.tensors.end() ? TensorRequest() : it->second;
    const Tensor view = View(direction, name, request, spec);
    if (!ok()) return;
    tensor.set(view);
    if (first_dtype_ == DType::kNone) first_dtype_ = view.dtype();
    check_->Optional(name, view, spec.shape.pattern(), spec.dtypes.dtypes(),
                     spec.packed_dim);
    if (direction != Direction::kInput) {
      built_.outputs_.push_back({std::string(name), view});
    }
  }

  Tensor View(Direction direction, std::string_view name,
              const TensorRequest& request, const TensorSpec& spec) {
    if (request.data.present()) return Given(direction, name, request, spec);
    if (direction != Direction::kOutput && !request_.fill_inputs) {
      Fail(name, "is an input but the file does not have it");
      return Tensor();
    }
    const std::optional<Dims> shape = request.shape.has_value()
                                          ? request.shape
                                          : KnownShape(spec.shape.pattern());
    if (!shape.has_value()) {
      Fail(name,
           absl::StrCat("needs a shape: ", DescribeShapes(spec.shape.pattern()),
                        " does not follow from the other tensors"));
      return Tensor();
    }
    const DType dtype = request.dtype.value_or(DefaultDType(spec));
    const bool transposed = IsStoredTransposed(dtype, shape->size(), spec);
    Dims stored = *shape;
    if (transposed) {
      std::swap(stored[stored.size() - 2], stored[stored.size() - 1]);
    }
    Buffer& buffer = built_.buffers_.emplace_back(Buffer::Zeros(dtype, stored));
    if (direction != Direction::kOutput) {
      Fill(buffer, spec.values.domain);
    }
    return transposed ? buffer.view().Transpose() : buffer.view();
  }

  // Whether a row-major tensor is packed along another dimension than the
  // argument must be, so that it is the argument's transpose.
  static bool IsStoredTransposed(DType dtype, int rank,
                                 const TensorSpec& spec) {
    return PackFactor(dtype) != 1 && spec.packed_dim == -2 && rank >= 2;
  }

  // With some thousands of numbers, repeated.
  void Fill(Buffer& buffer, const Domain& domain) {
    constexpr int64_t kDrawn = int64_t{1} << 16;
    const Tensor view = buffer.view();
    const int64_t drawn = std::min(view.NumElements(), kDrawn);
    FillTypical(Tensor(view.data(), view.dtype(), {drawn}), domain, random_);
    RepeatElements(view, drawn);
  }

  // The request's data, with its bytes taken for another type if asked for. A
  // copy if the kernel writes it.
  Tensor Given(Direction direction, std::string_view name,
               const TensorRequest& request, const TensorSpec& spec) {
    ConstTensor data = request.data;
    if (request.dtype.has_value() && *request.dtype != data.dtype()) {
      if (SizeOf(*request.dtype) != SizeOf(data.dtype()) ||
          PackFactor(*request.dtype) != PackFactor(data.dtype())) {
        Fail(name, absl::StrCat("is ", Name(data.dtype()), ", whose bytes are ",
                                "no ", Name(*request.dtype)));
        return Tensor();
      }
      data = ConstTensor(data.data(), *request.dtype, data.shape(),
                         data.strides());
    }
    if (IsStoredTransposed(data.dtype(), data.rank(), spec)) {
      data = data.Transpose();
    }
    if (direction == Direction::kInput) {
      return Tensor(const_cast<void*>(data.data()), data.dtype(), data.shape(),
                    data.strides());
    }
    Buffer& buffer =
        built_.buffers_.emplace_back(Buffer::Zeros(data.dtype(), data.shape()));
    std::memcpy(buffer.view().data(), data.data(),
                static_cast<size_t>(data.NumBytes()));
    return buffer.view();
  }

  // The shape of the first alternative whose symbols all have values.
  std::optional<Dims> KnownShape(std::string_view pattern) const {
    for (const std::string_view alternative : absl::StrSplit(pattern, '|')) {
      if (const auto shape = KnownAlternative(alternative)) return shape;
    }
    return std::nullopt;
  }
  std::optional<Dims> KnownAlternative(std::string_view alternative) const {
    Dims shape;
    for (std::string_view word :
         absl::StrSplit(alternative, ' ', absl::SkipEmpty())) {
      int64_t number = 0;
      absl::ConsumeSuffix(&word, "?");
      if (word == kOneElementWord) {
        shape.push_back(1);
        continue;
      }
      if (IsLeadingWord(word)) {
        for (const int64_t dim : check_->leading(word)) shape.push_back(dim);
      } else if (absl::SimpleAtoi(word, &number)) {
        shape.push_back(number);
      } else if (check_->Knows(word)) {
        shape.push_back((*check_)[word]);
      } else {
        return std::nullopt;
      }
    }
    return shape;
  }

  DType DefaultDType(const TensorSpec& spec) const {
    const auto dtypes = spec.dtypes.dtypes();
    const bool as_first =
        std::find(dtypes.begin(), dtypes.end(), first_dtype_) != dtypes.end();
    return as_first || dtypes.empty() ? first_dtype_ : dtypes[0];
  }

  void VisitAttribute(std::string_view name, const AttributeField& attribute,
                      const AttributeSpec& spec) override {
    seen_.emplace(name);
    if (!ok()) return;
    const auto it = request_.attributes.find(name);
    if (it != request_.attributes.end()) {
      const auto value = ParseAttribute(name, it->second, attribute, spec);
      if (value.ok()) {
        attribute.set(*value);
      } else {
        status_ = absl::InvalidArgumentError(
            absl::StrCat(kernel_, ": ", value.status().message()));
      }
    }
    // Before shapes follow from it.
    CheckAttribute(name, attribute, spec, *check_);
  }

  BuiltArguments& built_;
  const ArgumentRequest& request_;
  absl::Status status_;
  std::string_view kernel_;
  std::optional<ArgumentChecker> check_;
  std::set<std::string, std::less<>> seen_;
  DType first_dtype_ = DType::kNone;
  Random random_{1};
};

absl::StatusOr<BuiltArguments> BuiltArguments::Build(
    const TestedKernel& kernel, const ArgumentRequest& request) {
  BuiltArguments built;
  built.arguments_ = kernel.NewArguments();
  Builder builder(built, request);
  built.arguments_->Show(builder);
  absl::Status unknown = builder.CheckAllTaken(kernel.description());
  if (!unknown.ok()) return unknown;
  if (!builder.status().ok()) return builder.status();
  if (absl::Status status = built.arguments_->Check(); !status.ok()) {
    return status;
  }
  return built;
}

}  // namespace tilework
