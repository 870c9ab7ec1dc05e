#include "engine/tiny_checkpoint.h"

#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/files/test_files.h"
#include "frontends/checkpoint/safetensors.h"

namespace lluda::engine {
namespace {

constexpr char kTiny[] = "reference_data/tiny/";

}  // namespace

Tensors TinyTensors() {
  const auto file = frontends::SafetensorsFile::Open(absl::StrCat(kTiny, "model.safetensors"));
  EXPECT_TRUE(file.ok()) << file.status();
  Tensors tensors;
  for (const frontends::TensorView& tensor : file->tensors()) {
    tensors[tensor.name] = {tensor.dtype_name, tensor.shape,
                            std::string(reinterpret_cast<const char*>(tensor.data), tensor.bytes)};
  }
  return tensors;
}

std::string TinyConfig() {
  std::ifstream config(absl::StrCat(kTiny, "config.json"));
  std::stringstream text;
  text << config.rdbuf();
  return text.str();
}

Stored Widened(const Stored& tensor) {
  EXPECT_EQ(tensor.dtype, "BF16");
  Stored wide{"F32", tensor.shape, ""};
  for (size_t i = 0; i < tensor.data.size(); i += 2) {
    wide.data += absl::StrCat(std::string(2, '\0'), tensor.data.substr(i, 2));
  }
  return wide;
}

std::string CheckpointBytes(const Tensors& tensors, size_t shift) {
  std::string header, data;
  for (const auto& [name, tensor] : tensors) {
    absl::StrAppend(&header, header.empty() ? "{" : ", ", "\"", name, "\": {\"dtype\": \"",
                    tensor.dtype, "\", \"shape\": [", absl::StrJoin(tensor.shape, ", "),
                    "], \"data_offsets\": [", data.size(), ", ", data.size() + tensor.data.size(),
                    "]}");
    data += tensor.data;
  }
  header += "}";
  while ((header.size() + 8) % 64 != shift) header += " ";
  return base::SafetensorsBytes(header, data);
}

}  // namespace lluda::engine
