// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

// Measures on the GPU. A figure is of calls that follow one another without a
// wait between them, many of them between two waits, each on the least recently
// used of some sets of tensors, so that none is in the L2 cache.

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "benchmark/benchmark.h"
#include "tilework/common/device/device_buffer.h"
#include "tilework/common/device/device_context.h"
#include "tilework/common/dtype/dtype.h"
#include "tilework/testing/device_mirror.h"
#include "tilework/testing/tested_kernel.h"
#include "tilework/tools/argument_builder.h"
#include "tilework/tools/bench_place.h"

namespace tilework {
namespace {

// The seconds of `run`, and of the work that it enqueues.
absl::StatusOr<double> Seconds(DeviceContext& context,
                               absl::FunctionRef<absl::Status()> run) {
  if (absl::Status status = context.Synchronize(); !status.ok()) return status;
  const auto start = std::chrono::steady_clock::now();
  if (absl::Status status = run(); !status.ok()) return status;
  if (absl::Status status = context.Synchronize(); !status.ok()) return status;
  const std::chrono::duration<double> elapsed =
      std::chrono::steady_clock::now() - start;
  return elapsed.count();
}

// Bytes a second, read and written ones both counted, of a copy on the device:
// the median of several passes, after one that warms up.
absl::StatusOr<double> MeasureCopy(DeviceContext& context) {
  constexpr int kPasses = 5;
  constexpr int kCopies = 8;  // in a pass
  const int64_t bytes =
      std::min(int64_t{1} << 30, context.properties().memory_bytes / 8);
  const auto from = DeviceBuffer::Allocate(DType::kU8, {bytes}, context);
  if (!from.ok()) return from.status();
  const auto to = DeviceBuffer::Allocate(DType::kU8, {bytes}, context);
  if (!to.ok()) return to.status();
  absl::Status filled = FillOnDevice(from->view().data(), 0x3C, bytes, context);
  if (!filled.ok()) return filled;
  std::vector<double> passes;
  for (int pass = 0; pass <= kPasses; ++pass) {
    const auto seconds = Seconds(context, [&] {
      absl::Status status;
      for (int i = 0; i < kCopies; ++i) {
        status.Update(CopyOnDevice(from->view().data(), to->view().data(),
                                   bytes, context));
      }
      return status;
    });
    if (!seconds.ok()) return seconds.status();
    if (pass > 0) passes.push_back(*seconds / kCopies);
  }
  std::sort(passes.begin(), passes.end());
  return 2 * static_cast<double>(bytes) / passes[kPasses / 2];
}

// Of the tensors whose shape the case tells; 0 if it is wrong.
int64_t NumElements(const ReferenceCase& reference) {
  const auto request = ParseRequest(reference.arguments);
  if (!request.ok()) return 0;
  int64_t elements = 0;
  for (const auto& [name, tensor] : request->tensors) {
    if (tensor.shape.has_value()) elements += tensor.shape->Product();
  }
  return elements;
}

// Calls of one case, each with tensors of its own.
class CaseOnDevice {
 public:
  static absl::StatusOr<std::unique_ptr<CaseOnDevice>> Make(
      const TestedKernel& kernel, const ReferenceCase& reference,
      DeviceContext& context) {
    auto result = std::unique_ptr<CaseOnDevice>(new CaseOnDevice(context));
    int64_t sets = 1;
    for (int64_t i = 0; i < sets; ++i) {
      auto built = BuildCase(kernel, reference);
      if (!built.ok()) return built.status();
      if (i == 0) {
        result->work_ = WorkOf(built->arguments());
        sets = result->NumSets();
      }
      absl::Status status = result->Add(*std::move(built));
      if (!status.ok()) return status;
    }
    return result;
  }

  const Work& work() const { return work_; }
  // One call, with the next tensors.
  absl::Status Call() {
    const auto& set = sets_[next_];
    next_ = (next_ + 1) % sets_.size();
    return set->built.arguments().Run(context_);
  }
  absl::Status Call(int64_t times) {
    absl::Status status;
    for (int64_t i = 0; i < times && status.ok(); ++i) status = Call();
    return status;
  }
  // Until clocks and caches are as they stay; then the number of calls that
  // take so long that a wait after them costs nothing.
  absl::StatusOr<int64_t> WarmUp() {
    constexpr double kWarmSeconds = 0.05;
    constexpr double kBatchSeconds = 0.01;
    int64_t calls = std::ssize(sets_);
    for (double total = 0; total < kWarmSeconds;) {
      const auto seconds = Seconds(context_, [&] { return Call(calls); });
      if (!seconds.ok()) return seconds.status();
      total += *seconds;
      const double each = *seconds / static_cast<double>(calls);
      calls = std::clamp<int64_t>(static_cast<int64_t>(kBatchSeconds / each), 1,
                                  1000);
    }
    return calls;
  }

 private:
  struct Set {
    Set(BuiltArguments arguments, DeviceContext& context)
        : built(std::move(arguments)), mirror(context) {}

