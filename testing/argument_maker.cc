// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

#include "tilework/testing/argument_maker.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/log/absl_check.h"
#include "absl/log/absl_log.h"
#include "absl/status/status.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "tilework/common/dtype/dtype.h"
#include "tilework/common/schema/argument_checker.h"
#include "tilework/common/schema/attribute_text.h"
#include "tilework/common/schema/domain.h"
#include "tilework/common/schema/fields.h"
#include "tilework/common/schema/schema_visitor.h"
#include "tilework/common/tensor/tensor.h"
#include "tilework/testing/random.h"
#include "tilework/testing/tensors.h"
#include "tilework/testing/tested_kernel.h"

namespace tilework {
namespace {

template <typename T>
const T& AnyOf(const std::vector<T>& values, Random& random) {
  ABSL_CHECK(!values.empty());
  const int64_t last = static_cast<int64_t>(values.size()) - 1;
  return values[static_cast<size_t>(random.Integer(0, last))];
}

bool OneIn(int64_t n, Random& random) { return random.Integer(1, n) == 1; }

// A size as kernels meet them: mostly small, often next to an edge.
int64_t AnySize(Random& random) {
  static const std::vector<int64_t> kMiddle = {7, 8, 9, 15, 16, 17, 31, 32, 33};
  static const std::vector<int64_t> kLarge = {63,  64,  65,  96, 127,
                                              128, 129, 200, 257};
  switch (random.Integer(0, 5)) {
    case 0:
      return AnyOf(kLarge, random);
    case 1:
    case 2:
      return AnyOf(kMiddle, random);
    default:
      return random.Integer(1, 6);
  }
}

// The same, of arguments with long rows: they are few.
int64_t LongOrSmallSize(Random& random) {
  static const std::vector<int64_t> kLong = {
      511,  512,  513,  768,  1000, 1023, 1024, 1025, 2047,
      2048, 2049, 2880, 3000, 4095, 4096, 4097, 5120, 8193};
  return OneIn(2, random) ? AnyOf(kLong, random) : random.Integer(1, 4);
}

std::vector<std::string_view> Words(std::string_view pattern) {
  return absl::StrSplit(pattern, ' ', absl::SkipEmpty());
}

// Numbers in `domain`, whole ones for integers; around 1 if it has no bounds.
double AnyValue(const Domain& domain, DType dtype, Random& random) {
  const bool whole = IsInteger(dtype);
  if (domain.is_any()) {
    if (dtype == DType::kE8M0) {
      return std::exp2(static_cast<double>(random.Integer(-6, 6)));
    }
    if (dtype == DType::kU8) return static_cast<double>(random.Integer(0, 255));
    return whole ? static_cast<double>(random.Integer(0, 3)) : random.Normal();
  }
  const Domain::Examples examples = domain.MakeExamples(whole);
  double low = std::numeric_limits<double>::infinity();
  double high = -low;
  for (int i = 0; i < examples.num_inside; ++i) {
    const double value = examples.inside[static_cast<size_t>(i)];
    if (!std::isfinite(value)) continue;
    low = std::min(low, value);
    high = std::max(high, value);
  }
  if (!(low <= high)) return 0;
  const double value =
      whole ? static_cast<double>(random.Integer(static_cast<int64_t>(low),
                                                 static_cast<int64_t>(high)))
            : random.Uniform(low, high);
  if (domain.Contains(value)) return value;
  return OneIn(2, random) ? low : high;
}

class Maker final : public SchemaVisitor {
 public:
  Maker(MadeArguments& made, const MakerOptions& options, Random& random)
      : made_(made),
        options_(options),
        random_(random),
        has_long_(options.long_sizes && OneIn(3, random)) {}

  // Whether the choices so far can go together.
  bool consistent() const { return consistent_; }

  void Kernel(const KernelInfo& info) override { rows_ = info.rows; }
  void RowsDepend(bool depend, std::string_view /*when*/) override {
    if (depend) rows_ = "";
  }
  void Symbol(std::string_view symbol, const Domain& domain) override {
    domains_[symbol] = domain;
  }
  void Multiple(std::string_view symbol, std::string_view of) override {
    multiples_[symbol] = of;
  }
  void NotLess(std::string_view symbol, std::string_view least) override {
    least_[symbol] = least;
  }
  void Broadcast(std::string_view result, std::string_view first,
                 std::string_view second) override {
    broadcasts_.push_back({result, first, second});
  }
  void Bind(std::string_view symbol, std::string_view /*source*/,
            absl::FunctionRef<int64_t()> value) override {
    if (consistent_) SetSize(symbol, value());
  }
  int64_t operator[](std::string_view symbol) const override {
    const auto it = sizes_.find(symbol);
    return it == sizes_.end() ? 0 : it->second;
  }
  int64_t rows() const {
    if (rows_ == kLeadingWord) {
      const auto it = leading_.find(kLeadingWord);
      return it == leading_.end() || it->second.size() == 0 ? 0 : it->second[0];
    }
    return (*this)[rows_];
  }

