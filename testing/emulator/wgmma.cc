// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

#include "tilework/testing/emulator/wgmma.h"

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/types/span.h"
#include "tilework/common/dtype/dtype.h"
#include "tilework/common/tiling/fragment.h"
#include "tilework/testing/emulator/async.h"
#include "tilework/testing/emulator/machine.h"
#include "tilework/testing/emulator/rng.h"
#include "tilework/testing/emulator/tensor_core.h"
#include "tilework/testing/emulator/wgmma_operand.h"

namespace tilework::emulator {
namespace {

constexpr uint32_t kWarpsOfGroup = 4;
constexpr uint32_t kAllLanes = 0xFFFFFFFF;

// One warp's sixteen rows of D, which are the registers of its lanes.
struct Accumulator {
  float* registers[kWarpSize];
  uint32_t count = 0;  // of each lane
  // What the hardware has; of lane l from l * count on.
  std::vector<float> values;
  float poison = 0;
  // Since the last instruction on it no wait has named it.
  bool busy = false;
  uint64_t last = 0;  // number of the last instruction on it
  Site site;          // of that

  bool Same(const float* lane0, uint32_t size) const {
    return registers[0] == lane0 && count == size;
  }
  template <typename Function>
  void ForEachRegister(Function function) {
    for (uint32_t lane = 0; lane < kWarpSize; ++lane) {
      for (uint32_t i = 0; i < count; ++i) {
        function(registers[lane][i], values[lane * count + i]);
      }
    }
  }
  bool RegistersAre(bool (*same)(const Accumulator&, float, float)) {
    bool all = true;
    ForEachRegister([&](float& in_register, float& value) {
      all &= same(*this, in_register, value);
    });
    return all;
  }
};

bool SameBits(float a, float b) {
  return std::bit_cast<uint32_t>(a) == std::bit_cast<uint32_t>(b);
}

struct Operation {
  WgmmaInstruction instruction;
  std::vector<uint32_t> a_registers;  // of all lanes
  Accumulator* accumulator;
  Site site;
};

// What one thread gives to its warp.
struct MmaRequest {
  const WgmmaInstruction* instruction;
  absl::Span<float> d;
  Site site;
};
struct WaitRequest {
  int pending;
  absl::Span<const absl::Span<float>> results;
  Site site;
};

// An instruction as all warps of a group must execute it.
struct Step {
  std::string_view name;
  WgmmaInstruction instruction;
  size_t parameter = 0;
  Site site;
};

bool SameInstruction(const WgmmaInstruction& a, const WgmmaInstruction& b) {
  return a.a == b.a && a.b == b.b && a.a_major == b.a_major &&
         a.b_major == b.b_major && a.negate == b.negate &&
         a.scale_d == b.scale_d && a.a_in_registers == b.a_in_registers &&
         a.a_descriptor == b.a_descriptor && a.b_descriptor == b.b_descriptor;
}

std::string Describe(const Step& step) {
  const WgmmaInstruction& i = step.instruction;
  return absl::StrFormat(
      "%s (parameter %d, %s x %s, descriptors 0x%x and 0x%x, scale_d %d) at %s",
      step.name, step.parameter, Name(i.a), Name(i.b), i.a_descriptor,
      i.b_descriptor, i.scale_d, ToString(step.site));
}

// What the warps of a group have executed.
class WarpgroupLog {
 public:
  // The next step of `warp`; how it differs from that of another warp, "" if it
  // does not.
  std::string Add(uint32_t warp, const Step& step) {
    const uint64_t number = counts_[warp]++;
    if (number == first_ + steps_.size()) {
      steps_.push_back(step);
      return "";
    }
    const Step& other = steps_[number - first_];
    if (other.name != step.name || other.parameter != step.parameter ||
        !SameInstruction(other.instruction, step.instruction)) {
      return absl::StrCat("another warp of its warpgroup has executed ",
                          Describe(other), ", this one ", Describe(step));
    }
    if (*std::min_element(std::begin(counts_), std::end(counts_)) > first_) {
      steps_.pop_front();
      ++first_;
    }
    return "";
  }

