#include "codegen/matmul_store.h"

#include <functional>

#include "codegen/blocked.h"
#include "codegen/math.h"

namespace lluda::codegen {
namespace {

constexpr int kLanes = MatmulOperands::kLanes;

}  // namespace

void MatmulStore::StoreTile(const Rows& rows, Value* first, int count,
                            std::vector<std::vector<Value*>> sums) {
  const auto each =
      [&](const std::function<void(Value * row, Value * panel, Value * *value)>& body) {
        for (int i = 0; i < rows.count; ++i) {
          Value* row = o_.RowAt(rows, i);
          for (int j = 0; j < count; ++j) {
            body(row, e_.b().CreateAdd(first, e_.Const(j)), &sums[i][j]);
          }
        }
      };
  if (o_.silu_mul) {
    for (auto& values : sums) {
      for (int j = 0; j < count; ++j) {
        values[j] = e_.b().CreateFMul(Silu(e_, values[j]), values[count + j]);
      }
    }
  }
  // All loads before the first store: rows are often a multiple of 4 KiB apart, and a load behind
  // such a store waits for it.
  const bool whole_panels = o_.columns % kLanes == 0;
  if (whole_panels && o_.AddsResidual()) {
    each([&](Value* r, Value* panel, Value** value) {
      *value = e_.b().CreateFAdd(Residual(r, panel, kLanes, 0), *value);
    });
  }
  if (rows.fills_tile && o_.spec.result.block_rows == rows.count) {
    for (int j = 0; j < count; ++j) {
      std::vector<Value*> column;
      for (const auto& row_sums : sums) column.push_back(row_sums[static_cast<size_t>(j)]);
      Value* k = e_.b().CreateMul(e_.b().CreateAdd(first, e_.Const(j)), e_.Const(kLanes));
      StoreBlockRows(e_, o_.spec.result, o_.ResultBuffer(), rows.first, k, column);
    }
    return;
  }
  each([&](Value* r, Value* panel, Value** value) {
    if (o_.spec.result.block_rows > 0) {
      Value* k = e_.b().CreateMul(panel, e_.Const(kLanes));
      StoreBlocked(e_, o_.spec.result, o_.ResultBuffer(), r, InBlock(r, rows.fills_tile), k,
                   *value);
    } else if (whole_panels) {
      StoreLanes(r, panel, *value, 0);
    }
  });
  if (whole_panels) return;
  for (int i = 0; i < rows.count; ++i) {
    Value* row = e_.b().CreateAdd(rows.first, e_.Const(i));
    const auto store = [&] {
      for (int j = 0; j < count; ++j) {
        StorePartOfPanel(row, e_.b().CreateAdd(first, e_.Const(j)), sums[i][j]);
      }
    };
    if (rows.last == nullptr) {
      store();
    } else {
      e_.If(e_.b().CreateICmpSLE(row, rows.last), store);
    }
  }
}

// Whether the result's row lies in a block. The result's readers may have tiles of other rows.
Value* MatmulStore::InBlock(Value* row, bool fills_tile) {
  if (o_.tile.dot != Dot::kAmx && o_.spec.result.block_rows == o_.tile.rows) {
    return e_.b().getInt1(fills_tile);
  }
  Value* rows = o_.RowAxes().empty() ? e_.Const(1) : e_.ExtentValue(o_.RowAxes()[0].extent);
  return e_.b().CreateICmpSLT(row, RowsInBlocks(e_, o_.spec.result, rows));
}

Value* MatmulStore::Residual(Value* row, Value* panel, int lanes, int lane) {
  const TensorSpec& residual = o_.spec.operands[2];
  return e_.Load(o_.ColumnAddress(e_.Buffer(2), residual, row, panel, lane), residual.dtype, lanes);
}

void MatmulStore::StoreLanes(Value* row, Value* panel, Value* value, int lane) {
  e_.Store(o_.ColumnAddress(o_.ResultBuffer(), o_.spec.result, row, panel, lane),
           o_.spec.result.dtype, value);
}

// A panel of which the last one is partly padding, so that it is stored lane by lane.
void MatmulStore::StorePartOfPanel(Value* row, Value* panel, Value* value) {
  const auto store = [&](int lanes) {
    for (int lane = 0; lane < (lanes == kLanes ? 1 : lanes); ++lane) {
      const int width = lanes == kLanes ? kLanes : 1;
      Value* part =
          lanes == kLanes ? value : e_.b().CreateExtractElement(value, static_cast<uint64_t>(lane));
      if (o_.AddsResidual()) part = e_.b().CreateFAdd(Residual(row, panel, width, lane), part);
      StoreLanes(row, panel, part, lane);
    }
  };
  e_.If(
      e_.b().CreateICmpEQ(panel, e_.Const(o_.panels - 1)),
      [&] { store(static_cast<int>(o_.columns % kLanes)); }, [&] { store(kLanes); });
}

}  // namespace lluda::codegen
