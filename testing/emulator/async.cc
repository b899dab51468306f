// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

#include "tilework/testing/emulator/async.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tilework/testing/emulator/fiber.h"
#include "tilework/testing/emulator/machine.h"
#include "tilework/testing/emulator/schedule.h"

namespace tilework::emulator {
namespace {

AsyncGroups& Groups(Thread& thread, AsyncKind kind) {
  if (thread.async.empty()) thread.async.resize(kAsyncKinds);
  return thread.async[static_cast<size_t>(kind)];
}

bool AllComplete(const std::vector<AsyncHandle>& operations) {
  return std::all_of(operations.begin(), operations.end(),
                     [](const AsyncHandle& it) { return it->complete(); });
}

bool AllRead(const std::vector<AsyncHandle>& operations) {
  return std::all_of(operations.begin(), operations.end(),
                     [](const AsyncHandle& it) { return it->read(); });
}

void ForgetComplete(std::vector<AsyncHandle>& operations) {
  std::erase_if(operations,
                [](const AsyncHandle& it) { return it->complete(); });
}

}  // namespace

void Machine::RunStep(AsyncState& operation) {
  AsyncState* outer = std::exchange(step_, &operation);
  // Those before it are complete: nothing keeps a chain of all that ever were.
  operation.operation.after.clear();
  operation.operation.steps[operation.done]();
  ++operation.done;
  step_ = outer;
  Progress();
}

bool Machine::Step() {
  const auto count = static_cast<uint32_t>(under_way_.size());
  if (count == 0) return false;
  const uint32_t start = rng_.Below(count);
  for (uint32_t i = 0; i < count; ++i) {
    const size_t at = (start + i) % count;
    const AsyncHandle operation = under_way_[at];
    if (!AllComplete(operation->operation.after)) continue;
    RunStep(*operation);
    if (operation->complete()) {
      under_way_[at] = std::move(under_way_.back());
      under_way_.pop_back();
    }
    return true;
  }
  return false;
}

// No thread runs. What is called may end in a fault, which abandons its stack.
bool Machine::StepOnOwnStack() {
  if (under_way_.empty() && spinners_.empty()) return false;
  on_step_fiber_ = true;
  step_fiber_->Start(&Machine::StepMain);
  Fiber::Switch(main_, *step_fiber_);
  return status_.ok() && stepped_;
}

void Machine::StepMain() {
  Machine& machine = *current_;
  Fiber::Arrived(*machine.step_fiber_);
  machine.stepped_ = machine.PollSpinners() || machine.Step();
  machine.Abandon();
}

void Machine::Issue(const AsyncHandle& operation) {
  const Asynchrony mode = schedule_.asynchrony;
  // Some at once; those that must come after others later in any case.
  const bool now = mode == Asynchrony::kEager ||
                   (mode == Asynchrony::kMixed && rng_.OneIn(4));
  while (now && !operation->complete() &&
         AllComplete(operation->operation.after)) {
    RunStep(*operation);
  }
  if (!operation->complete()) under_way_.push_back(operation);
}

Block& Machine::block_at_work() {
  return step_ != nullptr ? *step_->block : block();
}

void Machine::CheckNoneUnderWay(const Block& block) {
  for (const AsyncHandle& operation : under_way_) {
    if (operation->block != &block ||
        operation->done >= operation->operation.shared_steps) {
      continue;
    }
    SetFault(absl::StrCat("the block returned while this ",
                          operation->operation.name,
                          " was still using its shared memory"),
             operation->block_index, operation->thread_index, &operation->site);
    return;
  }
}

AsyncHandle IssueAsync(AsyncOperation operation, const Site& site) {
  Machine& machine = ThisMachine(site);
  Thread& thread = machine.thread();
  auto state = std::make_shared<AsyncState>();
  state->operation = std::move(operation);
  state->site = site;
  state->block = &machine.block();
  state->block_index = state->block->index;
  state->thread_index = thread.index;
  AsyncGroups& groups = Groups(thread, state->operation.kind);
  ForgetComplete(groups.ungrouped);
  (state->operation.grouped ? groups.open : groups.ungrouped).push_back(state);
  machine.Issue(state);
  thread.site = site;
  machine.MayYield();
  return state;
}

void JoinAsync(const AsyncHandle& operation) {
  Thread& thread = Machine::Current()->thread();
  Groups(thread, operation->operation.kind).open.push_back(operation);
}

std::vector<AsyncHandle> PendingAsync(AsyncKind kind, const Site& site) {
  AsyncGroups& groups = Groups(ThisMachine(site).thread(), kind);
  std::vector<AsyncHandle> pending = groups.open;
  pending.insert(pending.end(), groups.ungrouped.begin(),
                 groups.ungrouped.end());
  for (const auto& group : groups.committed) {
    pending.insert(pending.end(), group.begin(), group.end());
  }
  ForgetComplete(pending);
  return pending;
}

void CommitAsyncGroup(AsyncKind kind, const Site& site) {
  AsyncGroups& groups = Groups(ThisMachine(site).thread(), kind);
  groups.committed.push_back(std::exchange(groups.open, {}));
}

void WaitAsyncGroup(AsyncKind kind, uint32_t pending, bool read,
                    const char* what, const Site& site) {
  Machine& machine = ThisMachine(site);
  AsyncGroups& groups = Groups(machine.thread(), kind);
  const auto done = [&] {
    for (size_t i = 0; i + pending < groups.committed.size(); ++i) {
      const std::vector<AsyncHandle>& group = groups.committed[i];
      if (!(read ? AllRead(group) : AllComplete(group))) return false;
    }
    return true;
  };
  machine.WaitUntil(done, what, site);
  while (!groups.committed.empty() && AllComplete(groups.committed.front())) {
    groups.committed.pop_front();
  }
}

void WaitAsyncAll(AsyncKind kind, const char* what, const Site& site) {
  const std::vector<AsyncHandle> pending = PendingAsync(kind, site);
  ThisMachine(site).WaitUntil([&] { return AllComplete(pending); }, what, site);
  AsyncGroups& groups = Groups(ThisMachine(site).thread(), kind);
  groups.committed.clear();
  ForgetComplete(groups.open);
}

}  // namespace tilework::emulator
