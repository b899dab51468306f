// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

// Memory is the limit: b + 1 bytes an element and the scales, if the elements
// of a unit are read once. What serves it: units of up to 32 Ki elements stay
// in registers, as they came, between the largest magnitude and the conversion;
// all their loads, of 16 bytes, are under way at the same time; and a
// multiprocessor has several units, so that some load while others write.
// Larger units are read twice, the second time from the end, which is still in
// the cache.

#include <algorithm>
#include <bit>
#include <cstdint>
#include <limits>
#include <numeric>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "tilework/common/device/block.h"
#include "tilework/common/device/cuda.h"
#include "tilework/common/device/device_buffer.h"
#include "tilework/common/device/device_context.h"
#include "tilework/common/device/elements.h"
#include "tilework/common/device/fp8.h"
#include "tilework/common/device/launch.h"
#include "tilework/common/device/persistent_grid.h"
#include "tilework/common/device/shared_memory.h"
#include "tilework/common/device/tensor_rows.h"
#include "tilework/common/device/warp.h"
#include "tilework/common/dtype/dtype.h"
#include "tilework/common/dtype/narrow.h"
#include "tilework/common/schema/device_call.h"
#include "tilework/common/tensor/tensor.h"
#include "tilework/common/tiling/divisor.h"
#include "tilework/common/tiling/row_tiles.h"
#include "tilework/kernels/quantize/boxes.h"
#include "tilework/kernels/quantize/device_scales.h"
#include "tilework/kernels/quantize/granularity.h"
#include "tilework/kernels/quantize/row_quantization.h"
#include "tilework/kernels/quantize/unit_plan.h"

namespace tilework {
namespace {

constexpr uint32_t kInfinityBits = 0x7F800000u;

struct Params {
  InputRows x;
  OutputRows codes;
  DeviceScales scales;
  ScaleUnits units;
  bool clips;
  float clip;  // infinity if not
  float min_scale;
  bool pow2;
  // Whether all vectors have eight elements, and are aligned.
  bool whole;
};

template <int kBytes>
__device__ RawEight<kBytes> Load(const Params& params, int64_t row,
                                 int64_t column, int count) {
  if (count == 0) return {};
  return params.x.template Load<kBytes>(row, column, count);
}

// The larger of `amax` and all magnitudes, by their bits: as integers a NaN is
// the largest.
template <int kBytes>
__device__ uint32_t Amax(DType dtype, const RawEight<kBytes>& raw,
                         uint32_t amax) {
  float x[kEight];
  ToFloats(dtype, raw, x);
  for (const float value : x) {
    amax = max(amax, std::bit_cast<uint32_t>(value) & 0x7FFFFFFFu);
  }
  return amax;
}

// The dequantization scale of a unit: the operations of Fp8RowEncoder::Scale().
__device__ float ScaleOf(const Params& params, uint32_t amax_bits) {
  const DType dtype = params.codes.dtype();
  const float largest = dtype == DType::kF8E4M3       ? Float8E4M3::kMax
                        : dtype == DType::kF8E4M3_240 ? Float8E4M3_240::kMax
                                                      : Float8E5M2::kMax;
  const float amax = std::bit_cast<float>(amax_bits);
  // A NaN stays.
  const float clipped = amax > params.clip ? params.clip : amax;
  const float quotient = clipped / largest;
  const float scale = quotient < params.min_scale ? params.min_scale : quotient;
  const uint32_t bits = std::bit_cast<uint32_t>(scale);
  // The smallest normal power of two >= scale; 0, infinity and NaN stay.
  if (!params.pow2 || bits >= kInfinityBits || (bits & 0x7FFFFFu) == 0) {
    return scale;
  }
  return std::bit_cast<float>(((bits >> 23) + 1) << 23);
}

// cvt(clip(x) * qs)
template <int kBytes>
__device__ RawEight<1> Encode(const Params& params, const RawEight<kBytes>& raw,
                              float qs) {
  float x[kEight];
  ToFloats(params.x.dtype(), raw, x);
  if (params.clips) {
    for (float& value : x) {
      if (value > params.clip) value = params.clip;
      if (value < -params.clip) value = -params.clip;
    }
  }
  for (float& value : x) value = value * qs;
  RawEight<1> codes;
  EncodeF8(params.codes.dtype(), x, codes.words);
  return codes;
}

template <int kBytes>
__device__ void Encode(const Params& params, const RawEight<kBytes>& raw,
                       float qs, int64_t row, int64_t column, int count) {
  const RawEight<1> codes = Encode(params, raw, qs);
  if (params.whole) {
    params.codes.StoreAll(codes, row, column);
  } else {
    params.codes.Store(codes, row, column, count);
  }
}

// The vectors of a team in registers.
template <int kBytes, int kVectors>
class UnitInRegisters {
 public:
  // Thread `thread` of the team; a unit that does not exist has an empty box.
  __device__ UnitInRegisters(const Params& params, const UnitPlan& plan,
                             const Box& box, int thread)
      : params_(params), plan_(plan), box_(box), thread_(thread) {
    // Branches around all loads, so that they follow one another.
    if (OneWholeRow()) {
      const unsigned char* from = params.x.template Address<kBytes>(
          box.row, box.begin + int64_t{thread} * kEight);
      TILEWORK_UNROLL
      for (int i = 0; i < kVectors; ++i) {
        raw_[i] = {};
        if (Exists(i)) raw_[i] = LoadWide<kBytes>(from + Step(i) * kBytes);
      }
      return;
    }
    if (params.whole) {
      TILEWORK_UNROLL
      for (int i = 0; i < kVectors; ++i) {
        const Place place = At(i);
        raw_[i] = {};
        if (place.count > 0) {
          raw_[i] = params.x.template LoadAll<kBytes>(place.row, place.column);
        }
      }
      return;
    }
    TILEWORK_UNROLL
    for (int i = 0; i < kVectors; ++i) {
      const Place place = At(i);
      raw_[i] = Load<kBytes>(params, place.row, place.column, place.count);
    }
  }

