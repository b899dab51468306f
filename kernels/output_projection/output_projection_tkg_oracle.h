// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

// output_projection_tkg has the oracle of output_projection_cte.

#ifndef TILEWORK_KERNELS_OUTPUT_PROJECTION_OUTPUT_PROJECTION_TKG_ORACLE_H_
#define TILEWORK_KERNELS_OUTPUT_PROJECTION_OUTPUT_PROJECTION_TKG_ORACLE_H_

#include "tilework/kernels/output_projection/output_projection_cte_oracle.h"

#endif  // TILEWORK_KERNELS_OUTPUT_PROJECTION_OUTPUT_PROJECTION_TKG_ORACLE_H_
