// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

#include "tilework/kernels/attention/attention_check.h"

#include <cmath>
#include <cstdint>
#include <string_view>

#include "tilework/common/dtype/dtype.h"
#include "tilework/common/schema/argument_checker.h"
#include "tilework/common/tensor/tensor.h"
#include "tilework/kernels/attention/attention_plan.h"

namespace tilework {

void CheckHeads(ArgumentChecker& check) {
  if (!check.ok()) return;
  const int64_t hq = check["Hq"];
  const int64_t hkv = check["Hkv"];
  check.Require(hkv > 0 ? hq % hkv == 0 : hq == 0, "Hq = ", hq,
                " is not a multiple of Hkv = ", hkv);
  for (std::string_view symbol : {"D", "Dv"}) {
    const int64_t size = check[symbol];
    check.Require(size >= 1 && size <= kMaxAttentionWidth, symbol, " = ", size,
                  ", expected 1 to ", kMaxAttentionWidth);
  }
}

void CheckPair(ArgumentChecker& check, std::string_view name,
               const ConstTensor& tensor, std::string_view other_name,
               const ConstTensor& other) {
  check.Require(!tensor.present() || other.present(), name,
                " is given without ", other_name);
  check.Require(!other.present() || tensor.present(), other_name,
                " is given without ", name);
}

void CheckType(ArgumentChecker& check, std::string_view name,
               const ConstTensor& tensor, const ConstTensor& q) {
  check.Require(!tensor.present() || tensor.dtype() == q.dtype(), name,
                " has dtype ", Name(tensor.dtype()), ", expected ",
                Name(q.dtype()), " as q");
}

void CheckOut(ArgumentChecker& check, const ConstTensor& out,
              const ConstTensor& q, float scale) {
  check.Require(out.dtype() == q.dtype() || out.dtype() == DType::kF32,
                "out has dtype ", Name(out.dtype()), ", expected ",
                Name(q.dtype()), " as q or f32");
  check.Require(!std::isnan(scale), "scale is NaN");
}

}  // namespace tilework
