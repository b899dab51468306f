// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

#include "tilework/tools/bench_place.h"

#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "benchmark/benchmark.h"
#include "tilework/common/schema/call_visitor.h"
#include "tilework/common/schema/schema_visitor.h"
#include "tilework/testing/tested_kernel.h"
#include "tilework/tools/argument_builder.h"

namespace tilework {

absl::StatusOr<BuiltArguments> BuildCase(const TestedKernel& kernel,
                                         const ReferenceCase& reference) {
  auto request = ParseRequest(reference.arguments);
  if (!request.ok()) return request.status();
  request->fill_inputs = true;
  return BuiltArguments::Build(kernel, *request);
}

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

void SetFigures(benchmark::State& state, const Work& work, double least_seconds,
                std::string_view limit_counter) {
  const double iterations = static_cast<double>(state.iterations());
  state.SetBytesProcessed(
      static_cast<int64_t>((work.read + work.written) * iterations));
  state.SetItemsProcessed(static_cast<int64_t>(work.flops * iterations));
  state.counters[std::string(limit_counter)] = benchmark::Counter(
      100 * least_seconds * iterations, benchmark::Counter::kIsRate);
}

}  // namespace tilework
