// The stores of interleaved rows as machine code, against the formula of row_interleave.h.
#include "codegen/cpu/emit/row_interleave.h"

#include <functional>
#include <vector>

#include "codegen/cpu/kernel_test_util.h"
#include "gtest/gtest.h"
#include "ir/type/encoding.h"
#include "ir/view.h"

namespace lluda::codegen {
namespace {

constexpr int64_t kElements = 64;  // of a row
constexpr int64_t kRows = 37;
// Rows of a group, and of how many dwords their turns are.
struct Group {
  int rows, dwords;
};

constexpr float kUntouched = 7.0f;  // no random number is

// A tensor tok[T] kv[2] hid[32] some of whose rows are interleaved.
TensorSpec Interleaved(ir::DType dtype, const Group& group) {
  TensorSpec tensor;
  tensor.dtype = dtype;
  tensor.axes = ir::RowMajorAxes({dtype,
                                  {{"tok", ir::Extent::Symbol("T")},
                                   {"kv", ir::Extent::Constant(2)},
                                   {"hid", ir::Extent::Constant(kElements / 2)}},
                                  {}});
  tensor.interleaved_rows = group.rows;
  tensor.interleaved_dwords = group.dwords;
  return tensor;
}

// Where element k of row t lies among `rows` rows, of which those of a group take turns.
int64_t At(ir::DType dtype, const Group& groups, int64_t rows, int64_t t, int64_t k) {
  const int64_t group = groups.rows, together = groups.dwords * 4 / ir::BytesOf(dtype, 1);
  if (t >= rows / group * group) return t * kElements + k;
  return t / group * group * kElements + k / together * group * together + t % group * together +
         k % together;
}

void ForEachCase(const std::function<void(const Target&, ir::DType, const Group& group)>& body) {
  for (const Target& target : RunnableTargets()) {
    for (const ir::DType dtype : {ir::DType::kF32, ir::DType::kBF16, ir::DType::kF16}) {
      for (const Group group : {Group{8, 1}, {12, 1}, {16, 1}, {16, 16}}) {
        SCOPED_TRACE(::testing::Message() << IsaName(target.isa) << " " << ir::DTypeName(dtype)
                                          << ", groups of " << group.rows << "x" << group.dwords);
        body(target, dtype, group);
      }
    }
  }
}

Value* LoadRow(Emitter& e, Value* row, Value* k) {
  Value* at = e.b().CreateAdd(e.b().CreateMul(row, e.Const(kElements)), k);
  return e.Load(e.Address(e.Buffer(0), at, ir::DType::kF32), ir::DType::kF32, kLanes);
}

// What the kernel makes of the rows in buffers 1 to 3, where nothing was stored yet.
std::vector<std::vector<float>> StoredBy(const EmittedKernel& kernel, ir::DType dtype,
                                         const std::vector<float>& rows) {
  const std::vector<char> untouched = Store(dtype, std::vector<float>(rows.size(), kUntouched));
  std::vector<std::vector<char>> buffers(3, untouched);
  kernel.Run(
      {const_cast<float*>(rows.data()), buffers[0].data(), buffers[1].data(), buffers[2].data()}, 1,
      {kRows, 1, 64});
  std::vector<std::vector<float>> stored;
  for (const std::vector<char>& buffer : buffers) stored.push_back(Widen(dtype, buffer));
  return stored;
}

TEST(StoreInterleaved, PutsEachRowWhereTheFormulaSays) {
  ForEachCase([](const Target& target, ir::DType dtype, const Group& group) {
    const TensorSpec tensor = Interleaved(dtype, group);
    const EmittedKernel kernel(target, [&](Emitter& e) {
      Value* rows = e.Dim("T");
      e.Loop(e.Const(0), rows, 1, [&](Value* row) {
        Value* interleaved = e.b().CreateICmpSLT(row, InterleavedRows(e, tensor, rows));
        e.Loop(e.Const(0), e.Const(kElements), kLanes, [&](Value* k) {
          StoreInterleaved(e, tensor, e.Buffer(1), row, interleaved, k, LoadRow(e, row, k));
        });
      });
    });
    const std::vector<float> rows = RandomFloats(kRows * kElements, 1);
    const std::vector<float> stored = StoredBy(kernel, dtype, rows)[0];
    for (int64_t t = 0; t < kRows; ++t) {
      for (int64_t k = 0; k < kElements; ++k) {
        ASSERT_EQ(stored[At(dtype, group, kRows, t, k)],
                  ir::RoundTo(dtype, rows[t * kElements + k]))
            << "row " << t << ", element " << k;
      }
    }
  });
}

TEST(StoreRowGroup, PutsNeighboursOfOneGroupWhereTheFormulaSaysAndTouchesNoOthers) {
  ForEachCase([](const Target& target, ir::DType dtype, const Group& groups) {
    const TensorSpec tensor = Interleaved(dtype, groups);
    const int group = groups.rows;
    // A whole group, and its first and last rows, each into a buffer of its own.
    const std::pair<int, int> stored[] = {
        {group, group}, {group, group / 2}, {group + 1, group - 1}};
    const EmittedKernel kernel(target, [&](Emitter& e) {
      e.Loop(e.Const(0), e.Const(kElements), kLanes, [&](Value* k) {
        for (int buffer = 1; buffer <= 3; ++buffer) {
          const auto [first, count] = stored[buffer - 1];
          std::vector<Value*> values;
          for (int i = 0; i < count; ++i) values.push_back(LoadRow(e, e.Const(first + i), k));
          StoreRowGroup(e, tensor, e.Buffer(buffer), e.Const(first), k, values);
        }
      });
    });
    const std::vector<float> rows = RandomFloats(kRows * kElements, 1);
    const std::vector<std::vector<float>> buffers = StoredBy(kernel, dtype, rows);
    for (int buffer = 1; buffer <= 3; ++buffer) {
      const auto [first, count] = stored[buffer - 1];
      SCOPED_TRACE(::testing::Message() << count << " rows from " << first << " on");
      for (int64_t t = 0; t < kRows; ++t) {
        const bool is_stored = t >= first && t < first + count;
        for (int64_t k = 0; k < kElements; ++k) {
          ASSERT_EQ(buffers[buffer - 1][At(dtype, groups, kRows, t, k)],
                    is_stored ? ir::RoundTo(dtype, rows[t * kElements + k]) : kUntouched)
              << "row " << t << ", element " << k;
        }
      }
    }
  });
}

TEST(RowGroupAddress, IsWhereAGroupsElementsBegin) {
  for (const ir::DType dtype : {ir::DType::kF32, ir::DType::kBF16}) {
    const TensorSpec tensor = Interleaved(dtype, {12, 1});
    const EmittedKernel kernel(RunnableTargets()[0], [&](Emitter& e) {
      auto& b = e.b();
      e.Loop(e.Const(0), e.Const(36), 1, [&](Value* row) {
        Value* at = RowGroupAddress(e, tensor, e.Buffer(0), row, e.Const(16));
        Value* bytes = b.CreateSub(b.CreatePtrToInt(at, b.getInt64Ty()),
                                   b.CreatePtrToInt(e.Buffer(0), b.getInt64Ty()));
        b.CreateAlignedStore(bytes, e.Address(e.Buffer(1), row, ir::DType::kI64), llvm::Align(8));
      });
    });
    std::vector<int64_t> bytes(36);
    kernel.Run({bytes.data(), bytes.data()});
    for (int64_t t = 0; t < 36; ++t) {
      EXPECT_EQ(bytes[t], ir::BytesOf(dtype, At(dtype, {12, 1}, 36, t / 12 * 12, 16)))
          << "row " << t;
    }
  }
}

}  // namespace
}  // namespace lluda::codegen