  __device__ uint32_t ThreadAmax() const {
    uint32_t amax = 0;
    TILEWORK_UNROLL
    for (int i = 0; i < kVectors; ++i) {
      amax = Amax(params_.x.dtype(), raw_[i], amax);
    }
    return amax;
  }

  __device__ void Store(float scale) const {
    const float qs = 1.0f / scale;
    if (OneWholeRow()) {
      unsigned char* to = params_.codes.template Address<1>(
          box_.row, box_.begin + int64_t{thread_} * kEight);
      TILEWORK_UNROLL
      for (int i = 0; i < kVectors; ++i) {
        if (Exists(i)) StoreWide(Encode(params_, raw_[i], qs), to + Step(i));
      }
      return;
    }
    TILEWORK_UNROLL
    for (int i = 0; i < kVectors; ++i) {
      const Place place = At(i);
      if (place.count > 0) {
        Encode(params_, raw_[i], qs, place.row, place.column, place.count);
      }
    }
  }

 private:
  struct Place {
    int64_t row;
    int64_t column;
    int count;
  };
  __device__ bool OneWholeRow() const {
    return params_.whole && params_.units.unit_rows() == 1;
  }
  // Then vector i is so many elements after the first.
  __device__ int Step(int i) const { return i * plan_.team * kEight; }
  __device__ bool Exists(int i) const {
    return Step(i) + thread_ * kEight < static_cast<int>(box_.end - box_.begin);
  }
  __device__ Place At(int i) const {
    const int vector = i * plan_.team + thread_;
    int64_t row = 0;
    int64_t column = int64_t{vector} * kEight;
    if (params_.units.unit_rows() > 1) {
      row = vector >> plan_.log2_row_vectors;
      column = int64_t{vector & ((1 << plan_.log2_row_vectors) - 1)} * kEight;
    }
    Place place = {box_.row + row, box_.begin + column, 0};
    const int64_t left = box_.end - place.column;
    if (row < box_.num_rows && left > 0) {
      place.count = static_cast<int>(min(left, int64_t{kEight}));
    }
    return place;
  }

  const Params& params_;
  const UnitPlan& plan_;
  Box box_;
  int thread_;
  RawEight<kBytes> raw_[kVectors];
};

// Units of some lanes of a warp each.
template <int kBytes, int kVectors>
__global__ void __launch_bounds__(UnitTiles::kThreads)
    LanesKernel(Params params, UnitPlan plan, UnitTiles tiles) {
  const int thread = static_cast<int>(threadIdx.x);
  for (int64_t tile = blockIdx.x; tile < tiles.num_tiles(); tile += gridDim.x) {
    const auto [band, column, exists] = tiles.At(tile, thread);
    const Box box = exists ? params.units(band, column) : Box{0, 0, 0, 0};
    const int member = thread & (plan.team - 1);
    const UnitInRegisters<kBytes, kVectors> unit(params, plan, box, member);
    const float scale = ScaleOf(params, WarpMax(unit.ThreadAmax(), plan.team));
    if (exists && member == 0) params.scales.Store(band, column, scale);
    unit.Store(scale);
  }
}

struct SharedStorage {
  BlockReduceStorage<1> reduce;
};

// Units of a block each.
template <int kBytes>
__global__ void __launch_bounds__(UnitPlan::kMostThreads)
    BlockKernel(Params params, UnitPlan plan, Divisor columns) {
  auto& shared = SharedMemory<SharedStorage>();
  BlockReducer<1> reducer(shared.reduce, plan.team);
  const int thread = static_cast<int>(threadIdx.x);
  for (int64_t i = blockIdx.x; i < params.units.num_units(); i += gridDim.x) {
    const int64_t band = columns.Quotient(i);
    const int64_t column = i - band * columns.value();
    const UnitInRegisters<kBytes, UnitPlan::kBlockVectors> unit(
        params, plan, params.units(band, column), thread);
    const float scale = ScaleOf(params, reducer.Max(unit.ThreadAmax()));
    if (thread == 0) params.scales.Store(band, column, scale);
    unit.Store(scale);
  }
}

// Large units, cut into tiles of which blocks take one after another.
struct LargeUnits {
  RowTiles tiles;     // of a unit
  Divisor num_tiles;  // of a unit
  Divisor columns;    // of units
  uint32_t* amax;     // of each unit, as bits

