// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

// One pass over memory, and memory is the limit: the elements in and out, and a
// row of the tables for each token. What serves it: accesses of 16 bytes to
// both members of 8 pairs; cosines and sines that stay in registers for all
// heads of a token, queries and keys alike; the loads of two heads under way at
// a time. Members are in registers before they are written, so that the output
// may be the input.
//
// Where the elements of a head do not lie side by side, as in [D, B, N, S]
// tensors, neighbouring threads have neighbouring heads or tokens instead.

#include "tilework/kernels/rope/rotation_device.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "tilework/common/device/cuda.h"
#include "tilework/common/device/device_context.h"
#include "tilework/common/device/elements.h"
#include "tilework/common/device/launch.h"
#include "tilework/common/device/persistent_grid.h"
#include "tilework/common/device/shared_memory.h"
#include "tilework/common/device/tensor_rows.h"
#include "tilework/common/dtype/dtype.h"
#include "tilework/common/tensor/tensor.h"
#include "tilework/common/tiling/divisor.h"
#include "tilework/common/tiling/tile_range.h"
#include "tilework/kernels/rope/device_tables.h"
#include "tilework/kernels/rope/rope.h"
#include "tilework/kernels/rope/rope_rotation.h"
#include "tilework/kernels/rope/rotate_strided_device.h"
#include "tilework/kernels/rope/rotation_plan.h"

namespace tilework {
namespace {

// The heads of a tensor.
struct Heads {
  const unsigned char* in = nullptr;
  unsigned char* out = nullptr;
  // By batch, token and head.
  int64_t in_strides[3] = {};
  int64_t out_strides[3] = {};
  int64_t count = 0;

  Heads() = default;
  explicit Heads(const RopeArgs& args)
      : in(static_cast<const unsigned char*>(args.x_in.data())),
        out(static_cast<unsigned char*>(args.x_out.data())),
        count(args.x_in.dim(2)) {
    for (int i = 0; i < 3; ++i) {
      in_strides[i] = args.x_in.stride(i);
      out_strides[i] = args.x_out.stride(i);
    }
  }
};

// What happens to a head.
struct Shape {
  int64_t size;    // D
  int64_t pairs;   // h
  int64_t offset;  // of the rotated elements
  bool contiguous_in;
  bool contiguous_out;
  bool inverse;
  bool copies;  // the other elements

  explicit Shape(const RopeArgs& args)
      : size(args.x_in.dim(3)), offset(args.rotary_offset) {
    const Rotation rotation = RotationOf(args);
    pairs = rotation.rotary_dim / 2;
    contiguous_in = rotation.contiguous_layout;
    contiguous_out = contiguous_in != rotation.changes_layout;
    inverse = rotation.inverse;
    copies = args.x_in.data() != args.x_out.data();
  }

  // Vectors of pairs, and of elements that are copied, before and after them.
  int64_t RotatedVectors() const { return CeilDiv(pairs, kEight); }
  int64_t VectorsBefore() const { return copies ? CeilDiv(offset, kEight) : 0; }
  int64_t VectorsAfter() const {
    return copies ? CeilDiv(size - offset - 2 * pairs, kEight) : 0;
  }
  int64_t NumVectors() const {
    return RotatedVectors() + VectorsBefore() + VectorsAfter();
  }
};

struct Params {
  Heads first;
  Heads second;  // none, or of the same tokens
  Shape shape;
  DeviceTables tables;
  RotationPlan plan;
  DType in_dtype;
  DType out_dtype;
  int64_t num_tokens;  // of all batches
  Divisor batch_tokens;
  Divisor head_tiles;
  int64_t num_vectors;
  int64_t rotated_vectors;
  int64_t vectors_before;
  int alignment;  // of all vectors
  // Whether all vectors have eight elements, and are aligned to 16 bytes.
  bool whole;
  // Whether other lanes write where a lane reads.
  bool in_place_exchange;
};

// Of the pairs of the tokens of a block, if they are computed.
struct SharedStorage {
  static constexpr int kPairs = RotationPlan::kThreads * RotationPlan::kVector;