  bool Even() const {
    return std::all_of(std::begin(counts_), std::end(counts_),
                       [&](uint64_t count) { return count == counts_[0]; });
  }

 private:
  uint64_t counts_[kWarpsOfGroup] = {};
  uint64_t first_ = 0;  // number of steps_[0]
  std::deque<Step> steps_;
};

// The instructions of one warp.
class WarpUnit {
 public:
  void Fence() { fenced_ = true; }
  void Issue(Warp& warp);
  void Commit() {
    fenced_ = false;
    groups_.push_back(issued_);
  }
  // Begins a wait, which is over when done() is at least the result.
  uint64_t Wait(int pending);
  uint64_t done() const { return done_; }
  // Ends it.
  void Release(Warp& warp);
  // Has the hardware do the instruction issued last, by one of the threads.
  void Start(const Warp& warp, const Site& site);
  std::string AtEnd() const;

 private:
  [[noreturn]] static void Fault(std::string_view what, const Site& site) {
    Machine::Current()->Fault(what, site);
  }

  void CheckLanes(const Warp& warp);
  Accumulator& FindAccumulator(const Warp& warp);
  Accumulator& NewAccumulator(const Warp& warp);
  void Run(Block& block, uint32_t warp);
  void Release(const WaitRequest& request, Accumulator& accumulator);

