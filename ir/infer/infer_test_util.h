// For tests of inference: the type that a statement gets, or why it gets none.
//
//   InferredAmong("weight @w : bf16 q[16] hid[8]", "%x: f32 tok[T] hid[8]", "matmul %x @w over hid")
//       == "f32 tok[T] q[16]"
#ifndef LLUDA_IR_INFER_INFER_TEST_UTIL_H_
#define LLUDA_IR_INFER_INFER_TEST_UTIL_H_

#include <string>

#include "absl/strings/string_view.h"

namespace lluda::ir {

// Of a statement in a function with these parameters, in a module with these declarations and the
// symbol T in 1..8.
std::string InferredAmong(absl::string_view declarations, absl::string_view parameters,
                          absl::string_view statement);

}  // namespace lluda::ir

#endif  // LLUDA_IR_INFER_INFER_TEST_UTIL_H_
