#include "codegen/cpu/matmul/matmul_store.h"

#include <functional>
#include <utility>

#include "codegen/cpu/emit/row_interleave.h"
#include "codegen/emit/column_epilogue.h"
#include "codegen/emit/integer.h"

namespace lluda::codegen {
void MatmulStore::StoreTile(const Rows& rows, Value* first, int count,
                            std::vector<std::vector<Value*>> sums) {
  const auto each =
      [&](const std::function<void(Value * row, Value * panel, Value * *value)>& body) {
        for (int i = 0; i < rows.count; ++i) {
          Value* row = o_.RowAt(rows, i);
          for (int j = 0; j < count; ++j) {
            body(row, Integer(e_, first) + j, &sums[i][j]);
          }
        }
      };
  // All loads before the first store: rows are often a multiple of 4 KiB apart, and a load behind
  // such a store waits for it.
  const bool whole_panels = o_.columns % kLanes == 0;
  if (whole_panels) {
    for (const ir::EpilogueStep step : o_.spec.attrs.epilogue) {
      Apply(step, rows, first, count, &sums);
    }
  }
  if (rows.fills_tile && o_.spec.result.interleaved_rows == rows.count) {
    for (int j = 0; j < count; ++j) {
      std::vector<Value*> column;
      for (const auto& row_sums : sums) column.push_back(row_sums[static_cast<size_t>(j)]);
      const Integer k = (Integer(e_, first) + j) * kLanes;
      StoreRowGroup(e_, o_.spec.result, o_.ResultBuffer(), rows.first, k, column);
    }
    return;
  }
  each([&](Value* r, Value* panel, Value** value) {
    if (o_.spec.result.interleaved_rows > 0) {
      const Integer k = Integer(e_, panel) * kLanes;
      StoreInterleaved(e_, o_.spec.result, o_.ResultBuffer(), r, IsInterleaved(r, rows.fills_tile),
                       k, *value);
    } else if (whole_panels) {
      StoreLanes(r, panel, *value, 0);
    }
  });
  if (whole_panels) return;
  for (int i = 0; i < rows.count; ++i) {
    const Integer row = Integer(e_, rows.first) + i;
    const auto store = [&] {
      for (int j = 0; j < count; ++j) {
        StorePartOfPanel(row, Integer(e_, first) + j, sums[i][j]);
      }
    };
    if (rows.last == nullptr) {
      store();
    } else {
      e_.If(e_.b().CreateICmpSLE(row, rows.last), store);
    }
  }
}

// Takes all sums of the tile through a step.
void MatmulStore::Apply(ir::EpilogueStep step, const Rows& rows, Value* first, int count,
                        std::vector<std::vector<Value*>>* sums) {
  for (int i = 0; i < rows.count; ++i) {
    std::vector<Value*>& values = (*sums)[i];
    if (Info(step).grain == ir::Grain::kHalves) {
      for (int j = 0; j < count; ++j) {
        values[j] = FoldHalves(e_, step, values[j], values[count + j]);
      }
      values.resize(count);
      continue;
    }
    Value* row = o_.RowAt(rows, i);
    for (int j = 0; j < static_cast<int>(values.size()); ++j) {
      const int64_t panel = j < count ? j : o_.panels + j - count;
      values[j] = Add(step, values[j], row, Integer(e_, first) + panel, 0);
    }
  }
}

// Whether the result's row is interleaved. The result's readers may have tiles of other rows.
Value* MatmulStore::IsInterleaved(Value* row, bool fills_tile) {
  if (o_.tile.dot != Dot::kAmx && o_.spec.result.interleaved_rows == o_.tile.rows) {
    return e_.b().getInt1(fills_tile);
  }
  Value* rows = o_.RowAxes().empty() ? e_.Const(1) : e_.ExtentValue(o_.RowAxes()[0].extent);
  return e_.b().CreateICmpSLT(row, InterleavedRows(e_, o_.spec.result, rows));
}

// What the step makes of the columns from lane `lane` of the panel on.
Value* MatmulStore::Add(ir::EpilogueStep step, Value* value, Value* row, Value* panel, int lane) {
  const Integer column = Integer(e_, panel) * kLanes + lane;
  return ApplyColumnStep(o_.spec, e_, step, value, o_.IndicesOf(row), column);
}

void MatmulStore::StoreLanes(Value* row, Value* panel, Value* value, int lane) {
  e_.Store(o_.ColumnAddress(o_.ResultBuffer(), o_.spec.result, row, panel, lane),
           o_.spec.result.dtype, value);
}

// A panel of which the last one is partly padding, so that it is stored lane by lane.
void MatmulStore::StorePartOfPanel(Value* row, Value* panel, Value* value) {
  const auto store = [&](int lanes) {
    for (int lane = 0; lane < (lanes == kLanes ? 1 : lanes); ++lane) {
      Value* part =
          lanes == kLanes ? value : e_.b().CreateExtractElement(value, static_cast<uint64_t>(lane));
      for (const ir::EpilogueStep step : o_.spec.attrs.epilogue) {
        part = Add(step, part, row, panel, lane);
      }
      StoreLanes(row, panel, part, lane);
    }
  };
  e_.If(
      e_.b().CreateICmpEQ(panel, e_.Const(o_.panels - 1)),
      [&] { store(static_cast<int>(o_.columns % kLanes)); }, [&] { store(kLanes); });
}

}  // namespace lluda::codegen
