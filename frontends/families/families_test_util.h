// For tests of what configs describe: a config of a family with a few fields of its own.
//
//   Read("llama", R"("head_dim": 24)").head_dim == 24
//   Error("llama", R"("head_dim": 3)")  // "c: field 'head_dim' must be even ..."
#ifndef LLUDA_FRONTENDS_FAMILIES_FAMILIES_TEST_UTIL_H_
#define LLUDA_FRONTENDS_FAMILIES_FAMILIES_TEST_UTIL_H_

#include <string>

#include "absl/status/statusor.h"
#include "frontends/decoder/description/description.h"

namespace lluda::frontends::families {

// A config of four layers of eight heads: what most rows need, and `more`.
absl::StatusOr<decoder::Decoder> Parse(const std::string& family, const std::string& more = "");

// What it describes; a failure of the test if it is refused.
decoder::Decoder Read(const std::string& family, const std::string& more = "");

// Why it is refused; empty if it is not.
std::string Error(const std::string& family, const std::string& more);

}  // namespace lluda::frontends::families

#endif  // LLUDA_FRONTENDS_FAMILIES_FAMILIES_TEST_UTIL_H_
