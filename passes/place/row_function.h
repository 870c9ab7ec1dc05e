// Copies of functions that compute some rows of their result alone.
//
//   func @mlp[layer < 28](%x: f32 tok[T] hid[1024]) -> f32 tok[T] hid[1024]
// computes each row of its result from that row of %x, and is given the rows that are wanted:
//   func @mlp_rows[layer < 28](%x: f32 tok[R] hid[1024]) -> f32 tok[R] hid[1024]
//
// A function that appends to a state has to see all rows. What it appends is computed for all of them,
// and everything else for those that one parameter more says:
//   func @attn_rows[layer < 28](%x: f32 tok[T] hid[1024], ..., %rows: i32 row[R])
//       -> f32 tok[R] hid[1024]
//
// The axis keeps its name, so that statements differ in its length alone: a back end that lets calls
// bind dims (codegen/bound_spec.h) has the same kernels for both.
#ifndef LLUDA_PASSES_PLACE_ROW_FUNCTION_H_
#define LLUDA_PASSES_PLACE_ROW_FUNCTION_H_

#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "ir/graph.h"

namespace lluda::passes {

// Which of a function's statements are computed for all rows of an axis, and which for some.
struct RowParts {
  std::string axis;
  std::set<const ir::Op*> whole;           // for all rows
  std::set<const ir::Op*> some;            // for some; one may be computed for both
  std::vector<const ir::Value*> gathered;  // of all rows, of which `some` read some
  bool sees_all_rows = false;              // the copy does, and is told which are wanted
  std::string obstacle;                    // why there is nothing to gain; "" if there is
};

// Of a function of whose result rows along this axis are wanted, as many as `rows`, integers along one
// axis, has.
RowParts FindRowParts(const ir::Func& func, const std::string& axis, const ir::Type& rows);

// The copies, each of which is made once.
class RowFunctions {
 public:
  // `by` is the pass that makes them.
  RowFunctions(ir::Module* module, absl::string_view by) : module_(module), by_(by) {}

  // The copy of `func` for as many rows. `parts` are the function's, without an obstacle.
  absl::StatusOr<ir::Func*> Of(const ir::Func& func, const RowParts& parts, const ir::Type& rows);

 private:
  ir::Module* module_;
  std::string by_;
  std::map<std::pair<const ir::Func*, std::string>, ir::Func*> made_;
};

// The rows of x that `rows` says, along an axis of the same name: a gather, or of single elements
// a pick, and a split that names it, before `position`, called after `name`.
absl::StatusOr<ir::Value*> InsertRowsOf(const ir::Op* position, absl::string_view name,
                                        const ir::Operand& x, const std::string& axis,
                                        ir::Value* rows, absl::string_view by);

}  // namespace lluda::passes

#endif  // LLUDA_PASSES_PLACE_ROW_FUNCTION_H_
