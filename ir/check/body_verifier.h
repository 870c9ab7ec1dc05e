// The part of the verifier that walks statements. Declarations and signatures have been checked.
#ifndef LLUDA_IR_CHECK_BODY_VERIFIER_H_
#define LLUDA_IR_CHECK_BODY_VERIFIER_H_

#include <cstdint>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/status/status.h"
#include "ir/graph.h"

namespace lluda::ir {

// What statements may refer to.
struct ModuleParts {
  explicit ModuleParts(const Module& module);

  const Module& module;
  absl::flat_hash_set<const Global*> globals;
  absl::flat_hash_set<const Func*> funcs;
  // Loaded globals defined so far, and how many of their rows; VerifyLoad fills it.
  absl::flat_hash_map<const Global*, int64_t> defined;
};

// The load block: also that it defines every loaded global.
absl::Status VerifyLoad(ModuleParts* parts);
absl::Status VerifyBody(const Func& func, ModuleParts* parts);

}  // namespace lluda::ir

#endif  // LLUDA_IR_CHECK_BODY_VERIFIER_H_
