// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

#include "tilework/common/schema/call_report.h"

#include <cstdlib>
#include <string>
#include <string_view>

#include "absl/functional/function_ref.h"
#include "absl/strings/str_cat.h"
#include "tilework/common/dtype/dtype.h"
#include "tilework/common/schema/call_visitor.h"
#include "tilework/common/schema/schema_visitor.h"

namespace tilework {

bool VerboseCalls() {
  static const bool verbose = [] {
    const char* value = std::getenv("TILEWORK_VERBOSE");
    return value != nullptr && std::string_view(value) != "" &&
           std::string_view(value) != "0";
  }();
  return verbose;
}

CallText DescribeCall(absl::FunctionRef<void(SchemaVisitor&)> declare) {
  CallVisitor call;
  declare(call);
  CallText result = {std::string(call.kernel()), call.NumBytes()};
  for (const CallVisitor::NamedTensor& tensor : call.tensors()) {
    absl::StrAppend(&result.text, " ", tensor.name, "=",
                    Name(tensor.view.dtype()), tensor.view.shape());
  }
  return result;
}

}  // namespace tilework
