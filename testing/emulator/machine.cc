// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

#include "tilework/testing/emulator/machine.h"

#include <algorithm>
#include <bit>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <numeric>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "tilework/testing/emulator/async.h"
#include "tilework/testing/emulator/fiber.h"
#include "tilework/testing/emulator/guarded_memory.h"
#include "tilework/testing/emulator/rng.h"
#include "tilework/testing/emulator/schedule.h"
#include "tilework/testing/emulator/signal_guard.h"
#include "tilework/testing/emulator/vector_types.h"

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/lsan_interface.h>
#endif

namespace tilework::emulator {
namespace {

// Blocks that run beside each other where the launch does not ask for all.
constexpr uint32_t kMostResidentClusters = 3;
constexpr uint64_t kMostResidentThreads = 4096;

// Who runs next. Random choices alone seldom let one warp race far ahead of, or
// fall far behind, the others.
enum Policy : uint32_t {
  kAnyWarp,
  kSameWarp,         // as long as it can
  kFirstWarpsFirst,  // those that produce, in most kernels
  kLastWarpsFirst,
  kOneWarpLast,
  kNumPolicies,
};

uint64_t Count(const dim3& dims) { return uint64_t{dims.x} * dims.y * dims.z; }

uint3 IndexOf(uint64_t ordinal, const dim3& dims) {
  return {static_cast<unsigned>(ordinal % dims.x),
          static_cast<unsigned>(ordinal / dims.x % dims.y),
          static_cast<unsigned>(ordinal / dims.x / dims.y)};
}

std::string ToString(const uint3& index) {
  return absl::StrCat("(", index.x, ",", index.y, ",", index.z, ")");
}

// Stacks, which are used again by the next launch. `index` counts from 0.
Fiber* StackOf(size_t index) {
  thread_local std::vector<std::unique_ptr<Fiber>> fibers;
  while (fibers.size() <= index) {
    auto fiber = std::make_unique<Fiber>();
    if (!fiber->AllocateStack(static_cast<uint32_t>(fibers.size()))) {
      return nullptr;
    }
    fibers.push_back(std::move(fiber));
  }
  return fibers[index].get();
}

// A fault abandons all fibers, and what is held on their stacks: no leaks to be
// told of.
class NoLeakReports {
 public:
#if defined(__SANITIZE_ADDRESS__)
  NoLeakReports() { __lsan_disable(); }
  ~NoLeakReports() { __lsan_enable(); }
#else
  NoLeakReports() {}
#endif
  NoLeakReports(const NoLeakReports&) = delete;
  NoLeakReports& operator=(const NoLeakReports&) = delete;
};

}  // namespace

constinit thread_local Machine* Machine::current_ = nullptr;

std::string ToString(const Site& site) {
  std::string_view file = site.file_name();
  // Headers are found through folders of links.
  constexpr std::string_view kOwn = "/tilework/";
  if (const size_t at = file.rfind(kOwn); at != file.npos) {
    file.remove_prefix(at + kOwn.size());
  }
  return absl::StrCat(file, ":", site.line());
}

Machine& ThisMachine(const Site& site) {
  Machine* machine = Machine::Current();
  if (machine == nullptr) {
    std::fprintf(stderr, "%s: device code was called by the host\n",
                 ToString(site).c_str());
    std::abort();
  }
  return *machine;
}

Machine::Machine(const GridShape& shape, const Schedule& schedule,
                 absl::FunctionRef<void()> body)
    : shape_(shape),
      schedule_(schedule),
      body_(body),
      rng_(schedule.seed),
      policy_(static_cast<uint32_t>(schedule.seed % kNumPolicies)) {
  num_clusters_ = Count(shape.grid) / Count(shape.cluster);
}

Machine::~Machine() = default;

absl::Status Machine::Prepare() {
  const auto num_threads = static_cast<uint32_t>(Count(shape_.block));
  const auto cluster_blocks = static_cast<uint32_t>(Count(shape_.cluster));
  resident_clusters_ = static_cast<uint32_t>(num_clusters_);
  if (!shape_.co_resident) {
    const uint64_t most = std::clamp<uint64_t>(
        kMostResidentThreads / (uint64_t{num_threads} * cluster_blocks), 1,
        1 + rng_.Below(kMostResidentClusters));
    resident_clusters_ = static_cast<uint32_t>(std::min(most, num_clusters_));
  }
  // A step that has no factor in common with the number visits all.
  cluster_offset_ = rng_.Next() % num_clusters_;
  do {
    cluster_step_ = 1 + rng_.Next() % num_clusters_;
  } while (std::gcd(cluster_step_, num_clusters_) != 1);

  const uint32_t num_warps = (num_threads + kWarpSize - 1) / kWarpSize;
  chosen_warp_ = rng_.Below(num_warps);
  clusters_.resize(resident_clusters_);
  blocks_.resize(size_t{resident_clusters_} * cluster_blocks);
  size_t fibers = 1;  // The first is that of steps.
  for (size_t i = 0; i < blocks_.size(); ++i) {
    Block& block = blocks_[i];
    block.cluster = &clusters_[i / cluster_blocks];
    block.rank = static_cast<uint32_t>(i % cluster_blocks);
    block.threads.resize(num_threads);
    block.warps.resize(num_warps);
    for (uint32_t t = 0; t < num_threads; ++t) {
      Thread& thread = block.threads[t];
      thread.warp = &block.warps[t / kWarpSize];
      thread.lane = t % kWarpSize;
      thread.index = IndexOf(t, shape_.block);
      thread.fiber = StackOf(fibers++);
      if (thread.fiber == nullptr) {
        return absl::ResourceExhaustedError(absl::StrCat(
            shape_.kernel, ": no memory for the stacks of ", blocks_.size(),
            " blocks of ", num_threads, " threads"));
      }
    }
    for (uint32_t w = 0; w < num_warps; ++w) {
      Warp& warp = block.warps[w];
      warp.block = &block;
      warp.index = w;
      warp.threads = &block.threads[w * kWarpSize];
      const uint32_t lanes =
          std::min<uint32_t>(kWarpSize, num_threads - w * kWarpSize);
      warp.lanes = static_cast<uint32_t>((uint64_t{1} << lanes) - 1);
    }
    if (shape_.shared_bytes > 0) {
      block.shared = GuardedMemory(shape_.shared_bytes, 1024);
      if (block.shared.data() == nullptr) {
        return absl::ResourceExhaustedError(
            absl::StrCat(shape_.kernel, ": no memory for the shared memory of ",
                         blocks_.size(), " blocks"));
      }
    }
  }
  for (uint32_t i = 0; i < resident_clusters_; ++i) {
    clusters_[i].first_block = i * cluster_blocks;
    clusters_[i].num_blocks = cluster_blocks;
    free_clusters_.push_back(i);
  }
  return absl::OkStatus();
}

absl::Status Machine::Run() {
  if (current_ != nullptr) {
    return absl::InternalError(
        absl::StrCat(shape_.kernel, ": launched by device code"));
  }
  if (absl::Status status = Prepare(); !status.ok()) return status;
  current_ = this;
  step_fiber_ = StackOf(0);
  const SignalGuard guard;
  const NoLeakReports no_leak_reports;
  uint64_t ended_clusters = 0;
  while (status_.ok() && ended_clusters < num_clusters_) {
    while (next_cluster_ < num_clusters_ && !free_clusters_.empty()) {
      StartCluster(free_clusters_.back());
      free_clusters_.pop_back();
    }
    Thread* next = PickNext();
    if (next == nullptr) {
      if (!StepOnOwnStack()) {
        SetFault(Stuck(), {}, {}, nullptr);
      }
      continue;
    }
    thread_ = next;
    Fiber::Switch(main_, *next->fiber);
    if (ended_ == nullptr) continue;
    Cluster& cluster = *ended_->cluster;
    EndBlock(*std::exchange(ended_, nullptr));
    if (cluster.live_blocks > 0) continue;
    ++ended_clusters;
    free_clusters_.push_back(static_cast<uint32_t>(&cluster - &clusters_[0]));
  }
  // What returned blocks left to be done, such as stores.
  while (status_.ok() && StepOnOwnStack()) {
  }
  current_ = nullptr;
  const std::string damage = CheckDeviceMemory();
  if (status_.ok() && !damage.empty()) {
    SetFault(absl::StrCat("a write outside of device memory: ", damage), {}, {},
             nullptr);
  }
  return status_;
}

void Machine::StartCluster(uint32_t slot) {
  const uint64_t ordinal =
      (cluster_offset_ + next_cluster_++ * cluster_step_) % num_clusters_;
  const dim3 clusters(shape_.grid.x / shape_.cluster.x,
                      shape_.grid.y / shape_.cluster.y,
                      shape_.grid.z / shape_.cluster.z);
  const uint3 at = IndexOf(ordinal, clusters);
  Cluster& cluster = clusters_[slot];
  cluster.live_blocks = cluster.num_blocks;
  cluster.live_threads =
      cluster.num_blocks * static_cast<uint32_t>(Count(shape_.block));
  cluster.arrived = 0;
  cluster.phase = 0;
  for (uint32_t rank = 0; rank < cluster.num_blocks; ++rank) {
    Block& block = blocks_[cluster.first_block + rank];
    const uint3 in_cluster = IndexOf(rank, shape_.cluster);
    block.index = {at.x * shape_.cluster.x + in_cluster.x,
                   at.y * shape_.cluster.y + in_cluster.y,
                   at.z * shape_.cluster.z + in_cluster.z};
    block.ordinal =
        block.index.x +
        uint64_t{shape_.grid.x} *
            (block.index.y + uint64_t{shape_.grid.y} * block.index.z);
    StartBlock(block);
  }
}

void Machine::StartBlock(Block& block) {
  block.resident = true;
  if (block.cluster->num_blocks > 1) block.shared.Forbid(false);
  block.live_threads = static_cast<uint32_t>(block.threads.size());
  block.poison = PoisonWord(Mix(schedule_.seed) + block.ordinal);
  if (block.shared.data() != nullptr) block.shared.Fill(block.poison);
  block.async_view.clear();
  block.mbarriers.clear();
  for (BlockBarrier& barrier : block.barriers) barrier = BlockBarrier();
  block.wgmma = nullptr;
  for (Warp& warp : block.warps) {
    warp.exited = 0;
    warp.registers = 0;
    warp.meetings.clear();
    WakeLanes(warp, warp.lanes);
  }
  for (Thread& thread : block.threads) {
    thread.waits_for = nullptr;
    thread.site = Site();
    thread.async.clear();
    thread.arrived_in_cluster = false;
    thread.fiber->Start(&Machine::ThreadMain);
  }
}

void Machine::ThreadMain() {
  Machine& machine = *current_;
  Fiber::Arrived(*machine.thread_->fiber);
  machine.body_();
  machine.EndThread();
}

void Machine::EndThread() {
  Thread& thread = *thread_;
  Warp& warp = *thread.warp;
  Block& block = *warp.block;
  warp.exited |= uint32_t{1} << thread.lane;
  --block.live_threads;
  Cluster& cluster = *block.cluster;
  --cluster.live_threads;
  // Its arrival stands for none of those that are awaited.
  if (thread.arrived_in_cluster && thread.cluster_phase == cluster.phase) {
    --cluster.arrived;
  }
  if (cluster.arrived > 0 && cluster.arrived == cluster.live_threads) {
    cluster.arrived = 0;
    ++cluster.phase;
    Notify();
  }
  // Those that wait for it wait no longer.
  for (size_t i = warp.meetings.size(); i-- > 0;) CompleteMeeting(warp, i);
  if (block.barriers[0].arrived > 0 && block.barriers[0].expected == 0) {
    CompleteBarrier(block, 0);
  }
  if (block.live_threads == 0) {
    ended_ = &block;
    LeaveForMain();
  }
  Reschedule();
}

void Machine::EndBlock(Block& block) {
  block.resident = false;
  --block.cluster->live_blocks;
  CheckNoneUnderWay(block);
  if (block.wgmma != nullptr) {
    const std::string problem = block.wgmma->AtEnd();
    if (!problem.empty()) SetFault(problem, block.index, {}, nullptr);
  }
  const std::string damage = block.shared.CheckGuards();
  if (!damage.empty()) {
    SetFault(absl::StrCat("a write outside of shared memory: ", damage),
             block.index, {}, nullptr);
  }
  // Others of the cluster may not use it any more.
  if (block.cluster->num_blocks > 1) block.shared.Forbid(true);
}

void Machine::LeaveForMain() {
  Thread& thread = *std::exchange(thread_, nullptr);
  Fiber::Switch(*thread.fiber, main_);
}

void Machine::Abandon() {
  step_ = nullptr;
  polling_ = false;
  Fiber& left = on_step_fiber_ ? *step_fiber_ : *thread_->fiber;
  on_step_fiber_ = false;
  thread_ = nullptr;
  Fiber::Switch(left, main_);
  std::abort();  // Nobody switches back.
}

void Machine::Reschedule() {
  Thread& self = *thread_;
  if (!status_.ok()) return LeaveForMain();
  if (!under_way_.empty() && schedule_.asynchrony == Asynchrony::kMixed &&
      rng_.OneIn(4)) {
    Step();
  }
  if (notified_) PollSpinners();
  Thread* next = PickNext();
  if (next == nullptr) return LeaveForMain();
  if (next == &self) return;
  ++num_switches_;
  thread_ = next;
  Fiber::Switch(*self.fiber, *next->fiber);
}

Warp& Machine::PickWarp() {
  const auto count = static_cast<uint32_t>(ready_.size());
  const auto best = [&](auto better) -> Warp& {
    Warp* found = ready_[rng_.Below(count)];
    if (rng_.OneIn(16)) return *found;
    for (Warp* warp : ready_) {
      if (better(*warp, *found)) found = warp;
    }
    return *found;
  };
  switch (policy_) {
    case kSameWarp:
      return best([&](const Warp& a, const Warp&) { return &a == last_warp_; });
    case kFirstWarpsFirst:
      return best(
          [](const Warp& a, const Warp& b) { return a.index < b.index; });
    case kLastWarpsFirst:
      return best(
          [](const Warp& a, const Warp& b) { return a.index > b.index; });
    case kOneWarpLast:
      return best([&](const Warp& a, const Warp& b) {
        return a.index != chosen_warp_ && b.index == chosen_warp_;
      });
    default:
      return *ready_[rng_.Below(count)];
  }
}

Thread* Machine::PickNext() {
  if (ready_.empty()) return nullptr;
  Warp& warp = PickWarp();
  last_warp_ = &warp;
  // The first ready lane at or after a random one.
  const uint32_t start = rng_.Below(kWarpSize);
  const uint32_t lane = (static_cast<uint32_t>(std::countr_zero(
                             std::rotr(warp.ready, static_cast<int>(start)))) +
                         start) %
                        kWarpSize;
  warp.ready &= ~(uint32_t{1} << lane);
  if (warp.ready == 0) {
    Warp* last = ready_.back();
    ready_[warp.ready_position] = last;
    last->ready_position = warp.ready_position;
    ready_.pop_back();
  }
  return &warp.threads[lane];
}

void Machine::WakeLanes(Warp& warp, uint32_t lanes) {
  if (lanes == 0) return;
  if (warp.ready == 0) {
    warp.ready_position = static_cast<uint32_t>(ready_.size());
    ready_.push_back(&warp);
  }
  warp.ready |= lanes;
}

void Machine::Wake(Thread& thread) {
  WakeLanes(*thread.warp, uint32_t{1} << thread.lane);
}

void Machine::Yield() {
  if (polling_) return;
  Wake(*thread_);
  Reschedule();
}

void Machine::LookedInVain(const char* what, const Site& site) {
  constexpr uint32_t kMost = 1 << 20;
  if (++looked_in_vain_ > kMost) {
    Fault(absl::StrCat(what, " has been looked at in vain ", kMost, " times"),
          site);
  }
  // It may be what the hardware has still to do.
  if (rng_.OneIn(16)) Step();
  Yield();
}

void Machine::Wait(const char* what, const Site& site) {
  if (polling_) Fault(absl::StrCat(what, " where a thread only looks"), site);
  Thread& self = *thread_;
  self.waits_for = what;
  self.site = site;
  Reschedule();
  self.waits_for = nullptr;
}

void Machine::WaitUntil(absl::FunctionRef<bool()> done, const char* what,
                        const Site& site) {
  MayYield();
  if (done()) {
    thread_->site = site;
    return;
  }
  spinners_.push_back({thread_, &done});
  Wait(what, site);
}

bool Machine::PollSpinner(size_t spinner) {
  Thread* outer = std::exchange(thread_, spinners_[spinner].thread);
  polling_ = true;
  const bool done = (*spinners_[spinner].done)();
  polling_ = false;
  thread_ = outer;
  if (!done) return false;
  Wake(*spinners_[spinner].thread);
  spinners_[spinner] = spinners_.back();
  spinners_.pop_back();
  return true;
}

bool Machine::PollSpinners() {
  notified_ = false;
  bool any = false;
  for (size_t i = spinners_.size(); i-- > 0;) any |= PollSpinner(i);
  return any;
}

void Machine::SetFault(std::string_view what, std::optional<uint3> block,
                       std::optional<uint3> thread, const Site* site) {
  if (!status_.ok()) return;
  std::string text = absl::StrCat("kernel ", shape_.kernel);
  if (block) absl::StrAppend(&text, ", block ", ToString(*block));
  if (thread) absl::StrAppend(&text, ", thread ", ToString(*thread));
  if (site != nullptr && site->line() != 0) {
    absl::StrAppend(&text, ", ", emulator::ToString(*site));
  }
  absl::StrAppend(&text, ": ", what, " [", emulator::ToString(schedule_), "]");
  status_ = absl::InternalError(text);
}

void Machine::Fault(std::string_view what, const Site& site) {
  if (step_ != nullptr) {
    SetFault(absl::StrCat(step_->operation.name, ": ", what),
             step_->block_index, step_->thread_index, &step_->site);
  } else {
    SetFault(what, thread_->warp->block->index, thread_->index, &site);
  }
  Abandon();
}

std::string Machine::Stuck() {
  constexpr int kMostLines = 100;
  struct Place {
    const char* what;
    Site site;
    int lanes;
  };
  std::string text = "deadlock: no thread can go on";
  int lines = 0;
  for (const Block& block : blocks_) {
    if (!block.resident) continue;
    for (const Warp& warp : block.warps) {
      if (++lines > kMostLines) return absl::StrCat(text, "\n  ...");
      std::vector<Place> places;
      for (uint32_t lane = 0; lane < kWarpSize; ++lane) {
        if ((warp.lanes & ~warp.exited) >> lane & 1) {
          const Thread& thread = warp.threads[lane];
          const auto same = [&](const Place& place) {
            return place.what == thread.waits_for &&
                   place.site.line() == thread.site.line();
          };
          auto place = std::find_if(places.begin(), places.end(), same);
          if (place == places.end()) {
            places.push_back({thread.waits_for, thread.site, 0});
            place = places.end() - 1;
          }
          ++place->lanes;
        }
      }
      absl::StrAppend(&text, "\n  block ", ToString(block.index), " warp ",
                      warp.index, ":");
      for (const Place& place : places) {
        absl::StrAppend(&text, " ", place.lanes, " wait for ", place.what,
                        " at ", emulator::ToString(place.site), ",");
      }
      absl::StrAppend(&text, " ", std::popcount(warp.exited), " have returned");
    }
  }
  for (const Block& block : blocks_) {
    if (!block.resident) continue;
    for (const auto& [object, barrier] : block.mbarriers) {
      if (++lines > kMostLines) return absl::StrCat(text, "\n  ...");
      absl::StrAppend(
          &text, "\n  block ", ToString(block.index), " mbarrier at byte ",
          static_cast<const std::byte*>(object) - block.shared.data(),
          " of shared memory: phase ", barrier.phase, " awaits ",
          barrier.pending, " of ", barrier.expected, " arrivals and ",
          barrier.bytes, " bytes");
    }
  }
  return text;
}

}  // namespace tilework::emulator