  bool fenced_ = false;
  uint64_t issued_ = 0;  // instructions
  uint64_t done_ = 0;
  uint64_t waited_ = 0;
  std::deque<uint64_t> groups_;       // issued_ at their ends
  std::deque<Operation> operations_;  // from number done_ on
  AsyncHandle youngest_;
  std::vector<std::unique_ptr<Accumulator>> accumulators_;
};

const MmaRequest& MmaRequestOf(const Warp& warp, uint32_t lane) {
  return *reinterpret_cast<const MmaRequest*>(warp.threads[lane].operand);
}
const WaitRequest& WaitRequestOf(const Warp& warp, uint32_t lane) {
  return *reinterpret_cast<const WaitRequest*>(warp.threads[lane].operand);
}

void WarpUnit::CheckLanes(const Warp& warp) {
  const MmaRequest& first = MmaRequestOf(warp, 0);
  for (uint32_t lane = 1; lane < kWarpSize; ++lane) {
    const MmaRequest& other = MmaRequestOf(warp, lane);
    if (!SameInstruction(*first.instruction, *other.instruction) ||
        first.d.size() != other.d.size()) {
      Fault(absl::StrFormat("wgmma.mma_async: lanes 0 and %d have different "
                            "descriptors or options",
                            lane),
            first.site);
    }
  }
  const WgmmaInstruction& instruction = *first.instruction;
  std::string problem = CheckDescriptor(instruction.b_descriptor);
  if (problem.empty() && !instruction.a_in_registers) {
    problem = CheckDescriptor(instruction.a_descriptor);
  }
  if (!problem.empty()) {
    Fault(absl::StrCat("wgmma.mma_async: ", problem), first.site);
  }
}

Accumulator& WarpUnit::NewAccumulator(const Warp& warp) {
  const MmaRequest& first = MmaRequestOf(warp, 0);
  std::erase_if(accumulators_, [&](const auto& it) {
    return !it->busy && it->registers[0] == first.d.data();
  });
  auto accumulator = std::make_unique<Accumulator>();
  accumulator->count = static_cast<uint32_t>(first.d.size());
  for (uint32_t lane = 0; lane < kWarpSize; ++lane) {
    accumulator->registers[lane] = MmaRequestOf(warp, lane).d.data();
  }
  accumulator->values.resize(kWarpSize * first.d.size());
  return *accumulators_.emplace_back(std::move(accumulator));
}

// That of an instruction, and whether its registers may be used now.
Accumulator& WarpUnit::FindAccumulator(const Warp& warp) {
  const MmaRequest& first = MmaRequestOf(warp, 0);
  for (auto& it : accumulators_) {
    if (it->busy && it->registers[0] == first.d.data() &&
        it->count != first.d.size()) {
      Fault(absl::StrFormat("wgmma.mma_async: N is %d, but the instruction on "
                            "the same registers at %s, for which no wait has "
                            "been, has %d",
                            2 * first.d.size(), ToString(it->site),
                            2 * it->count),
            first.site);
    }
    if (!it->Same(first.d.data(), static_cast<uint32_t>(first.d.size()))) {
      continue;
    }
    if (it->busy) {
      if (!it->RegistersAre(
              [](const Accumulator& self, float in_register, float) {
                return SameBits(in_register, self.poison);
              })) {
        Fault(absl::StrCat("wgmma.mma_async: the accumulator was written after "
                           "the instruction at ",
                           ToString(it->site), " and before a wait for it"),
              first.site);
      }
      return *it;
    }
    const bool unchanged = it->RegistersAre(
        [](const Accumulator&, float in_register, float value) {
          return SameBits(in_register, value);
        });
    if (unchanged) return *it;
  }
  if (!fenced_) {
    Fault("wgmma.mma_async: no wgmma.fence since its accumulator was written",
          first.site);
  }
  return NewAccumulator(warp);
}

void WarpUnit::Issue(Warp& warp) {
  CheckLanes(warp);
  const MmaRequest& first = MmaRequestOf(warp, 0);
  if (first.instruction->a_in_registers && !fenced_) {
    Fault(
        "wgmma.mma_async: no wgmma.fence since its registers of A were "
        "written",
        first.site);
  }
  Accumulator& accumulator = FindAccumulator(warp);
  Machine& machine = *Machine::Current();
  if (!accumulator.busy) {
    accumulator.busy = true;
    accumulator.poison = std::bit_cast<float>(PoisonWord(machine.rng().Next()));
    accumulator.ForEachRegister([&](float& in_register, float& value) {
      value = in_register;
      in_register = accumulator.poison;
    });
  }
  Operation operation = {.instruction = *first.instruction,
                         .accumulator = &accumulator,
                         .site = first.site};
  for (uint32_t lane = 0; lane < kWarpSize; ++lane) {
    const WgmmaInstruction& instruction = *MmaRequestOf(warp, lane).instruction;
    operation.a_registers.insert(operation.a_registers.end(),
                                 std::begin(instruction.a_registers),
                                 std::end(instruction.a_registers));
  }
  accumulator.last = ++issued_;
  accumulator.site = first.site;
  operations_.push_back(std::move(operation));
}

void WarpUnit::Run(Block& block, uint32_t warp) {
  const Operation operation = std::move(operations_.front());
  operations_.pop_front();
  ++done_;
  const WgmmaInstruction& instruction = operation.instruction;
  Accumulator& accumulator = *operation.accumulator;
  const uint32_t n = 2 * accumulator.count;
  const std::vector<float> b = ReadSharedOperand(
      block, {instruction.b_descriptor, instruction.b_major, instruction.b}, 0,
      n, operation.site);
  std::vector<float> a =
      instruction.a_in_registers
          ? ReadRegisterOperand(instruction.a, operation.a_registers)
          : ReadSharedOperand(
                block,
                {instruction.a_descriptor, instruction.a_major, instruction.a},
                warp % kWarpsOfGroup * 16, 16, operation.site);
  if (instruction.negate) {
    for (float& value : a) value = -value;
  }
  const uint32_t k = WgmmaK(instruction.a);
  for (uint32_t lane = 0; lane < kWarpSize; ++lane) {
    for (uint32_t i = 0; i < accumulator.count; ++i) {
      const MatrixElement at = AccumulatorFragment::ToMatrix(
          {.lane = static_cast<int>(lane), .element = static_cast<int>(i)});
      float& value = accumulator.values[lane * accumulator.count + i];
      value = TensorCoreSum(
          instruction.scale_d ? value : 0.0f,
          absl::MakeConstSpan(a).subspan(static_cast<uint32_t>(at.row) * k, k),
          absl::MakeConstSpan(b).subspan(static_cast<uint32_t>(at.column) * k,
                                         k),
          SizeOf(instruction.a) == 1);
    }
  }
}

void WarpUnit::Release(const WaitRequest& request, Accumulator& accumulator) {
  if (accumulator.last > waited_) {
    const bool committed =
        !groups_.empty() && groups_.back() >= accumulator.last;
    Fault(absl::StrCat(
              "wgmma.wait_group names results of the instruction at ",
              ToString(accumulator.site), ", which ",
              committed ? "it does not wait for" : "is in no committed group"),
          request.site);
  }
  accumulator.ForEachRegister([&](float& in_register, float& value) {
    if (!SameBits(in_register, accumulator.poison)) {
      Fault(absl::StrCat("the accumulator of the wgmma.mma_async at ",
                         ToString(accumulator.site),
                         " was written before the wait for it"),
            request.site);
    }
    in_register = value;
  });
  accumulator.busy = false;
}

uint64_t WarpUnit::Wait(int pending) {
  fenced_ = false;
  while (groups_.size() > static_cast<size_t>(pending)) {
    waited_ = groups_.front();
    groups_.pop_front();
  }
  return waited_;
}

void WarpUnit::Release(Warp& warp) {
  const WaitRequest& request = WaitRequestOf(warp, 0);
  for (const absl::Span<float>& d : request.results) {
    for (auto& it : accumulators_) {
      if (it->busy && it->Same(d.data(), static_cast<uint32_t>(d.size()))) {
        Release(request, *it);
      }
    }
  }
}

void WarpUnit::Start(const Warp& warp, const Site& site) {
  AsyncOperation operation = {
      .name = "wgmma.mma_async", .kind = AsyncKind::kWgmma, .grouped = false};
  operation.steps.push_back(
      [this, block = warp.block, index = warp.index] { Run(*block, index); });
  if (youngest_ != nullptr) operation.after.push_back(youngest_);
  youngest_ = IssueAsync(std::move(operation), site);
}

std::string WarpUnit::AtEnd() const {
  for (const auto& it : accumulators_) {
    if (!it->busy) continue;
    return absl::StrCat(
        "the block ends, but no wgmma.wait_group has named the "
        "results of the wgmma.mma_async at ",
        ToString(it->site));
  }
  return "";
}

// All of a block.
class WgmmaModel : public BlockModel {
 public:
  explicit WgmmaModel(const Block& block)
      : warps_(block.warps.size()),
        groups_((block.warps.size() + kWarpsOfGroup - 1) / kWarpsOfGroup) {}