 private:
  void SetSize(std::string_view symbol, int64_t size) {
    const auto [it, is_new] = sizes_.emplace(symbol, size);
    if (!is_new && it->second != size) consistent_ = false;
  }

  int64_t AnySize() {
    return has_long_ ? LongOrSmallSize(random_) : tilework::AnySize(random_);
  }

  // The size that a tensor gives to a symbol.
  int64_t SizeOf(std::string_view symbol) {
    if (const auto it = sizes_.find(symbol); it != sizes_.end()) {
      return it->second;
    }
    const int64_t size = NewSize(symbol);
    sizes_.emplace(symbol, size);
    return size;
  }
  int64_t NewSize(std::string_view symbol) {
    if (const auto it = multiples_.find(symbol); it != multiples_.end()) {
      return SizeOf(it->second) *
             (OneIn(4, random_) ? AnySize() : random_.Integer(1, 4));
    }
    int64_t least = symbol == rows_ ? options_.min_rows : 0;
    if (const auto it = least_.find(symbol); it != least_.end()) {
      return std::max(least, SizeOf(it->second) + random_.Integer(0, 4));
    }
    const auto domain = domains_.find(symbol);
    const bool may_be_0 =
        domain == domains_.end() || domain->second.Contains(0);
    if (options_.empty && may_be_0 && least == 0 && OneIn(60, random_)) {
      return 0;
    }
    for (int attempt = 0; attempt < 60; ++attempt) {
      const int64_t size = std::max(least, AnySize());
      if (domain == domains_.end() ||
          domain->second.Contains(static_cast<double>(size))) {
        return size;
      }
    }
    return static_cast<int64_t>(AnyValue(domain->second, DType::kI64, random_));
  }

  const Dims& Leading(std::string_view word) {
    if (const auto it = leading_.find(word); it != leading_.end()) {
      return it->second;
    }
    return leading_.emplace(word, NewLeading(word)).first->second;
  }
  Dims NewLeading(std::string_view word) {
    for (const BroadcastRule& rule : broadcasts_) {
      if (word == rule.second) return AnyBeside(Leading(rule.first));
      if (word != rule.result) continue;
      const auto dims =
          BroadcastDims(Leading(rule.first), Leading(rule.second));
      consistent_ = consistent_ && dims.has_value();
      return dims.value_or(Dims());
    }
    const bool needs_rows =
        rows_ == kLeadingWord && word == rows_ && options_.min_rows > 1;
    Dims leading;
    for (int64_t i = random_.Integer(needs_rows ? 1 : 0, 3); i > 0; --i) {
      const bool is_empty = options_.empty && OneIn(60, random_);
      leading.push_back(is_empty ? 0 : random_.Integer(1, has_long_ ? 2 : 5));
    }
    if (needs_rows) leading[0] = std::max(leading[0], options_.min_rows);
    return leading;
  }
  // Dimensions that broadcast with `first`: fewer, with ones in place of some,
  // or with others in place of ones.
  Dims AnyBeside(const Dims& first) {
    Dims dims;
    for (int i = static_cast<int>(random_.Integer(0, first.size()));
         i < first.size(); ++i) {
      if (first[i] == 1) {
        dims.push_back(random_.Integer(1, 3));
      } else {
        dims.push_back(OneIn(3, random_) ? 1 : first[i]);
      }
    }
    return dims;
  }

  // A shape for one alternative of a pattern, and where the rows are in it.
  Dims ShapeFor(std::string_view pattern, int& row_dim) {
    Dims shape;
    row_dim = -1;
    for (std::string_view word : Words(pattern)) {
      if (IsLeadingWord(word)) {
        const Dims& leading = Leading(word);
        if (word == rows_ && leading.size() > 0) row_dim = 0;
        for (const int64_t dim : leading) shape.push_back(dim);
        continue;
      }
      if (word == kOneElementWord) {
        for (int64_t i = random_.Integer(0, 2); i > 0; --i) shape.push_back(1);
        continue;
      }
      const bool may_lack = absl::ConsumeSuffix(&word, "?");
      int64_t number = 0;
      if (absl::SimpleAtoi(word, &number)) {
        shape.push_back(number);
        continue;
      }
      const int64_t size = SizeOf(word);
      if (may_lack && size == 1 && OneIn(2, random_)) continue;
      if (word == rows_) row_dim = shape.size();
      shape.push_back(size);
    }
    return shape;
  }

