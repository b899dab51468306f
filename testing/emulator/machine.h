// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

// The machine that runs a grid: threads, warps and blocks, and what the models
// of instructions are made of: waiting, waking, faults. Kernels see none of it.
//
// All threads of a grid are fibers of the thread of the host that launches it.
// One runs until it waits or yields; who is next is drawn at random.

#ifndef TILEWORK_TESTING_EMULATOR_MACHINE_H_
#define TILEWORK_TESTING_EMULATOR_MACHINE_H_

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <source_location>
#include <string>
#include <string_view>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "tilework/testing/emulator/fiber.h"
#include "tilework/testing/emulator/guarded_memory.h"
#include "tilework/testing/emulator/rng.h"
#include "tilework/testing/emulator/schedule.h"
#include "tilework/testing/emulator/vector_types.h"

namespace tilework::emulator {

// The line of a kernel, or of a header of device code, that called.
using Site = std::source_location;

inline constexpr int kWarpSize = 32;
inline constexpr int kNamedBarriers = 16;

struct Warp;
struct Block;
struct AsyncState;
using AsyncHandle = std::shared_ptr<AsyncState>;

// Asynchronous operations of one kind that a thread has under way.
struct AsyncGroups {
  std::vector<AsyncHandle> open;  // not yet committed
  std::deque<std::vector<AsyncHandle>> committed;
  std::vector<AsyncHandle> ungrouped;
};

struct Thread {
  Warp* warp = nullptr;
  uint32_t lane = 0;
  uint3 index = {};
  Fiber* fiber = nullptr;
  // What it waits for; null while it runs or could run.
  const char* waits_for = nullptr;
  Site site;
  // Of the operation of its warp or block that it takes part in.
  uint64_t operand = 0;
  uint32_t parameter = 0;
  uint64_t result = 0;
  // One of each kind, if it ever issued any.
  std::vector<AsyncGroups> async;
  // Of the cluster's barrier: whether it has arrived and not waited, and at
  // which phase.
  bool arrived_in_cluster = false;
  uint64_t cluster_phase = 0;
};

// Computes the results of the lanes `lanes`, which have all arrived.
using WarpCombine = void (*)(Warp& warp, uint32_t lanes);

// Lanes that meet at one warp operation.
struct Rendezvous {
  uint32_t mask;
  uint32_t arrived;
  const char* operation;
  WarpCombine combine;
  Site site;
};

struct Warp {
  Block* block = nullptr;
  uint32_t index = 0;
  Thread* threads = nullptr;
  uint32_t lanes = 0;           // that exist
  uint32_t exited = 0;          // that have returned
  uint32_t ready = 0;           // that could run, but do not
  uint32_t ready_position = 0;  // in Machine::ready_, if any is ready
  uint32_t registers = 0;       // of each lane, if setmaxnreg was executed
  // Then, how often it was, and the number that it last asked for.
  uint32_t setmaxnregs = 0;
  uint32_t asked_registers = 0;
  std::vector<Rendezvous> meetings;
  uint32_t at_barrier[kNamedBarriers] = {};  // lanes that wait
};

// Threads of a block that meet, counted.
struct BlockBarrier {
  const char* operation = nullptr;
  uint32_t expected = 0;  // 0: all threads that have not returned
  uint32_t arrived = 0;
  Site site;                      // where the first arrived
  uint32_t nonzero = 0;           // operands so far
  uint32_t released_nonzero = 0;  // those of the last time that all had arrived
};

// Blocks that share memory: at least one.
struct Cluster {
  uint32_t first_block = 0;  // in Machine::blocks_
  uint32_t num_blocks = 1;
  uint32_t live_blocks = 0;
  uint32_t live_threads = 0;
  // Of barrier.cluster.
  uint32_t arrived = 0;
  uint64_t phase = 0;
};

// An mbarrier object.
struct Mbarrier {
  uint32_t expected = 0;
  uint32_t pending = 0;
  int64_t bytes = 0;  // to come
  uint64_t phase = 0;
  bool fenced = false;  // seen by the cluster and the async proxy
  Site site;            // of its initialization
};

// What a model of instructions knows of a block.
class BlockModel {
 public:
  virtual ~BlockModel() = default;
  // What is wrong when all threads of the block have returned, "" if nothing.
  virtual std::string AtEnd() { return ""; }
};

struct Block {
  bool resident = false;
  uint64_t ordinal = 0;  // in the grid, x fastest
  uint3 index = {};
  Cluster* cluster = nullptr;
  uint32_t rank = 0;  // in the cluster
  std::vector<Thread> threads;
  std::vector<Warp> warps;
  uint32_t live_threads = 0;
  GuardedMemory shared;
  uint32_t poison = 0;  // that it began with
  // What the async proxy sees of it; empty until somebody asks.
  std::vector<std::byte> async_view;
  std::map<const void*, Mbarrier> mbarriers;
  BlockBarrier barriers[kNamedBarriers];
  std::unique_ptr<BlockModel> wgmma;  // null until it is used
};

// What is launched.
struct GridShape {
  std::string_view kernel;
  dim3 grid;
  dim3 block;
  dim3 cluster;
  int64_t shared_bytes = 0;
  bool co_resident = false;
};

class Machine {
 public:
  // Of the grid that runs on this thread of the host; null if none does.
  static Machine* Current() { return current_; }

  Machine(const GridShape& shape, const Schedule& schedule,
          absl::FunctionRef<void()> body);
  ~Machine();

  // Runs all of the grid, or up to its first fault.
  absl::Status Run();