  __device__ int64_t NumItems(const ScaleUnits& units) const {
    return units.num_units() * num_tiles.value();
  }
};

struct LargeItem {
  int64_t unit;
  int64_t tile;
  int64_t band;
  int64_t column;
  Box box;

  __device__ LargeItem(const Params& params, const LargeUnits& large,
                       int64_t item)
      : unit(large.num_tiles.Quotient(item)),
        tile(item - unit * large.num_tiles.value()),
        band(large.columns.Quotient(unit)),
        column(unit - band * large.columns.value()),
        box(params.units(band, column)) {}

  // A vector of a thread, if it is in the unit.
  __device__ RowTiles::Place At(const LargeUnits& large, int slot) const {
    RowTiles::Place place =
        large.tiles.At(tile, static_cast<int>(threadIdx.x), slot);
    const int64_t left = box.end - box.begin - place.column;
    if (place.row >= box.num_rows || left <= 0) {
      place.count = 0;
    } else {
      place.count = static_cast<int>(min(int64_t{place.count}, left));
    }
    place.row += box.row;
    place.column += box.begin;
    return place;
  }
};

template <int kBytes>
__device__ void LoadItem(const Params& params, const LargeUnits& large,
                         const LargeItem& item,
                         RawEight<kBytes> (&raw)[RowTiles::kSlots]) {
  if (params.whole) {
    TILEWORK_UNROLL
    for (int slot = 0; slot < RowTiles::kSlots; ++slot) {
      const auto [row, column, count] = item.At(large, slot);
      raw[slot] = {};
      if (count > 0) {
        raw[slot] = params.x.template LoadAll<kBytes>(row, column);
      }
    }
    return;
  }
  TILEWORK_UNROLL
  for (int slot = 0; slot < RowTiles::kSlots; ++slot) {
    const auto [row, column, count] = item.At(large, slot);
    raw[slot] = Load<kBytes>(params, row, column, count);
  }
}

template <int kBytes>
__global__ void __launch_bounds__(RowTiles::kThreads)
    LargeAmaxKernel(Params params, LargeUnits large) {
  uint32_t amax = 0;
  int64_t unit = -1;
  const auto flush = [&] {
    if (unit < 0) return;
    const uint32_t of_warp = WarpMax(amax);
    if (LaneOfThread() == 0) {
      atomicMax(&large.amax[unit], of_warp);
    }
  };
  for (int64_t i = blockIdx.x; i < large.NumItems(params.units);
       i += gridDim.x) {
    const LargeItem item(params, large, i);
    if (item.unit != unit) {
      flush();
      unit = item.unit;
      amax = 0;
    }
    RawEight<kBytes> raw[RowTiles::kSlots];
    LoadItem(params, large, item, raw);
    TILEWORK_UNROLL
    for (int slot = 0; slot < RowTiles::kSlots; ++slot) {
      amax = Amax(params.x.dtype(), raw[slot], amax);
    }
  }
  flush();
}

template <int kBytes>
__global__ void __launch_bounds__(RowTiles::kThreads)
    LargeEncodeKernel(Params params, LargeUnits large) {
  for (int64_t i = large.NumItems(params.units) - 1 - blockIdx.x; i >= 0;
       i -= gridDim.x) {
    const LargeItem item(params, large, i);
    const float scale = ScaleOf(params, large.amax[item.unit]);
    const float qs = 1.0f / scale;
    if (item.tile == 0 && threadIdx.x == 0) {
      params.scales.Store(item.band, item.column, scale);
    }
    RawEight<kBytes> raw[RowTiles::kSlots];
    LoadItem(params, large, item, raw);
    TILEWORK_UNROLL
    for (int slot = 0; slot < RowTiles::kSlots; ++slot) {
      const auto [row, column, count] = item.At(large, slot);
      if (count > 0) Encode(params, raw[slot], qs, row, column, count);
    }
  }
}

template <int kBytes>
absl::Status QuantizeLanes(const Params& params, const UnitPlan& plan,
                           DeviceContext& context) {
  constexpr int kBlocksPerMultiprocessor = 4;
  const UnitTiles tiles(params.units.num_bands(), params.units.num_columns(),
                        plan.team);
  const auto kernel = plan.vectors == UnitPlan::kFewVectors
                          ? LanesKernel<kBytes, UnitPlan::kFewVectors>
                          : LanesKernel<kBytes, UnitPlan::kManyVectors>;
  return Launch(kernel,
                {.kernel = "row_quantization",
                 .grid = PersistentGrid(tiles.num_tiles(),
                                        kBlocksPerMultiprocessor, context),
                 .block = {UnitTiles::kThreads}},
                context, params, plan, tiles);
}

template <int kBytes>
absl::Status QuantizeBlocks(const Params& params, const UnitPlan& plan,
                            DeviceContext& context) {
  const int blocks = std::max(UnitPlan::kMostThreads / plan.team, 1);
  return Launch(
      BlockKernel<kBytes>,
      {.kernel = "row_quantization",
       .grid = PersistentGrid(params.units.num_units(), blocks, context),
       .block = {static_cast<uint32_t>(plan.team)},
       .shared_bytes = sizeof(SharedStorage)},
      context, params, plan, Divisor(params.units.num_columns()));
}

template <int kBytes>
absl::Status QuantizeLarge(const Params& params, DeviceContext& context) {
  constexpr int kBlocksPerMultiprocessor = 4;
  const int64_t units = params.units.num_units();
  const RowTiles tiles(params.units.unit_rows(), params.units.unit_size());
  DeviceScratchScope scratch(context);
  const absl::StatusOr<uint32_t*> amax = scratch.Allocate<uint32_t>(units);
  if (!amax.ok()) return amax.status();
  absl::Status status = FillOnDevice(
      *amax, 0, units * static_cast<int64_t>(sizeof(uint32_t)), context);
  if (!status.ok()) return status;
  const LargeUnits large = {.tiles = tiles,
                            .num_tiles = Divisor(tiles.num_tiles()),
                            .columns = Divisor(params.units.num_columns()),
                            .amax = *amax};
  const LaunchShape shape = {
      .kernel = "row_quantization",
      .grid = PersistentGrid(units * tiles.num_tiles(),
                             kBlocksPerMultiprocessor, context),
      .block = {RowTiles::kThreads}};
  status = Launch(LargeAmaxKernel<kBytes>, shape, context, params, large);
  if (!status.ok()) return status;
  return Launch(LargeEncodeKernel<kBytes>, shape, context, params, large);
}

template <int kBytes>
absl::Status QuantizeUnits(const Params& params, DeviceContext& context) {
  const UnitPlan plan =
      PlanUnits(params.units.unit_rows(), params.units.unit_size());
  switch (plan.way) {
    case UnitPlan::Way::kLanes:
      return QuantizeLanes<kBytes>(params, plan, context);
    case UnitPlan::Way::kBlock:
      return QuantizeBlocks<kBytes>(params, plan, context);
    case UnitPlan::Way::kTwoPasses:
      return QuantizeLarge<kBytes>(params, context);
  }
  return absl::OkStatus();
}

absl::Status Quantize(const RowQuantizationArgs& args, DeviceContext& context) {
  if (args.hidden_state.NumElements() == 0) return absl::OkStatus();
  ConstTensor x = args.hidden_state;
  Tensor codes = args.quantized;
  if (args.granularity == QuantizationGranularity::kTensor) {
    OrderForStreaming(x, codes);
  }
  const ScaleUnits units(x, args.granularity, args.group_size);
  // Vectors begin where units do.
  const int64_t step = units.num_columns() == 1
                           ? kEight
                           : std::gcd(int64_t{kEight}, units.unit_size());
  Params params = {
      .x = InputRows(x, step),
      .codes = OutputRows(codes, step),
      .scales = DeviceScales(args.dequant_scale, args.hidden_state.rank(),
                             args.granularity),
      .units = units,
      .clips = args.lower_bound > 1e-6f,
      .clip = args.lower_bound > 1e-6f ? args.lower_bound
                                       : std::numeric_limits<float>::infinity(),
      .min_scale = args.min_dequant_scale,
      .pow2 = args.pow2_scale,
      .whole = false};
  const bool wide =
      SizeOf(x.dtype()) == 4 ? params.x.IsWide<4>() : params.x.IsWide<2>();
  params.whole = wide && params.codes.IsWide<1>() && x.dim(-1) % kEight == 0 &&
                 units.unit_size() % kEight == 0;
  return SizeOf(x.dtype()) == 4 ? QuantizeUnits<4>(params, context)
                                : QuantizeUnits<2>(params, context);
}

}  // namespace

absl::Status RowQuantization(const RowQuantizationArgs& args,
                             DeviceContext& context) {
  return CallOnDevice(args, context, [&] { return Quantize(args, context); });
}

}  // namespace tilework
