// How far a matrix's numbers move when it is quantised: for each type the sum of the squares of the
// errors by that of the numbers. Some rows stand for all of them.
//
//   absl::StatusOr<std::vector<WeightError>> errors = ErrorsOf(checkpoint, matrix, types);
//   (*errors)[0].squares / (*errors)[0].of   // 5.1e-3 for q4_k
//
// Where the checkpoint has importances of the matrix's columns (frontends/gguf/importance.h), squares
// count as often as those say, and types that take them are searched by them, as when the model is loaded.
#ifndef LLUDA_ENGINE_WEIGHT_BUDGET_WEIGHT_ERROR_H_
#define LLUDA_ENGINE_WEIGHT_BUDGET_WEIGHT_ERROR_H_

#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "frontends/checkpoint/checkpoint.h"
#include "frontends/decoder/weights/weight_table.h"
#include "ir/type/dtype.h"

namespace lluda::engine {

struct WeightError {
  double squares = 0;  // of errors
  double of = 0;       // of the numbers

  void Add(const WeightError& other) {
    squares += other.squares;
    of += other.of;
  }
  double Relative() const { return of > 0 ? squares / of : 0; }
};

// One for each of the types, of whose blocks the matrix's rows are whole ones. Errors of reading the tensors.
absl::StatusOr<std::vector<WeightError>> ErrorsOf(const frontends::Checkpoint& checkpoint,
                                                  const frontends::decoder::Matrix& matrix,
                                                  absl::Span<const ir::DType> types);

}  // namespace lluda::engine

#endif  // LLUDA_ENGINE_WEIGHT_BUDGET_WEIGHT_ERROR_H_
