// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

#include <algorithm>
#include <cstdint>
#include <fstream>
#include <memory>
#include <optional>
#include <ostream>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "benchmark/benchmark.h"
#include "tilework/common/dtype/dtype.h"
#include "tilework/common/parallel/host_context.h"
#include "tilework/common/schema/call_visitor.h"
#include "tilework/common/schema/schema_visitor.h"
#include "tilework/testing/tested_kernel.h"
#include "tilework/tools/argument_builder.h"
#include "tilework/tools/commands.h"
#include "tilework/tools/machine.h"
#include "tilework/tools/progress.h"
#include "tilework/tools/text_table.h"

namespace tilework {
namespace {

// What a call reads, writes and computes at least.
struct Work {
  double read = 0;
  double written = 0;
  double flops = 0;
  DType dtype = DType::kNone;  // of the first tensor
};

Work WorkOf(AnyArguments& arguments) {
  CallVisitor call;
  arguments.Show(call);
  Work work = {.flops = arguments.Flops(),
               .dtype = call.tensors()[0].view.dtype()};
  for (const CallVisitor::NamedTensor& tensor : call.tensors()) {
    const double bytes = static_cast<double>(tensor.view.NumBytes());
    if (tensor.direction != Direction::kOutput) work.read += bytes;
    if (tensor.direction != Direction::kInput) work.written += bytes;
  }
  return work;
}

double LeastSeconds(const Work& work, const MachineLimits& limits) {
  const double rate =
      work.dtype == DType::kBF16 ? limits.flops.bf16 : limits.flops.f32;
  return std::max(limits.MemorySeconds(work.read, work.written),
                  work.flops / rate);
}

// One reference case for Google Benchmark.
void RunCase(benchmark::State& state, const TestedKernel& kernel,
             const ReferenceCase& reference, const MachineLimits& limits,
             HostContext& context) {
  auto request = ParseRequest(reference.arguments);
  if (!request.ok()) return state.SkipWithError(request.status().ToString());
  request->fill_inputs = true;
  const auto built = BuiltArguments::Build(kernel, *request);
  if (!built.ok()) return state.SkipWithError(built.status().ToString());
  for (auto _ : state) {
    const absl::Status status = built->arguments().Run(context);
    if (!status.ok()) return state.SkipWithError(status.ToString());
  }
  const Work work = WorkOf(built->arguments());
  const double iterations = static_cast<double>(state.iterations());
  state.SetBytesProcessed(
      static_cast<int64_t>((work.read + work.written) * iterations));
  state.SetItemsProcessed(static_cast<int64_t>(work.flops * iterations));
  state.counters["percent_of_limit"] =
      benchmark::Counter(100 * LeastSeconds(work, limits) * iterations,
                         benchmark::Counter::kIsRate);
}

// Google Benchmark's runs as a table; with JSON to a file besides.
class TableReporter final : public benchmark::BenchmarkReporter {
 public:
  explicit TableReporter(int64_t total) : progress_(std::in_place, total) {}

  bool ReportContext(const Context& context) override {
    if (json_ != nullptr) json_->ReportContext(context);
    return true;
  }
  void ReportRuns(const std::vector<Run>& runs) override {
    for (const Run& run : runs) {
      progress_->Step(run.run_name.function_name);
      AddRow(run);
    }
    if (json_ != nullptr) json_->ReportRuns(runs);
  }
  void Finalize() override {
    progress_.reset();
    if (json_ != nullptr) json_->Finalize();
  }

  void WriteJsonTo(std::ostream* stream) {
    json_ = std::make_unique<benchmark::JSONReporter>();
    json_->SetOutputStream(stream);
    json_->SetErrorStream(stream);
  }
  std::string Table() const { return table_.ToString(); }
  const std::vector<std::string>& errors() const { return errors_; }

 private:
  static double Of(const Run& run, const char* counter) {
    const auto it = run.counters.find(counter);
    return it == run.counters.end() ? 0 : it->second.value;
  }
  void AddRow(const Run& run) {
    const std::string& name = run.run_name.function_name;
    if (!run.skip_message.empty()) {
      errors_.push_back(absl::StrCat(name, ": ", run.skip_message));
      return;
    }
    const double flops = Of(run, "items_per_second");
    table_.AddRow(
        {name,
         absl::StrFormat("%.4f ms", run.real_accumulated_time * 1e3 /
                                        static_cast<double>(run.iterations)),
         absl::StrFormat("%.1f", Of(run, "bytes_per_second") * 1e-9),
         flops > 0 ? absl::StrFormat("%.1f", flops * 1e-9) : "",
         absl::StrFormat("%.0f%%", Of(run, "percent_of_limit"))});
  }

  std::optional<Progress> progress_;
  std::unique_ptr<benchmark::JSONReporter> json_;
  TextTable table_{{"case", "time", "GB/s", "GFLOP/s", "of the limit"}};
  std::vector<std::string> errors_;
};

struct KernelCase {
  const TestedKernel* kernel;
  ReferenceCase reference;
};

std::vector<KernelCase> CasesOf(const std::vector<const TestedKernel*>& kernels,
                                const BenchOptions& options) {
  std::vector<KernelCase> cases;
  for (const TestedKernel* kernel : kernels) {
    for (const std::string& text : options.cases) {
      cases.push_back({kernel, {text, text}});
    }
    if (!options.cases.empty()) continue;
    for (const ReferenceCase& reference : kernel->cases()) {
      cases.push_back({kernel, reference});
    }
  }
  return cases;
}

}  // namespace

absl::Status Bench(const BenchOptions& options, std::ostream& out) {
  const auto kernels = FindKernels(options.kernels);
  if (!kernels.ok()) return kernels.status();
  std::ofstream json;
  if (!options.json.empty()) {
    json.open(options.json);
    if (!json) {
      return absl::InvalidArgumentError(
          absl::StrCat("cannot write ", options.json));
    }
  }
  HostContext context(options.threads);
  context.pool().SetSpinning(true);
  const MachineLimits limits = MeasureLimits(context);
  const std::vector<KernelCase> cases = CasesOf(*kernels, options);
  TableReporter reporter(std::ssize(cases));
  if (json.is_open()) reporter.WriteJsonTo(&json);
  for (const KernelCase& c : cases) {
    benchmark::RegisterBenchmark(
        absl::StrCat(c.kernel->name(), ": ", c.reference.name).c_str(),
        [&](benchmark::State& state) {
          RunCase(state, *c.kernel, c.reference, limits, context);
        })
        ->UseRealTime()
        ->MinTime(options.min_seconds);
  }
  benchmark::RunSpecifiedBenchmarks(&reporter);
  benchmark::ClearRegisteredBenchmarks();
  out << absl::StrFormat(
             "limits: copy %.1f GB/s, read %.1f GB/s, f32 %.1f GFLOP/s, bf16 "
             "%.1f GFLOP/s; %d threads\n",
             limits.copy_bandwidth * 1e-9, limits.read_bandwidth * 1e-9,
             limits.flops.f32 * 1e-9, limits.flops.bf16 * 1e-9,
             context.num_threads())
      << reporter.Table()
      << "Cases that fit in the caches may exceed the limit, which is the "
         "memory's.\n";
  if (reporter.errors().empty()) return absl::OkStatus();
  return absl::InternalError(reporter.errors()[0]);
}

}  // namespace tilework
