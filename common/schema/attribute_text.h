// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

// Attributes as text: on command lines, in documentation and in messages.

#ifndef TILEWORK_COMMON_SCHEMA_ATTRIBUTE_TEXT_H_
#define TILEWORK_COMMON_SCHEMA_ATTRIBUTE_TEXT_H_

#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "tilework/common/schema/fields.h"
#include "tilework/common/schema/schema_visitor.h"

namespace tilework {

// "1e-06", "true", "bf16", "[16, 24, 24]"; enumerations are their numbers.
std::string AttributeNumber(const AttributeValue& value);

// The same with the names of enumerators ("LLAMA"); empty for nothing.
std::string AttributeText(const AttributeValue& value,
                          const AttributeSpec& spec);

// "int", "float", "enum", "int[3]", ...
std::string AttributeTypeText(const AttributeField& attribute,
                              const AttributeSpec& spec);

// The value that `text` means: a number, an enumerator's name in either case,
// true or false, a dtype's name, or integers separated by commas.
// InvalidArgument, naming `name`, for anything else; that the value is in the
// domain is not checked.
absl::StatusOr<AttributeValue> ParseAttribute(std::string_view name,
                                              std::string_view text,
                                              const AttributeField& attribute,
                                              const AttributeSpec& spec);

}  // namespace tilework

#endif  // TILEWORK_COMMON_SCHEMA_ATTRIBUTE_TEXT_H_
