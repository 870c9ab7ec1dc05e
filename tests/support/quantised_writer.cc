#include "tests/support/quantised_writer.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "ir/type/dtype.h"

namespace lluda::tests {
namespace {

using engine::Stored;

template <typename T>
void Put(T value, std::string* data) {
  char bytes[sizeof(T)];
  std::memcpy(bytes, &value, sizeof(T));
  data->append(bytes, sizeof(T));
}

// A matrix of numbers that take so many bits of 32-bit words, filled with zeros.
struct Words {
  int64_t rows, columns;
  std::vector<uint32_t> words = std::vector<uint32_t>(rows * columns, 0);

  void Set(int64_t row, int64_t column, int64_t bit, uint32_t value) {
    words[row * columns + column] |= value << bit;
  }
  Stored Tensor() const {
    Stored stored{"I32", {rows, columns}, ""};
    for (const uint32_t word : words) Put(word, &stored.data);
    return stored;
  }
};

// A matrix as it is quantised: weight[row][column] is scale[row][group] times
// number[row][column] - zero[row][group].
struct Matrix {
  int64_t rows, columns, groups;
  std::vector<int> group;                // of a column
  std::vector<std::vector<int>> number;  // unsigned, or the bytes of floats
  std::vector<std::vector<float>> scale;
  std::vector<std::vector<int>> zero;
};

float Rounded(float value, const std::string& dtype) {
  if (dtype == "F16") return ir::RoundTo(ir::DType::kF16, value);
  if (dtype == "BF16") return ir::RoundTo(ir::DType::kBF16, value);
  return value;
}

void PutFloat(float value, const std::string& dtype, std::string* data) {
  if (dtype == "F16") return Put(ir::FloatToF16(value), data);
  if (dtype == "BF16") return Put(ir::FloatToBF16(value), data);
  Put(value, data);
}

// The value of an E4M3 byte by its definition.
double E4M3(int byte) {
  const int exponent = byte / 8 % 16, mantissa = byte % 8;
  const double magnitude =
      exponent == 0 ? std::ldexp(mantissa, -9) : std::ldexp(8 + mantissa, exponent - 10);
  return byte < 128 ? magnitude : -magnitude;
}

// The byte of the nearest number, of two the lower one.
int NearestE4M3(double value) {
  constexpr int kNumbers = 127;  // bytes of positive numbers, in order
  static const auto& numbers = *new std::vector<double>([] {
    std::vector<double> all;
    for (int byte = 0; byte < kNumbers; ++byte) all.push_back(E4M3(byte));
    return all;
  }());
  const double magnitude = std::abs(value);
  auto above = std::lower_bound(numbers.begin(), numbers.end(), magnitude);
  if (above == numbers.end()) --above;
  const auto below = above == numbers.begin() ? above : above - 1;
  const auto nearest = magnitude - *below <= *above - magnitude ? below : above;
  return static_cast<int>(nearest - numbers.begin()) + (value < 0 ? 128 : 0);
}

bool IsFloat(const QuantisedAs& as) { return as.method == "fp8" || as.method == "float-quantized"; }

Matrix QuantiseMatrix(const Stored& weight, const QuantisedAs& as) {
  Matrix m{weight.shape[0], weight.shape[1], 1, {}, {}, {}, {}};
  const int64_t size = as.group < 0 ? m.columns : as.group;
  m.groups = (m.columns + size - 1) / size;
  for (int64_t c = 0; c < m.columns; ++c) {
    // Shuffled groups have a part in every stretch of inputs.
    m.group.push_back(static_cast<int>(as.is_shuffled ? c % m.groups : c / size));
  }
  const int64_t block = as.block == 0 ? 1 : as.block < 0 ? m.rows : as.block;
  const int most = (1 << as.bits) - 1, middle = 1 << (as.bits - 1);
  m.scale.assign(m.rows, std::vector<float>(m.groups));
  m.zero.assign(m.rows, std::vector<int>(m.groups, middle));
  m.number.assign(m.rows, std::vector<int>(m.columns));
  const auto value = [&](int64_t r, int64_t c) {
    uint16_t bits;
    std::memcpy(&bits, weight.data.data() + 2 * (r * m.columns + c), 2);
    return ir::BF16ToFloat(bits);
  };
  for (int64_t first = 0; first < m.rows; first += block) {
    const int64_t last = std::min(m.rows, first + block);
    for (int g = 0; g < m.groups; ++g) {
      float least = 0, largest = 0;
      for (int64_t r = first; r < last; ++r) {
        for (int64_t c = 0; c < m.columns; ++c) {
          if (m.group[c] != g) continue;
          least = std::min(least, value(r, c));
          largest = std::max(largest, value(r, c));
        }
      }
      const float magnitude = std::max(largest, -least);
      float scale = IsFloat(as)    ? magnitude / 448
                    : as.symmetric ? magnitude / static_cast<float>(middle - 1)
                                   : (largest - least) / static_cast<float>(most);
      scale = Rounded(std::max(scale, 1e-4f), as.scales);
      const int zero = as.symmetric
                           ? middle
                           : std::clamp(static_cast<int>(std::lround(-least / scale)), 1, most);
      for (int64_t r = first; r < last; ++r) {
        m.scale[r][g] = scale;
        m.zero[r][g] = zero;
        for (int64_t c = 0; c < m.columns; ++c) {
          if (m.group[c] != g) continue;
          m.number[r][c] =
              IsFloat(as)
                  ? NearestE4M3(value(r, c) / scale)
                  : std::clamp(static_cast<int>(std::lround(value(r, c) / scale)) + zero, 0, most);
        }
      }
    }
  }
  return m;
}

// What the numbers mean. The product of an f32 and a small number is exact in double.
Stored Dequantise(const Matrix& m, const QuantisedAs& as) {
  Stored stored{"F32", {m.rows, m.columns}, ""};
  for (int64_t r = 0; r < m.rows; ++r) {
    for (int64_t c = 0; c < m.columns; ++c) {
      const int g = m.group[c];
      const double number = IsFloat(as) ? E4M3(m.number[r][c]) : m.number[r][c] - m.zero[r][g];
      Put(static_cast<float>(m.scale[r][g] * number), &stored.data);
    }
  }
  return stored;
}

Stored Order(const Matrix& m) {
  Stored stored{"I32", {m.columns}, ""};
  for (const int group : m.group) Put(static_cast<int32_t>(group), &stored.data);
  return stored;
}

// Scales by group and row, or by row and group, one for `block` rows.
Stored Scales(const Matrix& m, const QuantisedAs& as, bool by_group) {
  const int64_t block = as.block == 0 ? 1 : as.block < 0 ? m.rows : as.block;
  const int64_t rows = (m.rows + block - 1) / block;
  Stored stored{as.scales, {rows, m.groups}, ""};
  if (by_group) std::swap(stored.shape[0], stored.shape[1]);
  for (int64_t i = 0; i < stored.shape[0]; ++i) {
    for (int64_t j = 0; j < stored.shape[1]; ++j) {
      PutFloat(by_group ? m.scale[j][i] : m.scale[i * block][j], as.scales, &stored.data);
    }
  }
  if (as.block < 0) stored.shape = {1};
  return stored;
}

using Write = void (*)(const std::string& module, const Matrix& m, const QuantisedAs& as,
                       engine::Tensors* tensors);

// Input i of output o is at bits * (i mod 32 / bits) of word [i * bits / 32, o].
void WriteGptq(const std::string& module, const Matrix& m, const QuantisedAs& as,
               engine::Tensors* tensors) {
  const int64_t factor = 32 / as.bits;
  const int less = as.method == "gptq" ? 1 : 0;
  Words weight{m.columns / factor, m.rows}, zeros{m.groups, m.rows / factor};
  for (int64_t o = 0; o < m.rows; ++o) {
    for (int64_t i = 0; i < m.columns; ++i) {
      weight.Set(i / factor, o, i % factor * as.bits, static_cast<uint32_t>(m.number[o][i]));
    }
    for (int64_t g = 0; g < m.groups; ++g) {
      zeros.Set(g, o / factor, o % factor * as.bits, static_cast<uint32_t>(m.zero[o][g] - less));
    }
  }
  (*tensors)[module + ".qweight"] = weight.Tensor();
  (*tensors)[module + ".qzeros"] = zeros.Tensor();
  (*tensors)[module + ".scales"] = Scales(m, as, true);
  (*tensors)[module + ".g_idx"] = Order(m);
}

// Output 8w + c of an input is in nibble [0 4 1 5 2 6 3 7][c] of word w.
void WriteAwq(const std::string& module, const Matrix& m, const QuantisedAs& as,
              engine::Tensors* tensors) {
  const int nibbles[] = {0, 4, 1, 5, 2, 6, 3, 7};
  Words weight{m.columns, m.rows / 8}, zeros{m.groups, m.rows / 8};
  for (int64_t o = 0; o < m.rows; ++o) {
    const int64_t bit = 4 * nibbles[o % 8];
    for (int64_t i = 0; i < m.columns; ++i) {
      weight.Set(i, o / 8, bit, static_cast<uint32_t>(m.number[o][i]));
    }
    for (int64_t g = 0; g < m.groups; ++g) {
      zeros.Set(g, o / 8, bit, static_cast<uint32_t>(m.zero[o][g]));
    }
  }
  (*tensors)[module + ".qweight"] = weight.Tensor();
  (*tensors)[module + ".qzeros"] = zeros.Tensor();
  (*tensors)[module + ".scales"] = Scales(m, as, true);
}

// Rows of numbers one behind the other in words; zero points packed along the outputs.
void WritePacked(const std::string& module, const Matrix& m, const QuantisedAs& as,
                 engine::Tensors* tensors) {
  const int64_t factor = 32 / as.bits;
  Words weight{m.rows, (m.columns + factor - 1) / factor};
  Words zeros{(m.rows + factor - 1) / factor, m.groups};
  for (int64_t o = 0; o < m.rows; ++o) {
    for (int64_t i = 0; i < m.columns; ++i) {
      weight.Set(o, i / factor, i % factor * as.bits, static_cast<uint32_t>(m.number[o][i]));
    }
    for (int64_t g = 0; g < m.groups; ++g) {
      zeros.Set(o / factor, g, o % factor * as.bits, static_cast<uint32_t>(m.zero[o][g]));
    }
  }
  Stored shape{"I64", {2}, ""};
  Put(m.rows, &shape.data);
  Put(m.columns, &shape.data);
  (*tensors)[module + ".weight_packed"] = weight.Tensor();
  (*tensors)[module + ".weight_shape"] = shape;
  (*tensors)[module + ".weight_scale"] = Scales(m, as, false);
  if (!as.symmetric) (*tensors)[module + ".weight_zero_point"] = zeros.Tensor();
  if (as.has_order) (*tensors)[module + ".weight_g_idx"] = Order(m);
}

void WriteBytes(const std::string& module, const Matrix& m, const QuantisedAs& as,
                engine::Tensors* tensors) {
  const bool is_int = as.method == "int-quantized";
  Stored weight{is_int ? "I8" : "F8_E4M3", {m.rows, m.columns}, ""};
  Stored zeros{"I8", {m.rows, m.groups}, ""};
  for (int64_t o = 0; o < m.rows; ++o) {
    for (const int number : m.number[o]) {
      Put(static_cast<uint8_t>(is_int ? number - 128 : number), &weight.data);
    }
    for (const int zero : m.zero[o]) Put(static_cast<uint8_t>(zero - 128), &zeros.data);
  }
  (*tensors)[module + ".weight"] = weight;
  (*tensors)[module + (as.method == "fp8" ? ".weight_scale_inv" : ".weight_scale")] =
      Scales(m, as, false);
  if (!as.symmetric) (*tensors)[module + ".weight_zero_point"] = zeros;
}

constexpr std::pair<const char*, Write> kWriters[] = {
    {"gptq", WriteGptq},
    {"gptq_v2", WriteGptq},
    {"awq", WriteAwq},
    {"fp8", WriteBytes},
    {"pack-quantized", WritePacked},
    {"int-quantized", WriteBytes},
    {"float-quantized", WriteBytes},
};

const char* Json(bool value) { return value ? "true" : "false"; }

std::string QuantizationConfig(const QuantisedAs& as) {
  if (absl::StartsWith(as.method, "gptq")) {
    return absl::StrCat(R"({"quant_method": "gptq", "bits": )", as.bits, R"(, "group_size": )",
                        as.group, R"(, "sym": )", Json(as.symmetric), R"(, "desc_act": )",
                        Json(as.has_order), R"(, "checkpoint_format": ")", as.method,
                        R"(", "damp_percent": 0.1, "lm_head": false, "dynamic": {}})");
  }
  if (as.method == "awq") {
    return absl::StrCat(R"({"quant_method": "awq", "bits": 4, "group_size": )", as.group,
                        R"(, "zero_point": true, "version": "GEMM"})");
  }
  if (as.method == "fp8") {
    return absl::StrCat(R"({"quant_method": "fp8", "fmt": "e4m3", "activation_scheme": "dynamic",
        "weight_block_size": [)",
                        as.block, ", ", as.group, "]}");
  }
  const std::string strategy = as.block < 0   ? "tensor"
                               : as.block > 0 ? "block"
                               : as.group < 0 ? "channel"
                                              : "group";
  return absl::StrCat(R"({"quant_method": "compressed-tensors", "format": ")", as.method,
                      R"(", "quantization_status": "compressed", "ignore": ["lm_head", "re:.*norm"],
      "kv_cache_scheme": null, "config_groups": {"group_0": {"targets": ["Linear"],
      "input_activations": {"dynamic": true, "num_bits": 8, "type": "int", "strategy": "token"},
      "weights": {"num_bits": )",
                      as.bits, R"(, "type": ")", IsFloat(as) ? "float" : "int",
                      R"(", "symmetric": )", Json(as.symmetric), R"(, "strategy": ")", strategy,
                      R"(", "group_size": )", strategy == "group" ? absl::StrCat(as.group) : "null",
                      strategy == "block"
                          ? absl::StrCat(R"(, "block_structure": [)", as.block, ", ", as.group, "]")
                          : "",
                      as.has_order ? R"(, "actorder": "group")" : "", "}}}}");
}

}  // namespace

std::string ConfigWith(const std::string& quantization_config) {
  return absl::StrReplaceAll(
      engine::TinyConfig(),
      {{"\"model_type\"",
        absl::StrCat("\"quantization_config\": ", quantization_config, ", \"model_type\"")}});
}

QuantisedFolder Quantise(const engine::Tensors& tensors, const QuantisedAs& as) {
  QuantisedFolder folder{tensors, tensors, ConfigWith(QuantizationConfig(as))};
  for (const auto& [name, tensor] : tensors) {
    if (!absl::EndsWith(name, "_proj.weight")) continue;
    const Matrix matrix = QuantiseMatrix(tensor, as);
    folder.dequantised[name] = Dequantise(matrix, as);
    folder.stored.erase(name);
    const std::string module = name.substr(0, name.rfind('.'));
    for (const auto& [method, write] : kWriters) {
      if (method == as.method) write(module, matrix, as, &folder.stored);
    }
  }
  return folder;
}

}  // namespace lluda::tests