  float cos[kPairs];
  float sin[kPairs];
};

// Eight pairs of a head as they lie in memory, or eight elements in `low`.
template <int kBytes>
struct RawPairs {
  RawEight<kBytes> low;
  RawEight<kBytes> high;
};

// What a lane does to each head: a vector of pairs or of elements to copy.
struct LaneWork {
  bool rotates;
  int count;      // 0: nothing
  int64_t first;  // the first pair, or element

  __device__ LaneWork(const Params& params, int64_t vector)
      : rotates(vector < params.rotated_vectors) {
    const Shape& shape = params.shape;
    int64_t end = shape.pairs;
    first = vector * kEight;
    if (!rotates) {
      first -= params.rotated_vectors * kEight;
      end = shape.offset;
      if (vector >= params.rotated_vectors + params.vectors_before) {
        first +=
            shape.offset + 2 * shape.pairs - params.vectors_before * kEight;
        end = shape.size;
      }
    }
    const int64_t left = vector < params.num_vectors ? end - first : 0;
    count = static_cast<int>(max(min(left, int64_t{kEight}), int64_t{0}));
  }
};

// The places of a lane's elements in a head of a layout.
struct Places {
  int64_t low;
  int64_t high;
  int low_count;
  int high_count;

  __device__ Places(const Params& params, const LaneWork& work,
                    bool contiguous) {
    const Shape& shape = params.shape;
    if (!work.rotates) {
      low = work.first;
      high = 0;
      low_count = work.count;
      high_count = 0;
    } else if (contiguous) {
      low = shape.offset + work.first;
      high = low + shape.pairs;
      low_count = work.count;
      high_count = work.count;
    } else {
      low = shape.offset + 2 * work.first;
      high = low + kEight;
      low_count = min(2 * work.count, kEight);
      high_count = max(2 * work.count - kEight, 0);
    }
  }
};

template <int kBytes>
__device__ RawPairs<kBytes> LoadPairs(const Params& params,
                                      const Places& places,
                                      const unsigned char* head) {
  if (params.whole) {
    RawPairs<kBytes> raw = {LoadWide<kBytes>(head + places.low * kBytes), {}};
    if (places.high_count > 0) {
      raw.high = LoadWide<kBytes>(head + places.high * kBytes);
    }
    return raw;
  }
  return {LoadEight<kBytes>(head + places.low * kBytes, 1, params.alignment,
                            places.low_count),
          LoadEight<kBytes>(head + places.high * kBytes, 1, params.alignment,
                            places.high_count)};
}
template <int kBytes>
__device__ void StorePairs(const Params& params, const Places& places,
                           const RawPairs<kBytes>& raw, unsigned char* head) {
  if (params.whole) {
    StoreWide(raw.low, head + places.low * kBytes);
    if (places.high_count > 0) {
      StoreWide(raw.high, head + places.high * kBytes);
    }
    return;
  }
  StoreEight<kBytes>(raw.low, head + places.low * kBytes, 1, params.alignment,
                     places.low_count);
  StoreEight<kBytes>(raw.high, head + places.high * kBytes, 1, params.alignment,
                     places.high_count);
}

// Between elements as they lie and pairs.
__device__ void Exchange(const float (&low)[kEight],
                         const float (&high)[kEight], EightPairs& pairs) {
  TILEWORK_UNROLL
  for (int i = 0; i < kEight / 2; ++i) {
    pairs.a[i] = low[2 * i];
    pairs.b[i] = low[2 * i + 1];
    pairs.a[i + kEight / 2] = high[2 * i];
    pairs.b[i + kEight / 2] = high[2 * i + 1];
  }
}
__device__ void Interleave(const EightPairs& pairs, float (&low)[kEight],
                           float (&high)[kEight]) {
  TILEWORK_UNROLL
  for (int i = 0; i < kEight / 2; ++i) {
    low[2 * i] = pairs.a[i];
    low[2 * i + 1] = pairs.b[i];
    high[2 * i] = pairs.a[i + kEight / 2];
    high[2 * i + 1] = pairs.b[i + kEight / 2];
  }
}

// The operations of the host, one by one; `sin` has the signs of the map.
__device__ void Rotate(const EightPairs& cos, const EightPairs& sin,
                       EightPairs& x) {
  TILEWORK_UNROLL
  for (int i = 0; i < kEight; ++i) {
    const float a = x.a[i];
    const float b = x.b[i];
    x.a[i] = a * cos.a[i] - b * sin.a[i];
    x.b[i] = b * cos.b[i] + a * sin.b[i];
  }
}

// The cosines and sines of a lane's pairs. All threads of a block call it.
__device__ void LoadTables(const Params& params, const LaneWork& work,
                           int64_t b, int64_t row, bool exists, int token,
                           int lane, int64_t first_vector, EightPairs& cos,
                           EightPairs& sin) {
  if (!params.tables.computed()) {
    if (exists && work.rotates && work.count > 0) {
      params.tables.Load(b, row, work.first, work.count, cos, sin);
    }
  } else {
    // The threads of a token share the work for their heads.
    auto& shared = SharedMemory<SharedStorage>();
    const int pairs = params.plan.lanes() * kEight;
    const int threads = params.plan.lanes() * params.plan.heads();
    const int base = token * pairs;
    __syncthreads();
    for (int i = static_cast<int>(threadIdx.x) & (threads - 1); i < pairs;
         i += threads) {
      const int64_t pair = first_vector * kEight + i;
      if (exists && pair < params.shape.pairs) {
        params.tables.Compute(row, pair, shared.cos[base + i],
                              shared.sin[base + i]);
      }
    }
    __syncthreads();
    TILEWORK_UNROLL
    for (int i = 0; i < kEight; ++i) {
      if (!exists || !work.rotates || i >= work.count) continue;
      cos.a[i] = cos.b[i] = shared.cos[base + lane * kEight + i];
      sin.a[i] = sin.b[i] = shared.sin[base + lane * kEight + i];
    }
  }
  // The inverse exchanges the members' sines and negates them.
  if (!params.shape.inverse) return;
  TILEWORK_UNROLL
  for (int i = 0; i < kEight; ++i) {
    const float a = sin.a[i];
    sin.a[i] = -sin.b[i];
    sin.b[i] = -a;
  }
}

// Pointers to a head.
struct HeadPlace {
  const unsigned char* in;
  unsigned char* out;

