// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

#include "tilework/testing/emulator/tma.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/types/span.h"
#include "tilework/common/device/tensor_map.h"
#include "tilework/common/dtype/dtype.h"
#include "tilework/common/tiling/swizzle.h"
#include "tilework/testing/emulator/async.h"
#include "tilework/testing/emulator/machine.h"
#include "tilework/testing/emulator/mbarrier_model.h"
#include "tilework/testing/emulator/shared_model.h"
#include "tilework/testing/emulator/tensor_box.h"
#include "tilework/testing/emulator/tensor_reduce.h"

namespace tilework::emulator {
namespace {

constexpr char kBulk[] = "cp.async.bulk";
constexpr char kTensor[] = "cp.async.bulk.tensor";
constexpr char kReduce[] = "cp.reduce.async.bulk.tensor";

constexpr uint32_t kBulkAlignment = 16;
constexpr uint32_t kTensorAlignment = 128;

// One copy: between which bytes, as pieces without a swizzle.
struct Copy {
  const char* name;
  Site site;
  std::vector<BoxPiece> pieces;
  uint32_t bytes = 0;
  Swizzle swizzle = Swizzle::kNone;
  DType dtype = DType::kU8;
  OutOfBoundsFill fill = OutOfBoundsFill::kZero;

  [[noreturn]] void Fault(std::string_view what) const {
    ThisMachine(site).Fault(absl::StrCat(name, ": ", what), site);
  }
  void RequireMultiple(const char* what, uint64_t value, uint32_t of) const {
    if (value % of == 0) return;
    Fault(absl::StrFormat("%s 0x%x is not a multiple of %d", what, value, of));
  }
};

uint64_t Address(const void* data) { return reinterpret_cast<uintptr_t>(data); }

// Of a piece of a box that starts at `shared` in `block`.
std::byte* SharedPlace(const Copy& copy, const Block& block,
                       const std::byte* shared, const BoxPiece& piece) {
  const auto offset =
      static_cast<uint32_t>(shared - block.shared.data()) + piece.offset;
  return block.shared.data() + ApplySwizzle(copy.swizzle, offset);
}

// Elements outside of the tensor.
void Fill(const Copy& copy, std::byte* to, uint32_t bytes) {
  std::memset(to, copy.fill == OutOfBoundsFill::kZero ? 0 : 0xFF, bytes);
  if (copy.fill == OutOfBoundsFill::kZero) return;
  const size_t size = SizeOf(copy.dtype);
  for (size_t i = size - 1; i < bytes; i += size) to[i] = std::byte{0x7F};
}

// Of the copy between plain memory.
Copy BulkCopy(const void* global, uint32_t bytes, const Site& site) {
  Copy copy = {.name = kBulk, .site = site, .bytes = bytes};
  copy.RequireMultiple("the size", bytes, kBulkAlignment);
  if (bytes == 0) copy.Fault("a size of 0 bytes");
  copy.RequireMultiple("the address", Address(global), kBulkAlignment);
  auto* data = static_cast<std::byte*>(const_cast<void*>(global));
  for (uint32_t offset = 0; offset < bytes; offset += kBulkAlignment) {
    copy.pieces.push_back({offset, data + offset, kBulkAlignment});
  }
  return copy;
}

TensorMapFields Fields(const Copy& copy, const TensorMap& map) {
  copy.RequireMultiple("the tensor map's address", Address(&map), 64);
  device_internal::EmulatedTensorMap encoded;
  std::memcpy(static_cast<void*>(&encoded), &map, sizeof(encoded));
  if (encoded.mark != device_internal::EmulatedTensorMap::kMark) {
    copy.Fault("this is no tensor map");
  }
  return encoded.fields;
}

Copy TensorCopy(const char* name, const TensorMap& map, Coordinates coordinates,
                const Site& site) {
  Copy copy = {.name = name, .site = site};
  const TensorMapFields fields = Fields(copy, map);
  if (coordinates.size() != fields.rank) {
    copy.Fault(absl::StrFormat("%d coordinates for a tensor map of rank %d",
                               coordinates.size(), fields.rank));
  }
  const auto line = static_cast<uint32_t>(fields.box[0] * fields.strides[0]);
  if (fields.swizzle != Swizzle::kNone && line != SwizzleSpan(fields.swizzle)) {
    copy.Fault(absl::StrFormat(
        "boxes of %d bytes with a swizzle of %s are not modelled", line,
        Name(fields.swizzle)));
  }
  copy.bytes = fields.BoxBytes();
  copy.swizzle = fields.swizzle;
  copy.dtype = fields.dtype;
  copy.fill = fields.fill;
  ForEachPiece(fields, coordinates,
               [&](const BoxPiece& piece) { copy.pieces.push_back(piece); });
  return copy;
}

// The block that has all of the copy's shared memory.
Block& BlockOf(const Copy& copy, const void* shared) {
  const uint32_t alignment =
      copy.name == kBulk ? kBulkAlignment : kTensorAlignment;
  Block& block = BlockOfShared(shared, copy.bytes, copy.name, copy.site);
  copy.RequireMultiple("the address in shared memory",
                       SharedAddress(shared, copy.site), alignment);
  if (!block.resident) copy.Fault("into a block that has returned");
  return block;
}

// What one block receives.
struct Destination {
  Block* block;
  std::byte* shared;
  void* mbarrier;
};

Destination DestinationAt(const Copy& copy, void* shared, void* mbarrier) {
  Block& block = BlockOf(copy, shared);
  if (&block != &BlockOfShared(mbarrier, 8, copy.name, copy.site)) {
    copy.Fault("the mbarrier is in another block than the memory");
  }
  return {&block, static_cast<std::byte*>(shared), mbarrier};
}

std::vector<Destination> Destinations(const Copy& copy, void* shared,
                                      void* mbarrier, uint16_t blocks) {
  if (blocks == 0) copy.Fault("multicast to no block");
  std::vector<Destination> all;
  for (uint32_t rank = 0; rank < 16; ++rank) {
    if ((blocks >> rank & 1) == 0) continue;
    all.push_back(
        DestinationAt(copy, PeerPointer(shared, rank, copy.name, copy.site),
                      PeerPointer(mbarrier, rank, copy.name, copy.site)));
  }
  return all;
}

// Pieces [begin, end), and that they have arrived.
void Arrive(const Copy& copy, const Destination& to, size_t begin, size_t end) {
  uint32_t bytes = 0;
  for (size_t i = begin; i < end; ++i) {
    const BoxPiece& piece = copy.pieces[i];
    std::byte* place = SharedPlace(copy, *to.block, to.shared, piece);
    if (piece.global == nullptr) {
      Fill(copy, place, piece.bytes);
    } else {
      std::memcpy(place, piece.global, piece.bytes);
    }
    NoteAsyncWrite(*to.block, place, piece.bytes);
    bytes += piece.bytes;
  }
  MbarrierAsyncCompleteTx(to.mbarrier, bytes, copy.site);
}

void IssueLoad(Copy copy, absl::Span<const Destination> destinations) {
  const Site site = copy.site;
  AsyncOperation operation = {
      .name = copy.name, .kind = AsyncKind::kBulk, .grouped = false};
  const auto shared = std::make_shared<const Copy>(std::move(copy));
  const size_t count = shared->pieces.size();
  for (const Destination& to : destinations) {
    CheckAsyncRead(*to.block, to.shared, shared->bytes, shared->name, site);
    PoisonShared(*to.block, to.shared, shared->bytes);
    for (const auto& [begin, end] :
         {std::pair(size_t{0}, count / 2), std::pair(count / 2, count)}) {
      if (begin == end) continue;
      operation.steps.push_back([shared, to, begin = begin, end = end] {
        Arrive(*shared, to, begin, end);
      });
    }
  }
  IssueAsync(std::move(operation), site);
}

// What a store has read.
std::vector<std::byte> ReadShared(const Copy& copy, Block& block,
                                  const std::byte* shared) {
  std::vector<std::byte> bytes(copy.bytes);
  CheckAsyncRead(block, shared, copy.bytes, copy.name, copy.site);
  for (const BoxPiece& piece : copy.pieces) {
    std::memcpy(&bytes[piece.offset], SharedPlace(copy, block, shared, piece),
                piece.bytes);
  }
  return bytes;
}

void WriteGlobal(const Copy& copy, const std::vector<std::byte>& bytes) {
  for (const BoxPiece& piece : copy.pieces) {
    if (piece.global == nullptr) continue;
    const std::byte* from = &bytes[piece.offset];
    if (copy.name != kReduce) {
      std::memcpy(piece.global, from, piece.bytes);
    } else if (!AddElements(copy.dtype, from, piece.bytes, piece.global)) {
      copy.Fault(
          absl::StrCat("addition of ", Name(copy.dtype), " is not modelled"));
    }
  }
}

void IssueStore(Copy copy, const void* from) {
  const Site site = copy.site;
  Block& block = BlockOf(copy, from);
  if (&block != &ThisMachine(site).block()) {
    copy.Fault("out of another block's shared memory");
  }
  AsyncOperation operation = {.name = copy.name,
                              .kind = AsyncKind::kBulk,
                              .read_steps = 1,
                              .shared_steps = 1};
  const auto shared = std::make_shared<const Copy>(std::move(copy));
  const auto bytes = std::make_shared<std::vector<std::byte>>();
  operation.steps.push_back(
      [shared, bytes, &block, at = static_cast<const std::byte*>(from)] {
        *bytes = ReadShared(*shared, block, at);
      });
  operation.steps.push_back([shared, bytes] { WriteGlobal(*shared, *bytes); });
  IssueAsync(std::move(operation), site);
}

}  // namespace

void CpAsyncBulkToShared(void* shared, const void* global, uint32_t bytes,
                         void* mbarrier, const Site& site) {
  Copy copy = BulkCopy(global, bytes, site);
  const Destination to = DestinationAt(copy, shared, mbarrier);
  IssueLoad(std::move(copy), {to});
}

void CpAsyncBulkToSharedMulticast(void* shared, const void* global,
                                  uint32_t bytes, void* mbarrier,
                                  uint16_t blocks, const Site& site) {
  Copy copy = BulkCopy(global, bytes, site);
  const std::vector<Destination> all =
      Destinations(copy, shared, mbarrier, blocks);
  IssueLoad(std::move(copy), all);
}

void CpAsyncBulkToGlobal(void* global, const void* shared, uint32_t bytes,
                         const Site& site) {
  IssueStore(BulkCopy(global, bytes, site), shared);
}

void CpAsyncBulkToSharedCluster(void* cluster_shared, const void* shared,
                                uint32_t bytes, void* mbarrier,
                                const Site& site) {
  Copy copy = BulkCopy(shared, bytes, site);
  Block& from = BlockOf(copy, shared);
  const Destination to = DestinationAt(copy, cluster_shared, mbarrier);
  CheckAsyncRead(from, shared, bytes, kBulk, site);
  IssueLoad(std::move(copy), {to});
}

void CpAsyncBulkPrefetchL2(const void* global, uint32_t bytes,
                           const Site& site) {
  BulkCopy(global, bytes, site);
}

void CpAsyncBulkTensorToShared(void* shared, const TensorMap& map,
                               Coordinates coordinates, void* mbarrier,
                               const Site& site) {
  Copy copy = TensorCopy(kTensor, map, coordinates, site);
  const Destination to = DestinationAt(copy, shared, mbarrier);
  IssueLoad(std::move(copy), {to});
}

void CpAsyncBulkTensorToSharedMulticast(void* shared, const TensorMap& map,
                                        Coordinates coordinates, void* mbarrier,
                                        uint16_t blocks, const Site& site) {
  Copy copy = TensorCopy(kTensor, map, coordinates, site);
  const std::vector<Destination> all =
      Destinations(copy, shared, mbarrier, blocks);
  IssueLoad(std::move(copy), all);
}

void CpAsyncBulkTensorToGlobal(const TensorMap& map, Coordinates coordinates,
                               const void* shared, const Site& site) {
  IssueStore(TensorCopy(kTensor, map, coordinates, site), shared);
}

void CpReduceAsyncBulkTensorAdd(const TensorMap& map, Coordinates coordinates,
                                const void* shared, const Site& site) {
  IssueStore(TensorCopy(kReduce, map, coordinates, site), shared);
}

void CpAsyncBulkPrefetchTensor(const TensorMap& map, Coordinates coordinates,
                               const Site& site) {
  TensorCopy(kTensor, map, coordinates, site);
}

void PrefetchTensormap(const TensorMap& map, const Site& site) {
  Fields({.name = "prefetch.tensormap", .site = site}, map);
}

void CpAsyncBulkCommitGroup(const Site& site) {
  CommitAsyncGroup(AsyncKind::kBulk, site);
}

void CpAsyncBulkWaitGroup(uint32_t pending, const Site& site) {
  WaitAsyncGroup(AsyncKind::kBulk, pending, false, "cp.async.bulk.wait_group",
                 site);
}

void CpAsyncBulkWaitGroupRead(uint32_t pending, const Site& site) {
  WaitAsyncGroup(AsyncKind::kBulk, pending, true,
                 "cp.async.bulk.wait_group.read", site);
}

}  // namespace tilework::emulator