  // Of a tensor, or of an attribute that may be absent.
  bool Wants(const Presence& presence) {
    switch (presence.kind) {
      case Presence::Kind::kRequired:
        return true;
      case Presence::Kind::kOptional:
        return OneIn(2, random_);
      case Presence::Kind::kForbidden:
        return false;
    }
    return false;
  }

  // The view of an input that this output may be, sometimes.
  std::optional<Tensor> InPlace(const TensorSpec& spec, DType dtype,
                                const Dims& shape) {
    if (!options_.in_place || !OneIn(4, random_)) return std::nullopt;
    for (const MadeArguments::MadeTensor& other : made_.tensors) {
      const bool may_be = std::find(spec.may_be.begin(), spec.may_be.end(),
                                    other.name) != spec.may_be.end();
      if (may_be && other.memory != nullptr && !taken_.contains(other.name) &&
          other.memory->view().dtype() == dtype &&
          other.memory->view().shape() == shape) {
        taken_.insert(other.name);
        return other.memory->view();
      }
    }
    return std::nullopt;
  }

  Layout AnyLayout(DType dtype) {
    if (!options_.strided || PackFactor(dtype) != 1 || OneIn(2, random_)) {
      return Layout::kContiguous;
    }
    return kAllLayouts[random_.Integer(0, std::ssize(kAllLayouts) - 1)];
  }

  void VisitTensor(Direction direction, std::string_view name,
                   const TensorField& tensor, const TensorSpec& spec) override {
    if (!consistent_ || !Wants(spec.presence)) return;
    const auto dtypes = spec.dtypes.dtypes();
    if (dtypes.empty()) {
      consistent_ = false;
      return;
    }
    MadeArguments::MadeTensor made = {
        .direction = direction,
        .name = std::string(name),
        .field = tensor,
        .view = Tensor(),
        .dtypes = std::vector<DType>(dtypes.begin(), dtypes.end()),
        .memory = nullptr,
        .values = spec.values,
        .packed_dim = spec.packed_dim,
        .required = spec.presence.kind == Presence::Kind::kRequired};
    const DType dtype = AnyOf(made.dtypes, random_);
    const std::vector<std::string_view> alternatives =
        absl::StrSplit(spec.shape.pattern(), '|');
    const Dims shape = ShapeFor(AnyOf(alternatives, random_), made.row_dim);
    if (!shape.ProductFits() || shape.Product() > options_.max_elements) {
      consistent_ = false;
      return;
    }
    if (const auto view = InPlace(spec, dtype, shape)) {
      made.view = *view;
    } else {
      made.memory = NewMemory(dtype, shape, spec.packed_dim, AnyLayout(dtype));
      made.view = ViewOf(*made.memory, spec.packed_dim);
      if (direction != Direction::kOutput) {
        FillTypical(made.view, spec.values.domain, random_);
      }
    }
    tensor.set(made.view);
    made_.tensors.push_back(std::move(made));
  }

  void VisitAttribute(std::string_view name, const AttributeField& attribute,
                      const AttributeSpec& spec) override {
    if (!consistent_) return;
    const bool required = spec.presence.kind == Presence::Kind::kRequired;
    made_.attributes.push_back(
        {std::string(name), attribute, spec.domain, required});
    if (Wants(spec.presence)) {
      attribute.set(spec.symbol.empty() ? AnyAttribute(attribute, spec.domain)
                                        : AttributeValue(SizeOf(spec.symbol)));
    }
  }

  AttributeValue AnyAttribute(const AttributeField& attribute,
                              const Domain& domain) {
    switch (attribute.type()) {
      case AttributeType::kBool:
        return OneIn(2, random_);
      case AttributeType::kInt:
        return static_cast<int64_t>(AnyExample(domain, /*whole=*/true));
      case AttributeType::kUnsigned:
        return random_.Bits();
      case AttributeType::kReal:
        return AnyExample(domain, /*whole=*/false);
      case AttributeType::kDType:
        return static_cast<DType>(AnyExample(domain, /*whole=*/true));
      case AttributeType::kIntList: {
        IntList list;
        while (list.size() < attribute.list_size()) {
          list.push_back(
              static_cast<int64_t>(AnyExample(domain, /*whole=*/true)));
        }
        return list;
      }
    }
    return AttributeValue();
  }

  // In place of a value that may be a size, and takes too much memory.
  double SmallValue(const Domain& domain, const Domain::Examples& examples) {
    const double least = *std::min_element(
        examples.inside.begin(), examples.inside.begin() + examples.num_inside);
    for (int attempt = 0; attempt < 20; ++attempt) {
      const double value = least + static_cast<double>(random_.Integer(0, 200));
      if (domain.Contains(value)) return value;
    }
    return least;
  }