  template <int kIn, int kOut>
  static __device__ HeadPlace Of(const Params& params, int64_t b, int64_t s,
                                 int64_t n) {
    const Heads& p = params.first;
    const Heads& q = params.second;
    const bool second = n >= p.count;
    const auto choose = [&](int64_t x, int64_t y) { return second ? y : x; };
    const int64_t head = second ? n - p.count : n;
    const int64_t in = b * choose(p.in_strides[0], q.in_strides[0]) +
                       s * choose(p.in_strides[1], q.in_strides[1]) +
                       head * choose(p.in_strides[2], q.in_strides[2]);
    const int64_t out = b * choose(p.out_strides[0], q.out_strides[0]) +
                        s * choose(p.out_strides[1], q.out_strides[1]) +
                        head * choose(p.out_strides[2], q.out_strides[2]);
    return {(second ? q.in : p.in) + in * kIn,
            (second ? q.out : p.out) + out * kOut};
  }
};

// Rotates or copies a lane's elements.
template <int kIn, int kOut>
__device__ RawPairs<kOut> Convert(const Params& params, const LaneWork& work,
                                  const RawPairs<kIn>& raw,
                                  const EightPairs& cos,
                                  const EightPairs& sin) {
  if constexpr (kIn == kOut) {
    // A copy keeps all bits, those of NaNs too.
    if (!work.rotates && params.in_dtype == params.out_dtype) return raw;
  }
  float low[kEight];
  float high[kEight];
  ToFloats(params.in_dtype, raw.low, low);
  ToFloats(params.in_dtype, raw.high, high);
  if (work.rotates) {
    EightPairs x;
    if (params.shape.contiguous_in) {
      TILEWORK_UNROLL
      for (int i = 0; i < kEight; ++i) {
        x.a[i] = low[i];
        x.b[i] = high[i];
      }
    } else {
      Exchange(low, high, x);
    }
    Rotate(cos, sin, x);
    if (params.shape.contiguous_out) {
      TILEWORK_UNROLL
      for (int i = 0; i < kEight; ++i) {
        low[i] = x.a[i];
        high[i] = x.b[i];
      }
    } else {
      Interleave(x, low, high);
    }
  }
  return {FromFloats<kOut>(params.out_dtype, low),
          FromFloats<kOut>(params.out_dtype, high)};
}

template <int kIn, int kOut>
__global__ void __launch_bounds__(RotationPlan::kThreads)
    RotateHeadsKernel(Params params) {
  constexpr int kHeadsAtOnce = 2;
  const RotationPlan& plan = params.plan;
  const int thread = static_cast<int>(threadIdx.x);
  const int lane = thread & (plan.lanes() - 1);
  const int y = thread >> plan.log2_lanes & (plan.heads() - 1);
  const int z = thread >> (plan.log2_lanes + plan.log2_heads);
  const int64_t num_heads = params.first.count + params.second.count;
  for (int64_t tile = blockIdx.x; tile < plan.num_tiles(); tile += gridDim.x) {
    const int64_t token_tile = params.head_tiles.Quotient(tile);
    const int64_t head_tile = tile - token_tile * plan.head_tiles;
    const int64_t token = (token_tile << plan.log2_tokens) + z;
    const bool exists = token < params.num_tokens;
    const int64_t b = params.batch_tokens.Quotient(token);
    const int64_t s = token - b * params.batch_tokens.value();
    const int64_t row = exists ? params.tables.Row(b, s) : 0;
    for (int64_t vector = 0; vector < params.num_vectors;
         vector += plan.lanes()) {
      const LaneWork work(params, vector + lane);
      const Places in(params, work, params.shape.contiguous_in);
      const Places out(params, work, params.shape.contiguous_out);
      EightPairs cos = {};
      EightPairs sin = {};
      LoadTables(params, work, b, row, exists, z, lane, vector, cos, sin);
      for (int round = 0; round < plan.rounds; round += kHeadsAtOnce) {
        RawPairs<kIn> raw[kHeadsAtOnce];
        HeadPlace heads[kHeadsAtOnce];
        bool present[kHeadsAtOnce];
        TILEWORK_UNROLL
        for (int i = 0; i < kHeadsAtOnce; ++i) {
          const int64_t n =
              ((head_tile * plan.rounds + round + i) << plan.log2_heads) + y;
          present[i] = exists && work.count > 0 && n < num_heads &&
                       round + i < plan.rounds;
          if (!present[i]) continue;
          heads[i] = HeadPlace::Of<kIn, kOut>(params, b, s, n);
          raw[i] = LoadPairs<kIn>(params, in, heads[i].in);
        }
        if (params.in_place_exchange) __syncthreads();
        TILEWORK_UNROLL
        for (int i = 0; i < kHeadsAtOnce; ++i) {
          if (!present[i]) continue;
          StorePairs<kOut>(params, out,
                           Convert<kIn, kOut>(params, work, raw[i], cos, sin),
                           heads[i].out);
        }
      }
    }
  }
}

// The largest of 1, 2, 4, 8 and 16 that divides the addresses of all vectors of
// a tensor of heads.
int AlignmentOf(const ConstTensor& x, const Shape& shape) {
  const auto size = static_cast<int64_t>(SizeOf(x.dtype()));
  auto all = static_cast<int64_t>(reinterpret_cast<uintptr_t>(x.data()) & 15);
  all |= 16 | shape.offset * size;
  for (int i = 0; i < 3; ++i) {
    if (x.dim(i) > 1) all |= x.stride(i) * size;
  }
  if (shape.contiguous_in || shape.contiguous_out) all |= shape.pairs * size;
  if (shape.VectorsAfter() > 0) all |= 2 * shape.pairs * size;
  return static_cast<int>(all & -all);
}

// Whether vectors of a head lie side by side, and all of it can be in a block
// where its layout changes in place.
bool HaveUnitStride(const RopeArgs& args) {
  const Shape shape(args);
  const bool exchanges =
      !shape.copies && shape.contiguous_in != shape.contiguous_out;
  return args.x_in.stride(3) == 1 && args.x_out.stride(3) == 1 &&
         !(exchanges && shape.NumVectors() > RotationPlan::kThreads);
}

absl::Status RotateHeads(const RopeArgs& args, const Heads& second,
                         int alignment, DeviceContext& context) {
  const Shape shape(args);
  const int64_t batches = args.x_in.dim(0);
  const int64_t tokens = args.x_in.dim(1);
  const Heads first(args);
  const RotationPlan plan = PlanRotation(
      batches * tokens, first.count + second.count, shape.NumVectors());
  const Params params = {
      .first = first,
      .second = second,
      .shape = shape,
      .tables = DeviceTables(args),
      .plan = plan,
      .in_dtype = args.x_in.dtype(),
      .out_dtype = args.x_out.dtype(),
      .num_tokens = batches * tokens,
      .batch_tokens = Divisor(tokens),
      .head_tiles = Divisor(plan.head_tiles),
      .num_vectors = shape.NumVectors(),
      .rotated_vectors = shape.RotatedVectors(),
      .vectors_before = shape.VectorsBefore(),
      .alignment = alignment,
      .whole = alignment == 16 && shape.pairs % kEight == 0 &&
               shape.offset % kEight == 0 && shape.size % kEight == 0,
      .in_place_exchange =
          !shape.copies && shape.contiguous_in != shape.contiguous_out};
  const bool wide_in = SizeOf(params.in_dtype) == 4;
  const bool wide_out = SizeOf(params.out_dtype) == 4;
  const auto kernel =
      wide_in ? (wide_out ? RotateHeadsKernel<4, 4> : RotateHeadsKernel<4, 2>)
              : (wide_out ? RotateHeadsKernel<2, 4> : RotateHeadsKernel<2, 2>);
  constexpr int kBlocksPerMultiprocessor = 2;
  return Launch(
      kernel,
      {.kernel = "rope",
       .grid =
           PersistentGrid(plan.num_tiles(), kBlocksPerMultiprocessor, context),
       .block = {RotationPlan::kThreads},
       .shared_bytes = args.mode == RopeMode::kComputed
                           ? static_cast<int64_t>(sizeof(SharedStorage))
                           : 0},
      context, params);
}

// From a copy of the input, since its layout changes in place.
absl::Status RotateCopy(const RopeArgs& args, DeviceContext& context) {
  DeviceScratchScope scratch(context);
  const auto bytes =
      static_cast<int64_t>(SizeOf(args.x_in.dtype())) * args.x_in.NumElements();
  const absl::StatusOr<std::byte*> memory = scratch.Allocate<std::byte>(bytes);
  if (!memory.ok()) return memory.status();
  const Tensor copy(*memory, args.x_in.dtype(), args.x_in.shape(),
                    ContiguousStrides(args.x_in.shape()), MemorySpace::kDevice);
  const absl::Status status = CopyHeads(args.x_in, copy, context);
  if (!status.ok()) return status;
  RopeArgs from_copy = args;
  from_copy.x_in = copy;
  return RotateStrided(from_copy, context);
}

}  // namespace

absl::Status RotateOnDevice(const RopeArgs& args, DeviceContext& context) {
  if (args.x_in.NumElements() == 0) return absl::OkStatus();
  const Shape shape(args);
  if (HaveUnitStride(args)) {
    return RotateHeads(
        args, Heads(),
        std::min(AlignmentOf(args.x_in, shape), AlignmentOf(args.x_out, shape)),
        context);
  }
  const bool exchanges =
      !shape.copies && shape.contiguous_in != shape.contiguous_out;
  return exchanges ? RotateCopy(args, context) : RotateStrided(args, context);
}

absl::Status RotateOnDevice(const RopeArgs& first, const RopeArgs& second,
                            DeviceContext& context) {
  const Shape shape(first);
  const Shape second_shape(second);
  if (first.x_in.NumElements() > 0 && second.x_in.NumElements() > 0 &&
      shape.copies == second_shape.copies && HaveUnitStride(first) &&
      HaveUnitStride(second)) {
    const int alignment = std::min(
        {AlignmentOf(first.x_in, shape), AlignmentOf(first.x_out, shape),
         AlignmentOf(second.x_in, shape), AlignmentOf(second.x_out, shape)});
    return RotateHeads(first, Heads(second), alignment, context);
  }
  const absl::Status status = RotateOnDevice(first, context);
  return status.ok() ? RotateOnDevice(second, context) : status;
}

}  // namespace tilework
