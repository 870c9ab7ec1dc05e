// Which numbers a parameter may hold that says which rows of tables are read.
//
//   RowsReadBy(*step.params()[0])   // of %tokens: 151936, the rows of the embedding
#ifndef LLUDA_IR_ROWS_READ_H_
#define LLUDA_IR_ROWS_READ_H_

#include <cstdint>

#include "ir/graph.h"

namespace lluda::ir {

// The rows of the smallest table that is read by this parameter; 0 if none of a fixed size is.
int64_t RowsReadBy(const Value& param);

}  // namespace lluda::ir

#endif  // LLUDA_IR_ROWS_READ_H_