  double AnyExample(const Domain& domain, bool whole) {
    constexpr double kLargeValue = 1 << 16;
    const Domain::Examples examples = domain.MakeExamples(whole);
    double value = 0;
    if (domain.is_any()) {
      value = whole ? static_cast<double>(random_.Integer(0, 9))
                    : random_.Uniform(0.1, 2);
    } else if (examples.num_inside > 0) {
      value = examples.inside[static_cast<size_t>(
          random_.Integer(0, examples.num_inside - 1))];
      if (whole && std::abs(value) > kLargeValue) {
        value = SmallValue(domain, examples);
      }
    } else {
      consistent_ = false;
    }
    // Not of interest here, and apt to make all results the same.
    return std::isfinite(value) ? value : 1;
  }

  MadeArguments& made_;
  const MakerOptions& options_;
  Random& random_;
  bool has_long_;
  std::string_view rows_;
  std::map<std::string_view, Domain> domains_;
  std::map<std::string_view, std::string_view> multiples_;
  std::map<std::string_view, std::string_view> least_;
  std::map<std::string_view, int64_t> sizes_;
  std::set<std::string> taken_;
  struct BroadcastRule {
    std::string_view result, first, second;
  };
  std::vector<BroadcastRule> broadcasts_;
  std::map<std::string_view, Dims> leading_;
  bool consistent_ = true;
};

// All attributes and tensors that are given, one a line.
class TextVisitor final : public SchemaVisitor {
 public:
  std::string text;

  void Kernel(const KernelInfo& info) override { text = info.name; }

 private:
  void VisitTensor(Direction, std::string_view name, const TensorField& tensor,
                   const TensorSpec&) override {
    if (!tensor.view().present()) return;
    absl::StrAppend(&text, "\n  ", name, ": ",
                    tilework::ToString(tensor.view()));
  }
  void VisitAttribute(std::string_view name, const AttributeField& attribute,
                      const AttributeSpec& spec) override {
    const std::string value = AttributeText(attribute.get(), spec);
    if (!value.empty()) absl::StrAppend(&text, "\n  ", name, " = ", value);
  }
};

}  // namespace

std::unique_ptr<GuardedTensor> NewMemory(DType dtype, const Dims& shape,
                                         int packed_dim, Layout layout) {
  Dims stored = shape;
  if (PackFactor(dtype) != 1 && packed_dim == -2 && shape.size() >= 2) {
    std::swap(stored[shape.size() - 2], stored[shape.size() - 1]);
  }
  return std::make_unique<GuardedTensor>(dtype, stored, layout);
}

Tensor ViewOf(const GuardedTensor& memory, int packed_dim) {
  const Tensor& view = memory.view();
  const bool transposed =
      PackFactor(view.dtype()) != 1 && packed_dim == -2 && view.rank() >= 2;
  return transposed ? view.Transpose() : view;
}

void FillTypical(const Tensor& tensor, const Domain& domain, Random& random) {
  ForEachIndex(tensor.shape(), [&](const Dims& index) {
    Write(tensor, index, AnyValue(domain, tensor.dtype(), random));
  });
}

std::string MadeArguments::ToString() {
  TextVisitor visitor;
  arguments->Show(visitor);
  return visitor.text;
}

testing::AssertionResult MadeArguments::Intact() const {
  for (const MadeTensor& tensor : tensors) {
    if (tensor.memory == nullptr) continue;
    if (testing::AssertionResult result = tensor.memory->Intact(); !result) {
      return result << " (" << tensor.name << ")";
    }
  }
  return testing::AssertionSuccess();
}

std::vector<std::vector<unsigned char>> MadeArguments::Bytes() const {
  std::vector<std::vector<unsigned char>> bytes;
  for (const MadeTensor& tensor : tensors) {
    if (tensor.memory != nullptr) bytes.push_back(tensor.memory->bytes());
  }
  return bytes;
}

void MadeArguments::SetBytes(
    const std::vector<std::vector<unsigned char>>& bytes) {
  size_t i = 0;
  for (MadeTensor& tensor : tensors) {
    if (tensor.memory != nullptr) tensor.memory->SetBytes(bytes[i++]);
  }
}

MadeArguments MakeArguments(const TestedKernel& kernel, Random& random,
                            const MakerOptions& options) {
  constexpr int kMaxAttempts = 2000;
  absl::Status status;
  for (int attempt = 0; attempt < kMaxAttempts; ++attempt) {
    MadeArguments made(kernel.NewArguments());
    Maker maker(made, options, random);
    made.arguments->Show(maker);
    if (!maker.consistent()) continue;
    status = made.arguments->Check();
    if (!status.ok()) continue;
    made.rows = maker.rows();
    return made;
  }
  ABSL_LOG(FATAL) << "no arguments for " << kernel.name()
                  << "; the last were refused with: " << status;
}

}  // namespace tilework