    BuiltArguments built;
    DeviceMirror mirror;
  };

  explicit CaseOnDevice(DeviceContext& context) : context_(context) {}

  // So many that all together are four times the L2 cache.
  int64_t NumSets() const {
    constexpr int64_t kMost = 256;
    const DeviceProperties& properties = context_.properties();
    if (properties.emulated) return 1;
    const int64_t bytes =
        std::max<int64_t>(1, static_cast<int64_t>(work_.read + work_.written));
    return std::clamp<int64_t>(4 * properties.l2_bytes / bytes + 1, 1, kMost);
  }
  absl::Status Add(BuiltArguments built) {
    sets_.push_back(std::make_unique<Set>(std::move(built), context_));
    Set& set = *sets_.back();
    absl::Status status = set.mirror.Add(set.built.arguments());
    if (status.ok()) status = set.mirror.Upload();
    return status;
  }

  DeviceContext& context_;
  Work work_;
  std::vector<std::unique_ptr<Set>> sets_;
  size_t next_ = 0;
};

class DeviceBench final : public BenchPlace {
 public:
  DeviceBench(std::unique_ptr<DeviceContext> context, double copy_bandwidth)
      : context_(std::move(context)), copy_bandwidth_(copy_bandwidth) {}

  std::vector<ReferenceCase> CasesOf(
      const TestedKernel& kernel) const override {
    return kernel.cases_on_device();
  }
  void Run(benchmark::State& state, const TestedKernel& kernel,
           const ReferenceCase& reference) override {
    if (emulated()) return RunOnce(state, kernel, reference);
    if (absl::Status status = Prepare(kernel, reference); !status.ok()) {
      return state.SkipWithError(status.ToString());
    }
    while (state.KeepRunningBatch(batch_)) {
      absl::Status status = case_->Call(batch_);
      status.Update(context_->Synchronize());
      if (!status.ok()) return state.SkipWithError(status.ToString());
    }
    const Work& work = case_->work();
    SetFigures(state, work, (work.read + work.written) / copy_bandwidth_,
               limit_counter());
  }
  std::string_view limit_counter() const override { return "percent_of_copy"; }
  std::string_view limit() const override { return "a copy"; }
  std::string Header() const override {
    const DeviceProperties& properties = context_->properties();
    if (emulated()) {
      return absl::StrCat("device: ", properties.name,
                          ". Kernels run, but no figure says anything of a "
                          "GPU's speed, so there are none.\n");
    }
    return absl::StrFormat(
        "device: %s, %d multiprocessors, L2 %.0f MiB; a copy on it: %.1f "
        "GB/s\n",
        properties.name, properties.num_multiprocessors,
        static_cast<double>(properties.l2_bytes) / (1 << 20),
        copy_bandwidth_ * 1e-9);
  }
  std::string Footer() const override {
    return emulated() ? ""
                      : "No case finds its tensors in the L2 cache. Calls "
                        "follow one another without a wait.\n";
  }

 private:
  bool emulated() const { return context_->properties().emulated; }

  // Keeps what the case needs until the next one comes.
  absl::Status Prepare(const TestedKernel& kernel,
                       const ReferenceCase& reference) {
    if (prepared_ == &reference) return absl::OkStatus();
    case_.reset();  // its memory first
    prepared_ = nullptr;
    auto made = CaseOnDevice::Make(kernel, reference, *context_);
    if (!made.ok()) return made.status();
    const auto batch = (*made)->WarmUp();
    if (!batch.ok()) return batch.status();
    case_ = *std::move(made);
    batch_ = *batch;
    prepared_ = &reference;
    return absl::OkStatus();
  }

  // That the case works is all that the emulator can tell.
  void RunOnce(benchmark::State& state, const TestedKernel& kernel,
               const ReferenceCase& reference) {
    constexpr int64_t kMostElements = 1 << 21;
    if (NumElements(reference) > kMostElements) {
      return state.SkipWithMessage("emulated: too large to be run");
    }
    const auto made = CaseOnDevice::Make(kernel, reference, *context_);
    absl::Status status = made.ok() ? (*made)->Call() : made.status();
    status.Update(context_->Synchronize());
    if (!status.ok()) return state.SkipWithError(status.ToString());
    state.SkipWithMessage("emulated: works");
  }

  std::unique_ptr<DeviceContext> context_;
  double copy_bandwidth_;
  const ReferenceCase* prepared_ = nullptr;
  std::unique_ptr<CaseOnDevice> case_;
  int64_t batch_ = 1;
};

}  // namespace

absl::StatusOr<std::unique_ptr<BenchPlace>> MakeDeviceBench() {
  auto context = DeviceContext::Create();
  if (!context.ok()) return context.status();
  double copy_bandwidth = 0;
  if (!(*context)->properties().emulated) {
    const auto measured = MeasureCopy(**context);
    if (!measured.ok()) return measured.status();
    copy_bandwidth = *measured;
  }
  return std::make_unique<DeviceBench>(*std::move(context), copy_bandwidth);
}

}  // namespace tilework