  const GridShape& shape() const { return shape_; }
  const Schedule& schedule() const { return schedule_; }
  Rng& rng() { return rng_; }
  uint64_t num_switches() const { return num_switches_; }
  Thread& thread() { return *thread_; }  // that runs
  Block& block() { return *thread_->warp->block; }

  // Lets others run until somebody calls Wake(): `what` is for the report if
  // nobody does.
  void Wait(const char* what, const Site& site);
  void Wake(Thread& thread);
  // Lets others run until `done()`, which only looks. It is called in the name
  // of the thread, but not by it.
  void WaitUntil(absl::FunctionRef<bool()> done, const char* what,
                 const Site& site);
  // Something has changed that threads in WaitUntil() may wait for.
  void Notify() { notified_ = true; }
  // The same, where something was completed.
  void Progress() {
    looked_in_vain_ = 0;
    Notify();
  }
  // A place where others may run first.
  void MayYield() {
    if (rng_.OneIn(4)) Yield();
  }
  void Yield();
  // The thread has looked for something that has not happened, and will look
  // again.
  void LookedInVain(const char* what, const Site& site);

  // Ends the grid with an InternalError. While a step of an asynchronous
  // operation is being done, the thread and the line that issued it count.
  [[noreturn]] void Fault(std::string_view what, const Site& site);

  // The block of a thread or of the operation whose step is being done.
  Block& block_at_work();
  // With this rank in the cluster of `block`; null if there is none.
  Block* Peer(const Block& block, uint64_t rank);

  // Lets the hardware have the operation.
  void Issue(const AsyncHandle& operation);
  // Nothing waits for other blocks than these to have begun.
  bool all_resident() const { return resident_clusters_ == num_clusters_; }

  // Lanes of the calling warp meet: all of `mask` that have not returned. Then
  // `combine` computes their results; returns that of the calling one.
  uint64_t Meet(uint32_t mask, const char* operation, uint64_t operand,
                uint32_t parameter, WarpCombine combine, const Site& site);

  // Arrives at barrier `id` of the block and, if `wait`, waits for the others.
  // Returns how many of the operands of all were not zero.
  uint32_t ArriveAtBarrier(uint32_t id, uint32_t expected, bool wait,
                           const char* operation, bool operand,
                           const Site& site);

 private:
  struct Spinner {
    Thread* thread;
    absl::FunctionRef<bool()>* done;
  };

  static void ThreadMain();
  static thread_local constinit Machine* current_;

  friend class SignalGuard;

  absl::Status Prepare();
  void StartCluster(uint32_t slot);
  void StartBlock(Block& block);
  void EndThread();
  void EndBlock(Block& block);
  // Nothing if some are still missing; true if all were there.
  bool CompleteBarrier(Block& block, uint32_t id);
  bool CompleteMeeting(Warp& warp, size_t meeting);
  [[noreturn]] void FaultAtBarrier(uint32_t id, uint32_t expected,
                                   const char* operation, const Site& site);
  [[noreturn]] void FaultNotInMask(uint32_t mask, const char* operation,
                                   const Site& site);
  void CheckMeeting(const Rendezvous& mine, const Rendezvous& other);
  void WakeLanes(Warp& warp, uint32_t lanes);
  void Reschedule();  // the running thread is ready or waits
  Thread* PickNext();
  Warp& PickWarp();
  void LeaveForMain();
  [[noreturn]] void Abandon();
  bool PollSpinner(size_t spinner);
  bool PollSpinners();
  // Does one step of some operation; false if none can be done.
  bool Step();
  bool StepOnOwnStack();
  void RunStep(AsyncState& operation);
  static void StepMain();
  // A fault if an operation still uses the block's shared memory.
  void CheckNoneUnderWay(const Block& block);
  std::string Stuck();  // the report of a deadlock
  void SetFault(std::string_view what, std::optional<uint3> block,
                std::optional<uint3> thread, const Site* site);

  GridShape shape_;
  Schedule schedule_;
  absl::FunctionRef<void()> body_;
  Rng rng_;
  uint64_t num_switches_ = 0;
  uint32_t policy_ = 0;
  uint32_t chosen_warp_ = 0;   // by the policy
  Warp* last_warp_ = nullptr;  // that ran
  absl::Status status_;

  uint64_t num_clusters_ = 0;
  uint64_t next_cluster_ = 0;
  uint64_t cluster_step_ = 1;  // the order in which clusters start
  uint64_t cluster_offset_ = 0;
  uint32_t resident_clusters_ = 0;
  std::vector<Cluster> clusters_;
  std::vector<Block> blocks_;
  std::vector<uint32_t> free_clusters_;

  std::vector<Warp*> ready_;
  std::vector<Spinner> spinners_;
  bool notified_ = false;
  bool polling_ = false;  // a thread's done() is being called
  uint32_t looked_in_vain_ = 0;
  std::vector<AsyncHandle> under_way_;
  AsyncState* step_ = nullptr;  // whose step is being done
  bool stepped_ = false;        // what StepMain() found
  Fiber* step_fiber_ = nullptr;
  bool on_step_fiber_ = false;
  Thread* thread_ = nullptr;
  Block* ended_ = nullptr;  // a block whose threads have all returned
  Fiber main_;
};

// The machine of the calling device code. Ends the process if there is none:
// device code was called by the host.
Machine& ThisMachine(const Site& site);

// "kernels/rope/rope_device.cu.cc:12"
std::string ToString(const Site& site);

}  // namespace tilework::emulator

#endif  // TILEWORK_TESTING_EMULATOR_MACHINE_H_