  // That of the block of `warp`.
  static WgmmaModel& Of(const Warp& warp) {
    std::unique_ptr<BlockModel>& model = warp.block->wgmma;
    if (model == nullptr) model = std::make_unique<WgmmaModel>(*warp.block);
    return static_cast<WgmmaModel&>(*model);
  }

  WarpUnit& Unit(const Warp& warp) { return warps_[warp.index]; }

  // The unit of `warp`, all lanes of which execute `step`.
  WarpUnit& Execute(const Warp& warp, const Step& step) {
    Machine& machine = *Machine::Current();
    const uint32_t group = warp.index / kWarpsOfGroup;
    if ((group + 1) * kWarpsOfGroup > warps_.size()) {
      machine.Fault(
          absl::StrFormat("%s by warp %d of a block of %d warps, which are no "
                          "warpgroup of %d",
                          step.name, warp.index, warps_.size(), kWarpsOfGroup),
          step.site);
    }
    const std::string problem =
        groups_[group].Add(warp.index % kWarpsOfGroup, step);
    if (!problem.empty()) machine.Fault(problem, step.site);
    return warps_[warp.index];
  }

  std::string AtEnd() override {
    for (const WarpUnit& warp : warps_) {
      std::string problem = warp.AtEnd();
      if (!problem.empty()) return problem;
    }
    for (const WarpgroupLog& group : groups_) {
      if (group.Even()) continue;
      return "the block ends, but warps of a warpgroup have executed different "
             "numbers of wgmma instructions";
    }
    return "";
  }

