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
#include "tilework/testing/tested_kernel.h"
#include "tilework/tools/bench_place.h"
#include "tilework/tools/commands.h"
#include "tilework/tools/progress.h"
#include "tilework/tools/text_table.h"

namespace tilework {
namespace {

// Google Benchmark's runs as a table; with JSON to a file besides.
class TableReporter final : public benchmark::BenchmarkReporter {
 public:
  TableReporter(int64_t total, const BenchPlace& place)
      : limit_counter_(place.limit_counter()),
        progress_(std::in_place, total),
        table_({"case", "time", "GB/s", "GFLOP/s",
                absl::StrCat("of ", place.limit())}) {}

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
  static double Of(const Run& run, const std::string& counter) {
    const auto it = run.counters.find(counter);
    return it == run.counters.end() ? 0 : it->second.value;
  }
  void AddRow(const Run& run) {
    const std::string& name = run.run_name.function_name;
    if (run.skipped == benchmark::internal::SkippedWithMessage) {
      table_.AddRow({name, run.skip_message, "", "", ""});
      return;
    }
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
         absl::StrFormat("%.0f%%", Of(run, limit_counter_))});
  }

  std::string limit_counter_;
  std::optional<Progress> progress_;
  std::unique_ptr<benchmark::JSONReporter> json_;
  TextTable table_;
  std::vector<std::string> errors_;
};

struct KernelCase {
  const TestedKernel* kernel;
  ReferenceCase reference;
};

std::vector<KernelCase> CasesOf(const std::vector<const TestedKernel*>& kernels,
                                const BenchPlace& place,
                                const BenchOptions& options) {
  std::vector<KernelCase> cases;
  for (const TestedKernel* kernel : kernels) {
    for (const std::string& text : options.cases) {
      cases.push_back({kernel, {text, text}});
    }
    if (!options.cases.empty()) continue;
    for (const ReferenceCase& reference : place.CasesOf(*kernel)) {
      cases.push_back({kernel, reference});
    }
  }
  return cases;
}

absl::StatusOr<std::unique_ptr<BenchPlace>> MakePlace(
    const BenchOptions& options) {
  if (options.context == "device") return MakeDeviceBench();
  return MakeHostBench(options.threads);
}

// Measures `cases` one after another.
void RunAll(const std::vector<KernelCase>& cases, const BenchOptions& options,
            BenchPlace& place, TableReporter& reporter) {
  for (const KernelCase& c : cases) {
    benchmark::RegisterBenchmark(
        absl::StrCat(c.kernel->name(), ": ", c.reference.name).c_str(),
        [&](benchmark::State& state) {
          place.Run(state, *c.kernel, c.reference);
        })
        ->UseRealTime()
        ->MinTime(options.min_seconds);
  }
  benchmark::RunSpecifiedBenchmarks(&reporter);
  benchmark::ClearRegisteredBenchmarks();
}

}  // namespace

absl::Status Bench(const BenchOptions& options, std::ostream& out) {
  const auto kernels = FindKernels(options.kernels, options.context);
  if (!kernels.ok()) return kernels.status();
  std::ofstream json;
  if (!options.json.empty()) {
    json.open(options.json);
    if (!json) {
      return absl::InvalidArgumentError(
          absl::StrCat("cannot write ", options.json));
    }
  }
  const auto place = MakePlace(options);
  if (!place.ok()) return place.status();
  const std::vector<KernelCase> cases = CasesOf(*kernels, **place, options);
  TableReporter reporter(std::ssize(cases), **place);
  if (json.is_open()) reporter.WriteJsonTo(&json);
  RunAll(cases, options, **place, reporter);
  out << (*place)->Header() << reporter.Table() << (*place)->Footer();
  if (reporter.errors().empty()) return absl::OkStatus();
  return absl::InternalError(reporter.errors()[0]);
}

}  // namespace tilework
