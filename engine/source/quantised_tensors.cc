#include "engine/source/quantised_tensors.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <mutex>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "ir/type/blocks.h"
#include "ir/type/encoding.h"

namespace lluda::engine {
namespace {

// Floats that are looked at together: whole blocks of every dtype.
constexpr int64_t kPiece = 256;

// Of smaller floats no scale and no minimum overflows: they are no larger than what they stand for.
constexpr float kSafe = 0x1p14f;

// No type whose scales are searched reaches a larger one: q6_k, 65504 * 127 * 32, comes nearest. Its fourth
// power overflows, and a search that meets that may find small scales.
constexpr float kSearchable = 0x1p29f;

// A dtype's numbers, as integers: without the sign, bits are in the order of the magnitudes, and those of
// infinities and of what is no number are the largest.
template <typename Bits>
struct Format {
  Bits safe;  // the bits of kSafe
  float (*value)(Bits bits);
};

float OfF32(uint32_t bits) {
  float value;
  std::memcpy(&value, &bits, sizeof(value));
  return value;
}

constexpr Format<uint32_t> kF32{0x46800000, OfF32};
constexpr Format<uint16_t> kBF16{0x4680, ir::BF16ToFloat};
constexpr Format<uint16_t> kF16{0x7400, ir::F16ToFloat};

// Numbers side by side. All of a model's are looked at while it is loaded, which has to be fast.
using Lanes __attribute__((vector_size(16))) = uint64_t;

// These bits in each number of 64.
template <typename Bits>
constexpr uint64_t Everywhere(Bits bits) {
  return ~uint64_t{0} / std::numeric_limits<Bits>::max() * bits;
}

// Whether so many floats are all smaller than kSafe: what is not gets the sign's bit, once the signs are
// gone and what is missing from kSafe to that bit is added.
template <typename Bits>
bool AreSafe(const Format<Bits>& format, const std::byte* floats, int64_t count) {
  constexpr Bits kSign = std::numeric_limits<Bits>::max() / 2 + 1;
  constexpr int kAtOnce = 4;
  const auto missing = static_cast<Bits>(kSign - format.safe);
  Lanes all[kAtOnce] = {};
  static_assert(kPiece * sizeof(Bits) % sizeof(all) == 0);
  const auto add = [&](const std::byte* from) {
    Lanes lanes[kAtOnce];
    std::memcpy(lanes, from, sizeof(lanes));
    for (int i = 0; i < kAtOnce; ++i) {
      all[i] |= (lanes[i] & ~Everywhere(kSign)) + Everywhere(missing);
    }
  };
  const int64_t bytes = count * static_cast<int64_t>(sizeof(Bits));
  int64_t at = 0;
  for (; at + static_cast<int64_t>(sizeof(all)) <= bytes; at += sizeof(all)) add(floats + at);
  if (at < bytes) {
    std::byte rest[sizeof(all)] = {};
    std::memcpy(rest, floats + at, static_cast<size_t>(bytes - at));
    add(rest);
  }
  const Lanes any = all[0] | all[1] | all[2] | all[3];
  return ((any[0] | any[1]) & Everywhere(kSign)) == 0;
}

bool IsSmaller(float a, float b) { return std::fabs(a) < std::fabs(b); }

// Does a scale of this block, whose largest number is `most`?
bool Overflows(ir::DType to, absl::Span<const float> block, float most) {
  if (ir::TakesImportance(to) && std::fabs(most) > kSearchable) return true;
  std::vector<std::byte> bytes(static_cast<size_t>(ir::EncodingOf(to).bytes));
  ir::EncodeBlocks(to, block, absl::MakeSpan(bytes));
  return !ir::CheckBlockScales(to, bytes).ok();
}

// What is wrong with floats that start at number `first` of a tensor.
template <typename Bits>
absl::Status CheckPiece(const Format<Bits>& format, const std::byte* floats, int64_t count,
                        int64_t first, ir::DType to) {
  if (AreSafe(format, floats, count)) return absl::OkStatus();
  Bits bits[kPiece];
  std::memcpy(bits, floats, static_cast<size_t>(count) * sizeof(Bits));
  float values[kPiece];
  for (int64_t i = 0; i < count; ++i) {
    values[i] = format.value(bits[i]);
    if (std::isfinite(values[i])) continue;
    return absl::InvalidArgumentError(absl::StrCat("number ", first + i, " is ", values[i],
                                                   ", which ", ir::DTypeName(to), " cannot hold"));
  }
  const auto elements = ir::EncodingOf(to).elements;
  for (int64_t i = 0; i < count; i += elements) {
    const auto block = absl::MakeConstSpan(values + i, static_cast<size_t>(elements));
    const float most = *std::max_element(block.begin(), block.end(), IsSmaller);
    if (!Overflows(to, block, most)) continue;
    const int64_t at = std::find(block.begin(), block.end(), most) - block.begin();
    return absl::InvalidArgumentError(absl::StrCat("number ", first + i + at, " is ", most,
                                                   ", with which a scale of ", ir::DTypeName(to),
                                                   " overflows"));
  }
  return absl::OkStatus();
}

template <typename Bits>
absl::Status CheckFloats(const Format<Bits>& format, absl::Span<const std::byte> floats,
                         ir::DType to, const frontends::RunRows& run) {
  const auto count = static_cast<int64_t>(floats.size() / sizeof(Bits));
  const int64_t pieces = (count + kPiece - 1) / kPiece;
  std::mutex mutex;
  absl::Status status;
  int64_t failed = pieces;
  const auto check = [&](int64_t begin, int64_t end) {
    for (int64_t piece = begin; piece < end; ++piece) {
      const int64_t first = piece * kPiece;
      absl::Status checked = CheckPiece(format, floats.data() + first * sizeof(Bits),
                                        std::min(kPiece, count - first), first, to);
      if (checked.ok()) continue;
      const std::lock_guard<std::mutex> lock(mutex);
      if (piece < failed) {
        failed = piece;
        status = std::move(checked);
      }
      return;
    }
  };
  if (run) {
    run(pieces, check);
  } else {
    check(0, pieces);
  }
  return status;
}

// Adds what `operand` is made of, without computing with it.
void AddSources(const ir::Module& module, const ir::Operand& operand, ir::DType to,
                QuantisedTensors* quantised) {
  const auto add_all = [&](const ir::Op& op) {
    const bool moves = op.opcode() == ir::Opcode::kCast || op.opcode() == ir::Opcode::kPermute ||
                       op.opcode() == ir::Opcode::kSplit || op.opcode() == ir::Opcode::kMerge;
    if (moves) AddSources(module, op.operand(0), to, quantised);
  };
  if (operand.value != nullptr) {
    if (operand.value->def() != nullptr) add_all(*operand.value->def());
    return;
  }
  const ir::Global& global = *operand.global;
  if (global.kind == ir::Global::Kind::kLoaded) {
    ir::ForEachOp(module.load, [&](const ir::Op* op) {
      if (op->defined_global == &global) add_all(*op);
    });
    return;
  }
  const int64_t copies = global.index ? global.index->count : 1;
  for (int64_t copy = 0; copy < copies; ++copy) {
    for (const std::string& name : ir::SourceNames(global, copy)) (*quantised)[name].insert(to);
  }
}

}  // namespace

QuantisedTensors QuantisedTensorsOf(const ir::Module& module) {
  QuantisedTensors quantised;
  ir::ForEachOp(module.load, [&](const ir::Op* op) {
    if (op->opcode() != ir::Opcode::kQuantizeBlocks) return;
    AddSources(module, op->operand(0), op->result_type().dtype, &quantised);
  });
  return quantised;
}

absl::Status CheckQuantises(ir::DType from, absl::Span<const std::byte> floats, ir::DType to,
                            const frontends::RunRows& run) {
  switch (from) {
    case ir::DType::kF32:
      return CheckFloats(kF32, floats, to, run);
    case ir::DType::kBF16:
      return CheckFloats(kBF16, floats, to, run);
    case ir::DType::kF16:
      return CheckFloats(kF16, floats, to, run);
    default:
      return absl::OkStatus();
  }
}

}  // namespace lluda::engine