 private:
  std::vector<WarpUnit> warps_;
  std::vector<WarpgroupLog> groups_;
};

const Site& SiteOf(const Warp& warp) {
  return *reinterpret_cast<const Site*>(warp.threads[0].operand);
}

// All lanes have arrived, and none has returned.
void CheckAllLanes(const Warp& warp, uint32_t lanes) {
  if (lanes == kAllLanes) return;
  const Thread& thread = warp.threads[std::countr_zero(lanes)];
  Machine::Current()->Fault(
      absl::StrFormat("%s by lanes %08x of a warp, not by all",
                      thread.waits_for != nullptr ? thread.waits_for : "wgmma",
                      lanes),
      thread.site);
}

void CombineFence(Warp& warp, uint32_t lanes) {
  CheckAllLanes(warp, lanes);
  WgmmaModel::Of(warp)
      .Execute(warp, {.name = "wgmma.fence", .site = SiteOf(warp)})
      .Fence();
}

void CombineCommit(Warp& warp, uint32_t lanes) {
  CheckAllLanes(warp, lanes);
  WgmmaModel::Of(warp)
      .Execute(warp, {.name = "wgmma.commit_group", .site = SiteOf(warp)})
      .Commit();
}

void CombineMma(Warp& warp, uint32_t lanes) {
  CheckAllLanes(warp, lanes);
  const MmaRequest& first = MmaRequestOf(warp, 0);
  WgmmaModel::Of(warp)
      .Execute(warp, {.name = "wgmma.mma_async",
                      .instruction = *first.instruction,
                      .parameter = first.d.size(),
                      .site = first.site})
      .Issue(warp);
}

void CombineWait(Warp& warp, uint32_t lanes) {
  CheckAllLanes(warp, lanes);
  const WaitRequest& first = WaitRequestOf(warp, 0);
  const uint64_t end =
      WgmmaModel::Of(warp)
          .Execute(warp, {.name = "wgmma.wait_group",
                          .parameter = static_cast<size_t>(first.pending),
                          .site = first.site})
          .Wait(first.pending);
  for (uint32_t lane = 0; lane < kWarpSize; ++lane) {
    warp.threads[lane].result = end;
  }
}

void CombineRelease(Warp& warp, uint32_t lanes) {
  CheckAllLanes(warp, lanes);
  WgmmaModel::Of(warp).Unit(warp).Release(warp);
}

template <typename Request>
uint64_t MeetWarp(const char* operation, const Request& request,
                  WarpCombine combine, const Site& site) {
  return ThisMachine(site).Meet(kAllLanes, operation,
                                reinterpret_cast<uint64_t>(&request), 0,
                                combine, site);
}

}  // namespace

void WgmmaFence(const Site& site) {
  MeetWarp("wgmma.fence", site, CombineFence, site);
}

void WgmmaMmaAsync(const WgmmaInstruction& instruction, absl::Span<float> d,
                   const Site& site) {
  MeetWarp("wgmma.mma_async", MmaRequest{&instruction, d, site}, CombineMma,
           site);
  const Thread& thread = ThisMachine(site).thread();
  if (thread.lane == 0) {
    WgmmaModel::Of(*thread.warp).Unit(*thread.warp).Start(*thread.warp, site);
  }
}

void WgmmaCommitGroup(const Site& site) {
  MeetWarp("wgmma.commit_group", site, CombineCommit, site);
}

void WgmmaWaitGroup(int pending, absl::Span<const absl::Span<float>> results,
                    const Site& site) {
  const char* const kName = "wgmma.wait_group";
  const WaitRequest request = {pending, results, site};
  const uint64_t end = MeetWarp(kName, request, CombineWait, site);
  Machine& machine = ThisMachine(site);
  const Warp& warp = *machine.thread().warp;
  const WarpUnit& unit = WgmmaModel::Of(warp).Unit(warp);
  machine.WaitUntil([&] { return unit.done() >= end; }, kName, site);
  MeetWarp(kName, request, CombineRelease, site);
}

}  // namespace tilework::emulator
