// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

#include "tilework/testing/kernel_kit.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "tilework/common/dtype/dtype.h"
#include "tilework/common/parallel/host_context.h"
#include "tilework/common/schema/domain.h"
#include "tilework/common/schema/kernel_description.h"
#include "tilework/common/schema/schema_visitor.h"
#include "tilework/common/tensor/tensor.h"
#include "tilework/testing/argument_maker.h"
#include "tilework/testing/kernel_place.h"
#include "tilework/testing/random.h"
#include "tilework/testing/tensors.h"
#include "tilework/testing/tested_kernel.h"

namespace tilework {
namespace {

using MadeTensor = MadeArguments::MadeTensor;

std::string Failure(MadeArguments& made, uint64_t seed, std::string_view what) {
  return absl::StrCat(what, "\n  with TILEWORK_TEST_SEED=", seed, ", ",
                      made.ToString());
}

// Every name that the kernel declares.
bool NamesAnArgument(const KernelDescription& kernel,
                     std::string_view message) {
  const auto is_in = [&](const auto& argument) {
    return absl::StrContains(message, argument.name);
  };
  return std::any_of(kernel.tensors.begin(), kernel.tensors.end(), is_in) ||
         std::any_of(kernel.attributes.begin(), kernel.attributes.end(), is_in);
}

std::string CheckMessage(const KernelDescription& kernel, const Fault& fault,
                         const absl::Status& status) {
  const std::string_view message = status.message();
  if (status.code() != absl::StatusCode::kInvalidArgument) {
    return absl::StrCat("expected InvalidArgument, got ", status.ToString());
  }
  if (!absl::StartsWith(message, absl::StrCat(kernel.name, ": "))) {
    return absl::StrCat("the message does not begin with the kernel: ",
                        message);
  }
  const bool named =
      fault.culprits.empty()
          ? NamesAnArgument(kernel, message)
          : std::any_of(fault.culprits.begin(), fault.culprits.end(),
                        [&](std::string_view name) {
                          return absl::StrContains(message, name);
                        });
  if (!named) return absl::StrCat("the message names no culprit: ", message);
  return "";
}

// The memory of outputs, in the order of made.tensors.
std::vector<std::vector<unsigned char>> OutputBytes(const MadeArguments& made) {
  std::vector<std::vector<unsigned char>> bytes;
  for (const MadeTensor& tensor : made.tensors) {
    if (tensor.memory != nullptr && tensor.direction != Direction::kInput) {
      bytes.push_back(tensor.memory->bytes());
    }
  }
  return bytes;
}

// Lets `tensor` be its row `i`: inputs as a view, others in memory of its own.
// Returns the row of the tensor as it was.
ConstTensor TakeRow(MadeTensor& tensor, int64_t i) {
  const Tensor whole = tensor.view;
  const Tensor row =
      tensor.row_dim < 0 ? whole : whole.Slice(tensor.row_dim, i, 1);
  if (tensor.direction == Direction::kInput) {
    tensor.field.set(row);
    tensor.view = row;
    return row;
  }
  auto memory = std::make_unique<GuardedTensor>(row.dtype(), row.shape());
  tensor.field.set(memory->view());
  tensor.view = memory->view();
  tensor.memory.swap(memory);
  return row;
}

// Makes some elements what they must not be: next to the domain, or far from
// it.
void MakeWild(const Tensor& tensor, const Domain& domain, Random& random) {
  const bool whole = IsInteger(tensor.dtype());
  const Domain::Examples examples = domain.MakeExamples(whole);
  std::vector<double> wild(examples.outside.begin(),
                           examples.outside.begin() + examples.num_outside);
  const double extreme = tensor.dtype() == DType::kI64   ? 0x1p62
                         : tensor.dtype() == DType::kI32 ? 0x7FFFFFFF
                                                         : 1e30;
  wild.insert(wild.end(), {extreme, -extreme, extreme / 0x1p16});
  ForEachIndex(tensor.shape(), [&](const Dims& index) {
    const int64_t last = 2 * static_cast<int64_t>(wild.size()) - 1;
    const size_t i = static_cast<size_t>(random.Integer(0, last));
    if (i >= wild.size()) return;
    Write(tensor, index,
          whole ? std::clamp(wild[i], -extreme, extreme) : wild[i]);
  });
}

// Gives each NaN in an output the same bits.
void UnifyNans(MadeArguments& made) {
  for (const MadeTensor& tensor : made.tensors) {
    const Tensor& view = tensor.view;
    if (tensor.direction == Direction::kInput || IsInteger(view.dtype())) {
      continue;
    }
    ForEachIndex(view.shape(), [&](const Dims& index) {
      const double value = Read(view, index);
      if (std::isnan(value)) Write(view, index, std::nan(""));
    });
  }
}

}  // namespace

ConformanceResult CheckConformance(const TestedKernel& kernel, uint64_t seed,
                                   KernelPlace& place) {
  ConformanceResult result;
  Random random(seed);
  MadeArguments made =
      MakeArguments(kernel, random, place.Suitable(MakerOptions()));
  const auto fail = [&](std::string_view what) {
    result.failure = Failure(made, seed, what);
    return result;
  };
  const auto before = made.Bytes();
  const std::vector<ExpectedTensor> expected = made.arguments->Expect();
  if (const absl::Status status = place.Run(made); !status.ok()) {
    return fail(status.ToString());
  }
  if (const auto intact = made.Intact(); !intact) {
    return fail(intact.message());
  }
  size_t m = 0;
  for (const MadeTensor& tensor : made.tensors) {
    if (tensor.memory == nullptr) continue;
    const bool is_aliased = std::any_of(
        made.tensors.begin(), made.tensors.end(), [&](const MadeTensor& other) {
          return other.memory == nullptr &&
                 other.view.data() == tensor.view.data();
        });
    if (tensor.direction == Direction::kInput && !is_aliased &&
        tensor.memory->bytes() != before[m]) {
      return fail(absl::StrCat("the input ", tensor.name, " was written"));
    }
    ++m;
  }
  for (const ExpectedTensor& tensor : expected) {
    if (const auto agrees = Agrees(tensor); !agrees) {
      return fail(agrees.message());
    }
    if (!tensor.actual.present()) continue;
    const Comparison comparison =
        Compare(tensor.actual, tensor.reference, tensor.bound);
    if (comparison.worst_ratio > result.worst_ratio) {
      result.worst_ratio = comparison.worst_ratio;
      result.worst_tensor = tensor.name;
    }
  }
  const int64_t scratch = place.ScratchBytes();
  made.SetBytes(before);
  if (const absl::Status status = place.Run(made); !status.ok()) {
    return fail(absl::StrCat("a second call: ", status.ToString()));
  }
  if (place.ScratchBytes() != scratch) {
    return fail("a second call takes more scratch memory");
  }
  return result;
}

std::string CheckFault(const TestedKernel& kernel, uint64_t seed,
                       KernelPlace& place) {
  Random random(seed);
  MadeArguments made =
      MakeArguments(kernel, random,
                    place.Suitable({.max_elements = 2048, .in_place = false}));
  const Fault fault = Break(made, random);
  const auto fail = [&](std::string_view what) {
    return Failure(made, seed, absl::StrCat(fault.description, ": ", what));
  };
  const auto before = OutputBytes(made);
  const absl::Status checked = place.Check(made);
  const absl::Status status = place.Run(made);
  if (checked != status) {
    return fail(absl::StrCat("Validate() says ", checked.ToString(),
                             " but the kernel ", status.ToString()));
  }
  if (const auto intact = made.Intact(); !intact) {
    return fail(intact.message());
  }
  if (status.ok()) return fault.must_be_refused ? fail("was accepted") : "";
  if (OutputBytes(made) != before) return fail("an output was written");
  const std::string wrong = CheckMessage(kernel.description(), fault, status);
  return wrong.empty() ? "" : fail(wrong);
}

std::string CheckWildElements(const TestedKernel& kernel, uint64_t seed,
                              KernelPlace& place) {
  Random random(seed);
  MadeArguments made = MakeArguments(
      kernel, random, place.Suitable({.in_place = false, .empty = false}));
  bool any = false;
  for (const MadeTensor& tensor : made.tensors) {
    if (!tensor.values.checked || tensor.memory == nullptr) continue;
    MakeWild(tensor.view, tensor.values.domain, random);
    any = true;
  }
  if (!any) return "";
  if (const absl::Status status = place.Run(made); !status.ok()) {
    return Failure(made, seed, status.ToString());
  }
  const auto intact = made.Intact();
  return intact ? "" : Failure(made, seed, intact.message());
}

SameBitsCheck::SameBitsCheck(const TestedKernel& kernel, uint64_t seed,
                             const MakerOptions& options, NanBits nan_bits)
    : seed_(seed),
      nan_bits_(nan_bits),
      made_([&] {
        Random random(seed);
        return MakeArguments(kernel, random, options);
      }()),
      before_(made_.Bytes()) {}

std::string SameBitsCheck::Call(KernelPlace& place, std::string_view what) {
  made_.SetBytes(before_);
  if (const absl::Status status = place.Run(made_); !status.ok()) {
    return Failure(made_, seed_, status.ToString());
  }
  if (nan_bits_ == NanBits::kDoNotCount) UnifyNans(made_);
  if (first_.empty()) first_ = made_.Bytes();
  if (made_.Bytes() == first_) return "";
  return Failure(made_, seed_, absl::StrCat("other bits for ", what));
}

std::string CheckThreads(const TestedKernel& kernel, uint64_t seed) {
  SameBitsCheck check(kernel, seed, {.max_elements = 1 << 17});
  for (const int threads : {1, 3}) {
    HostContext context(threads);
    HostPlace place(context);
    std::string failure = check.Call(place, "another number of threads");
    if (!failure.empty()) return failure;
  }
  return "";
}

std::string CheckRows(const TestedKernel& kernel, uint64_t seed,
                      KernelPlace& place) {
  if (kernel.description().rows.empty()) return "";
  Random random(seed);
  MadeArguments made = MakeArguments(
      kernel, random,
      place.Suitable({.in_place = false, .empty = false, .min_rows = 2}));
  if (made.rows == 0) return "";  // they depend on each other
  const int64_t row = random.Integer(0, made.rows - 1);
  if (const absl::Status status = place.Run(made); !status.ok()) {
    return Failure(made, seed, status.ToString());
  }
  // The whole problem's memory, which TakeRow() replaces in `made`.
  std::vector<std::unique_ptr<GuardedTensor>> whole;
  std::vector<ConstTensor> rows;
  for (MadeTensor& tensor : made.tensors) {
    if (tensor.direction == Direction::kInOut) return "";
    if (tensor.direction == Direction::kOutput) {
      // Keeps the memory alive: `rows` are views of it.
      whole.push_back(std::move(tensor.memory));
    }
    rows.push_back(TakeRow(tensor, row));
  }
  if (const absl::Status status = place.Run(made); !status.ok()) {
    return Failure(made, seed,
                   absl::StrCat("row ", row, " alone: ", status.ToString()));
  }
  for (size_t i = 0; i < rows.size(); ++i) {
    const MadeTensor& tensor = made.tensors[i];
    if (tensor.direction == Direction::kInput || tensor.row_dim < 0) continue;
    if (const auto same = SameBits(tensor.view, rows[i]); !same) {
      return Failure(made, seed,
                     absl::StrCat("row ", row, " of ", tensor.name,
                                  " alone: ", same.message()));
    }
  }
  return "";
}

}  // namespace tilework
