#include "bundle/test_bundle.h"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "base/files/test_files.h"
#include "base/sha256.h"
#include "bundle/layout.h"
#include "bundle/writer.h"
#include "frontends/tokenizer/tokenizer.h"
#include "gtest/gtest.h"

namespace lluda::bundle {
namespace {

constexpr char kTokenizer[] = R"({
  "pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": false, "use_regex": true},
  "decoder": {"type": "ByteLevel"},
  "added_tokens": [{"id": 3, "content": "<s>", "special": true}],
  "model": {"type": "BPE", "vocab": {"a": 0, "b": 1, "ab": 2}, "merges": ["a b"]}})";

}  // namespace

std::string WriteTestBundle(const std::string& folder, const std::string& name) {
  const auto tokenizer = tokenizer::Tokenizer::FromJson(kTokenizer, "test");
  EXPECT_TRUE(tokenizer.ok()) << tokenizer.status();
  Contents contents;
  contents.program.symbols = {{"T", 1, 8}, {"C", 64, 64}};
  runtime::Kernel kernel;
  kernel.name = "nothing";
  kernel.work.factors = {{0, 1}};
  kernel.split = {7, {2, {{1, 16}}}, 640};
  contents.program.kernels = {kernel};
  contents.program.states = {{"cache", 4, {1}, 0, {2, 16}}};
  contents.program.frame_bytes = 128;
  contents.program.loaded_bytes = 5000;
  contents.program.entries = {{"step",
                               {{"tokens", 4, {0}}},
                               {"logits", 64, {}},
                               {{0,
                                 {{runtime::Space::kLoaded, 0, 64},
                                  {runtime::Space::kState, 0, 0},
                                  {runtime::Space::kInput, 0, 0},
                                  {runtime::Space::kFrame, 0, 64},
                                  {runtime::Space::kOutput, 0, 0}},
                                 {"step", 5, "nothing"}}}}};
  contents.entries = {4096};
  // Constants, and from the second page on x86's `ret`.
  const std::string code = std::string(4096, 'c') + "\xC3";
  contents.code = code;
  contents.code_start = 4096;
  const std::string weights(4000, 'w');
  contents.loaded = {{0, weights}, {4992, "tail----"}};
  contents.ir = "lluda 1\nmodule @test {\n}\n";
  contents.llvm_version = "19";
  contents.isa = "generic";
  contents.model.name = "test";
  contents.model.precision = "bf16";
  contents.model.kv_cache = "int8";
  contents.model.context = 64;
  contents.model.max_step = 8;
  contents.model.sound = {16000, 400, 160};
  contents.tokenizer = tokenizer->Tables();
  const std::string path = (std::filesystem::path(folder) / (name + ".llb")).string();
  const absl::Status written = WriteBundle(path, contents);
  EXPECT_TRUE(written.ok()) << written;
  return path;
}

std::string HeaderBytes(const std::string& path) {
  const std::string file = base::ReadAll(path);
  return file.substr(kPrefixBytes, DecodePrefix(file, file.size())->header_bytes);
}

void ReplaceHeader(const std::string& path, const std::string& header) {
  std::string file = base::ReadAll(path);
  Prefix prefix;
  prefix.header_bytes = header.size();
  prefix.file_bytes = file.size();
  prefix.header_sha256 = base::Sha256(header);
  const std::string start = EncodePrefix(prefix) + header;
  const uint64_t end = kPrefixBytes + DecodePrefix(file, file.size())->header_bytes;
  ASSERT_LE(start.size(), (end + kSectionAlignment - 1) / kSectionAlignment * kSectionAlignment)
      << "the first section would be overwritten";
  file.replace(0, start.size(), start);
  base::WriteAll(path, file);
}

void EditHeader(const std::string& path, const std::function<void(Header*)>& edit) {
  Header header;
  ASSERT_TRUE(header.ParseFromString(HeaderBytes(path)));
  edit(&header);
  ReplaceHeader(path, header.SerializeAsString());
}

}  // namespace lluda::bundle
