// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

// The one place that knows what is in a TensorMap: what the driver puts there,
// or the emulator.

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "tilework/common/device/cuda.h"
#include "tilework/common/device/tensor_map.h"

#if defined(TILEWORK_EMULATED)

#include <cstring>

namespace tilework {
namespace {

absl::StatusOr<TensorMap> EncodeTensorMap(const TensorMapFields& fields) {
  const device_internal::EmulatedTensorMap map = {.fields = fields};
  TensorMap encoded = {};
  std::memcpy(&encoded, &map, sizeof(map));
  return encoded;
}

}  // namespace
}  // namespace tilework

#else

#include <cuda.h>

#include <cstdint>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "tilework/common/dtype/dtype.h"

namespace tilework {
namespace {

static_assert(sizeof(TensorMap) == sizeof(CUtensorMap));

using EncodeTiled = decltype(&cuTensorMapEncodeTiled);

// Looked up at run time, so that programs start where there is no driver.
absl::StatusOr<EncodeTiled> FindEncodeTiled() {
  void* function = nullptr;
  cudaDriverEntryPointQueryResult result = cudaDriverEntryPointSymbolNotFound;
  const cudaError_t error = cudaGetDriverEntryPointByVersion(
      "cuTensorMapEncodeTiled", &function, 12000, cudaEnableDefault, &result);
  if (error == cudaSuccess && result == cudaDriverEntryPointSuccess &&
      function != nullptr) {
    return reinterpret_cast<EncodeTiled>(function);
  }
  return absl::UnavailableError(absl::StrCat(
      "tensor map: the driver has no cuTensorMapEncodeTiled (",
      error == cudaSuccess ? "too old" : cudaGetErrorString(error), ")"));
}

CUtensorMapDataType DriverType(DType dtype) {
  switch (dtype) {
    case DType::kF32:
      return CU_TENSOR_MAP_DATA_TYPE_FLOAT32;
    case DType::kBF16:
      return CU_TENSOR_MAP_DATA_TYPE_BFLOAT16;
    case DType::kF16:
      return CU_TENSOR_MAP_DATA_TYPE_FLOAT16;
    case DType::kF64:
      return CU_TENSOR_MAP_DATA_TYPE_FLOAT64;
    case DType::kI32:
      return CU_TENSOR_MAP_DATA_TYPE_INT32;
    case DType::kI64:
      return CU_TENSOR_MAP_DATA_TYPE_INT64;
    default:  // all of one byte
      return CU_TENSOR_MAP_DATA_TYPE_UINT8;
  }
}

absl::StatusOr<TensorMap> EncodeTensorMap(const TensorMapFields& fields) {
  static const absl::StatusOr<EncodeTiled>& encode =
      *new absl::StatusOr<EncodeTiled>(FindEncodeTiled());
  if (!encode.ok()) return encode.status();
  cuuint64_t dims[TensorMapFields::kMaxRank] = {};
  cuuint64_t strides[TensorMapFields::kMaxRank] = {};
  cuuint32_t box[TensorMapFields::kMaxRank] = {};
  cuuint32_t element_strides[TensorMapFields::kMaxRank] = {};
  for (int i = 0; i < fields.rank; ++i) {
    dims[i] = fields.dims[i];
    strides[i] = fields.strides[i];
    box[i] = fields.box[i];
    element_strides[i] = fields.element_strides[i];
  }
  CUtensorMap map;
  const CUresult result = (*encode)(
      &map, DriverType(fields.dtype), static_cast<cuuint32_t>(fields.rank),
      fields.address, dims, strides + 1, box, element_strides,
      CU_TENSOR_MAP_INTERLEAVE_NONE,
      static_cast<CUtensorMapSwizzle>(fields.swizzle),
      static_cast<CUtensorMapL2promotion>(fields.l2_promotion),
      static_cast<CUtensorMapFloatOOBfill>(fields.fill));
  if (result != CUDA_SUCCESS) {
    return absl::InternalError(
        absl::StrCat("tensor map: cuTensorMapEncodeTiled failed with error ",
                     static_cast<int>(result)));
  }
  TensorMap encoded;
  std::memcpy(&encoded, &map, sizeof(encoded));
  return encoded;
}

}  // namespace
}  // namespace tilework

#endif

namespace tilework {

absl::StatusOr<TensorMap> MakeTensorMap(const ConstTensor& tensor,
                                        const TensorMapOptions& options) {
  absl::StatusOr<TensorMapFields> fields = MakeTensorMapFields(tensor, options);
  if (!fields.ok()) return fields.status();
  return EncodeTensorMap(*fields);
}

}  // namespace tilework
