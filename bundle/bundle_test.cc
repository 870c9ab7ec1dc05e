// A bundle that was written is read back the same; one that is damaged, foreign or unsafe is
// refused with one line that names the file.
#include <sys/stat.h>

#include <functional>
#include <memory>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/files/test_files.h"
#include "base/status_macros.h"
#include "bundle/layout.h"
#include "bundle/reader.h"
#include "bundle/test_bundle.h"
#include "bundle/writer.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace lluda::bundle {
namespace {

using base::TemporaryFolder;
using testing::ElementsAre;
using testing::EndsWith;
using testing::HasSubstr;

class BundleTest : public testing::Test {
 protected:
  // The error of opening, preparing and reading all of a bundle; empty if there is none.
  std::string ErrorOf(const std::string& path) {
    absl::Status status = ReadEverything(path);
    if (status.ok()) return "";
    const std::string message(status.message());
    EXPECT_TRUE(absl::StartsWith(message, path)) << message;
    EXPECT_FALSE(absl::StrContains(message, "\n")) << message;
    return message.substr(path.size() + 2);
  }

  absl::Status ReadEverything(const std::string& path) {
    ASSIGN_OR_RETURN(const auto bundle, Bundle::Open(path));
    RETURN_IF_ERROR(bundle->Prepare());
    RETURN_IF_ERROR(bundle->Tokenizer());
    return bundle->Ir().status();
  }

  void Flip(size_t byte, int bit) {
    std::string bytes = base::ReadAll(path_);
    bytes[byte] = static_cast<char>(bytes[byte] ^ (1 << bit));
    base::WriteAll(path_, bytes);
  }

  uint64_t OffsetOf(const std::function<Section(const Header&)>& section) {
    Header header;
    EXPECT_TRUE(header.ParseFromString(HeaderBytes(path_)));
    return section(header).offset();
  }

  const TemporaryFolder folder_;
  const std::string path_ = WriteTestBundle(folder_.path());
};

TEST_F(BundleTest, IsReadAsItWasWritten) {
  const auto bundle = Bundle::Open(path_);
  ASSERT_TRUE(bundle.ok()) << bundle.status();
  EXPECT_EQ((*bundle)->model().name, "test");
  EXPECT_EQ((*bundle)->model().context, 64);
  ASSERT_TRUE((*bundle)->model().sound.has_value());
  EXPECT_EQ((*bundle)->model().sound->sample_rate, 16000);
  EXPECT_EQ((*bundle)->model().sound->frame_samples, 400);
  EXPECT_EQ((*bundle)->model().sound->frame_step, 160);
  EXPECT_EQ(*(*bundle)->Ir(), "lluda 1\nmodule @test {\n}\n");
  const absl::string_view weights = (*bundle)->weights();
  EXPECT_EQ(reinterpret_cast<uintptr_t>(weights.data()) % 4096, 0);
  EXPECT_EQ(weights, std::string(4000, 'w') + std::string(992, '\0') + "tail----");
  EXPECT_EQ((*bundle)->Verify(), absl::OkStatus());

  const auto tokenizer = (*bundle)->Tokenizer();
  ASSERT_TRUE(tokenizer.ok()) << tokenizer.status();
  EXPECT_THAT(tokenizer->Encode("abb<s>a"), ElementsAre(2, 1, 3, 0));

  const auto runnable = (*bundle)->Prepare();
  ASSERT_TRUE(runnable.ok()) << runnable.status();
  const runtime::Program& program = runnable->program;
  EXPECT_EQ(program.loaded_bytes, 5000);
  ASSERT_EQ(program.entries.size(), 1);
  const int64_t dims[] = {5, 64};
  ASSERT_EQ(program.entry("step").inputs.size(), 1);
  EXPECT_EQ(program.entry("step").inputs[0].name, "tokens");
  EXPECT_EQ(program.entry("step").inputs[0].Bytes(dims), 4 * 5);
  EXPECT_EQ(program.entry("step").result.name, "logits");
  EXPECT_EQ(program.entry("step").result.Bytes(dims), 64);
  ASSERT_EQ(program.states.size(), 1);
  EXPECT_EQ(program.states[0].positions.runs, 2);
  EXPECT_EQ(program.states[0].positions.group, 16);
  const std::vector<runtime::Call>& calls = program.entry("step").calls;
  ASSERT_EQ(calls.size(), 1);
  EXPECT_EQ(calls[0].site, (runtime::CallSite{"step", 5, "nothing"}));
  EXPECT_EQ(calls[0].buffers[0], (runtime::BufferRef{runtime::Space::kLoaded, 0, 64}));
  EXPECT_EQ(program.kernels[0].work.Count(dims), 5);
  EXPECT_EQ(program.kernels[0].split.below, 7);
  EXPECT_EQ(program.kernels[0].split.units.Count(dims), 2 * 4);
  EXPECT_EQ(program.kernels[0].split.unit_bytes, 640);
  const runtime::KernelArgs args{};
  program.kernels[0].fn(&args);  // returns
}

// Two kernels, one of which takes the other's place for many rows; the call computes two statements.
Contents ContentsForGpu() {
  Contents contents;
  contents.program.symbols = {{"T", 1, 80}};
  contents.program.kernels.resize(2);
  contents.program.kernels[0].name = "few";
  contents.program.kernels[0].many_symbol = 0;
  contents.program.kernels[0].many_above = 64;
  contents.program.kernels[0].many = 1;
  contents.program.kernels[1].name = "many";
  contents.program.frame_bytes = 128;
  contents.program.loaded_bytes = 8;
  runtime::Call call;
  call.buffers = {{runtime::Space::kLoaded, 0, 0},
                  {runtime::Space::kFrame, 0, 64},
                  {runtime::Space::kFrame, 0, 64},
                  {runtime::Space::kOutput, 0, 0}};
  call.site = {"attn", 5, "q"};
  call.parts = {{{"attn", 5, "norm"}, 2}, {{"attn", 5, "q"}, 2}};
  call.only_symbol = 0;
  call.only_above = 7;
  contents.program.entries = {{"step", {}, {"logits", 64, {}}, {call}}};
  contents.gpu.emplace();
  contents.gpu->target = {"sm_90a", 9, 0, true, 12000};
  contents.gpu->kernels = {{"few", {"the PTX of few", "its machine code"}},
                           {"many", {"the PTX of many", ""}}};
  contents.gpu->major = 9;
  contents.gpu->driver = 12040;
  contents.loaded = {{0, "weights-"}};
  contents.ir = "lluda 1\nmodule @test {\n}\n";
  contents.isa = "sm_90a";
  contents.model.context = 64;
  contents.model.max_step = 8;
  return contents;
}

TEST_F(BundleTest, OfAGpuIsReadAsItWasWritten) {
  ASSERT_EQ(WriteBundle(path_, ContentsForGpu()), absl::OkStatus());
  const auto bundle = Bundle::Open(path_);
  ASSERT_TRUE(bundle.ok()) << bundle.status();
  EXPECT_TRUE((*bundle)->is_for_gpu());
  EXPECT_EQ((*bundle)->Verify(), absl::OkStatus());
  EXPECT_EQ((*bundle)->Prepare().status().message(),
            path_ + ": its code is for a GPU, sm_90a, and for no CPU");
  const auto runnable = (*bundle)->PrepareForGpu();
  ASSERT_TRUE(runnable.ok()) << runnable.status();
  const GpuPart& part = runnable->part;
  EXPECT_EQ(part.target.name, "sm_90a");
  EXPECT_EQ(part.target.major, 9);
  EXPECT_TRUE(part.target.own);
  EXPECT_EQ(part.target.driver, 12000);
  EXPECT_EQ(part.major, 9);
  EXPECT_EQ(part.driver, 12040);
  EXPECT_EQ(part.kernels.at("few").machine_code, "its machine code");
  EXPECT_EQ(part.kernels.at("many").ptx, "the PTX of many");
  const runtime::Program& program = runnable->program;
  EXPECT_EQ(program.kernels[0].many_symbol, 0);
  EXPECT_EQ(program.kernels[0].many_above, 64);
  EXPECT_EQ(program.kernels[0].many, 1u);
  EXPECT_EQ(program.kernels[1].many_symbol, -1);
  const runtime::Call& call = program.entry("step").calls[0];
  EXPECT_EQ(call.only_symbol, 0);
  EXPECT_EQ(call.only_above, 7);
  EXPECT_THAT(call.parts, ElementsAre(runtime::CallPart{{"attn", 5, "norm"}, 2},
                                      runtime::CallPart{{"attn", 5, "q"}, 2}));
}

TEST_F(BundleTest, OfAGpuIsRefusedWhereItDoesNotFit) {
  Contents contents = ContentsForGpu();
  const auto error = [&] {
    EXPECT_EQ(WriteBundle(path_, contents), absl::OkStatus());
    const auto bundle = Bundle::Open(path_);
    return bundle.ok() ? std::string((*bundle)->PrepareForGpu().status().message())
                       : std::string(bundle.status().message());
  };
  contents.gpu->kernels.erase("many");
  EXPECT_THAT(error(), EndsWith("is damaged: there is no code of the kernel many"));
  contents = ContentsForGpu();
  contents.program.kernels[0].many = 2;
  EXPECT_THAT(error(), HasSubstr("kernel.many.kernel is 2"));
  contents = ContentsForGpu();
  contents.program.entries[0].calls[0].parts[0].buffers = 3;
  EXPECT_THAT(error(), HasSubstr("call.parts.buffers is 5, must be 4 to 4"));
  contents = ContentsForGpu();
  contents.program.entries[0].calls[0].only_symbol = 1;
  EXPECT_THAT(error(), HasSubstr("call.only.symbol is 1"));
  ASSERT_EQ(WriteBundle(path_, ContentsForGpu()), absl::OkStatus());
  Flip(OffsetOf([](const Header& h) { return h.code(); }) + 10, 3);
  EXPECT_THAT(std::string((*Bundle::Open(path_))->PrepareForGpu().status().message()),
              EndsWith("the hash of section code is wrong"));
  ASSERT_EQ(WriteBundle(path_, ContentsForGpu()), absl::OkStatus());
  EditHeader(path_, [](Header* header) { header->clear_gpu(); });
  EXPECT_THAT(std::string(Bundle::Open(path_).status().message()),
              EndsWith("is for nvptx64, not for x86_64"));
}

// A program whose call binds its kernel's dims to a symbol and to numbers.
Contents ContentsWithBinding() {
  Contents contents = ContentsForGpu();
  runtime::Program& program = contents.program;
  for (runtime::Kernel& kernel : program.kernels) kernel.dims = 3;
  program.kernels[0].split = {8, {1, {{1, 512, 512}}}, 64};
  program.bindings = {{{/*symbol=*/0}, {-1, 1024}, {-1, int64_t{1} << 62}}};
  program.entries[0].calls[0].binding = 0;
  return contents;
}

TEST_F(BundleTest, KeepsWhatCallsBind) {
  ASSERT_EQ(WriteBundle(path_, ContentsWithBinding()), absl::OkStatus());
  const auto runnable = (*Bundle::Open(path_))->PrepareForGpu();
  ASSERT_TRUE(runnable.ok()) << runnable.status();
  const runtime::Program& program = runnable->program;
  EXPECT_EQ(program.kernels[0].dims, 3);
  EXPECT_EQ(program.kernels[0].split.units.factors[0].more, 512);
  ASSERT_EQ(program.bindings.size(), 1);
  EXPECT_EQ(program.bindings[0], ContentsWithBinding().program.bindings[0]);
  EXPECT_EQ(program.entry("step").calls[0].binding, 0);
}

TEST_F(BundleTest, IsRefusedForABindingThatIsNone) {
  const auto error = [&](const std::function<void(runtime::Program * program)>& edit) {
    Contents contents = ContentsWithBinding();
    edit(&contents.program);
    EXPECT_EQ(WriteBundle(path_, contents), absl::OkStatus());
    const auto bundle = Bundle::Open(path_);
    return bundle.ok() ? std::string((*bundle)->PrepareForGpu().status().message())
                       : std::string(bundle.status().message());
  };
  EXPECT_THAT(error([](auto* program) { program->entries[0].calls[0].binding = 1; }),
              HasSubstr("call.binding is 1, must be 0 to 0"));
  EXPECT_THAT(error([](auto* program) { program->entries[0].calls[0].binding = -1; }),
              HasSubstr("call.binding.dims is 0, must be 3 to 3"));
  EXPECT_THAT(error([](auto* program) { program->bindings[0].pop_back(); }),
              HasSubstr("call.binding.dims is 2, must be 3 to 3"));
  EXPECT_THAT(error([](auto* program) { program->bindings[0][0].symbol = 1; }),
              HasSubstr("binding.dim.symbol is 1"));
  EXPECT_THAT(error([](auto* program) { program->bindings[0][1].value = -2; }),
              HasSubstr("binding.dim.value is -2"));
  EXPECT_THAT(error([](auto* program) { program->kernels[1].dims = 2; }),
              HasSubstr("kernel.many.kernel.dims is 2, must be 3 to 3"));
  EXPECT_THAT(error([](auto* program) { program->kernels[0].cost_symbol = 3; }),
              HasSubstr("kernel.cost_symbol is 3"));
  EXPECT_THAT(error([](auto* program) { program->kernels[0].dims = 65; }),
              HasSubstr("kernel.dims is 65"));
  // Units of a dim that is bound to what bounds nothing.
  EXPECT_THAT(error([](auto* program) { program->kernels[0].split.units.factors[0].symbol = 2; }),
              HasSubstr("kernel.split.unit_bytes is 64"));
}

TEST_F(BundleTest, OfTheFormatBeforeIsRead) {
  std::string bytes = base::ReadAll(path_);
  bytes[8] = kOldestFormat;
  base::WriteAll(path_, bytes);
  const auto bundle = Bundle::Open(path_);
  ASSERT_TRUE(bundle.ok()) << bundle.status();
  const auto runnable = (*bundle)->Prepare();
  ASSERT_TRUE(runnable.ok()) << runnable.status();
  EXPECT_EQ(runnable->program.entry("step").calls[0].binding, -1);
}

TEST_F(BundleTest, IsRefusedAtEveryTruncation) {
  const std::string bytes = base::ReadAll(path_);
  for (size_t size = 0; size < bytes.size(); size += size < 5000 ? 1 : 97) {
    base::WriteAll(path_, bytes.substr(0, size));
    EXPECT_NE(ErrorOf(path_), "") << size;
  }
  base::WriteAll(path_, bytes.substr(0, bytes.size() - 1));
  EXPECT_EQ(ErrorOf(path_),
            absl::StrCat("is truncated: has ", bytes.size() - 1, " bytes of ", bytes.size()));
}

TEST_F(BundleTest, IsRefusedForEveryFlippedBitOfPrefixAndHeader) {
  const std::string bytes = base::ReadAll(path_);
  const size_t end = kPrefixBytes + HeaderBytes(path_).size();
  for (size_t byte = 0; byte < end; ++byte) {
    for (int bit = 0; bit < 8; ++bit) {
      std::string damaged = bytes;
      damaged[byte] = static_cast<char>(damaged[byte] ^ (1 << bit));
      base::WriteAll(path_, damaged);
      EXPECT_FALSE(Bundle::Open(path_).ok()) << byte << " " << bit;
    }
  }
}

TEST_F(BundleTest, TellsAnotherFormatFromDamage) {
  Flip(8, 0);
  EXPECT_EQ(ErrorOf(path_), "is a bundle of format 9, this lluda reads formats 7 to 8");
}

TEST_F(BundleTest, IsRefusedForDamagedCodeBeforeItRuns) {
  Flip(OffsetOf([](const Header& header) { return header.code(); }) + 4096, 0);
  EXPECT_EQ(ErrorOf(path_), "is damaged: the hash of section code is wrong");
}

TEST_F(BundleTest, IsRefusedForADamagedTokenizerOrModule) {
  const std::string bytes = base::ReadAll(path_);
  const std::pair<const char*, Section (*)(const Header&)> sections[] = {
      {"tokenizer.text", [](const Header& h) { return h.tokenizer().text(); }},
      {"tokenizer.offsets", [](const Header& h) { return h.tokenizer().offsets(); }},
      {"tokenizer.slots", [](const Header& h) { return h.tokenizer().slots(); }},
      {"tokenizer.merges", [](const Header& h) { return h.tokenizer().merges(); }},
      {"ir", [](const Header& h) { return h.ir(); }},
  };
  for (const auto& [name, section] : sections) {
    base::WriteAll(path_, bytes);
    Flip(OffsetOf(section), 3);
    EXPECT_EQ(ErrorOf(path_), absl::StrCat("is damaged: the hash of section ", name, " is wrong"));
  }
}

TEST_F(BundleTest, VerifyFindsEveryFlippedBitOfTheWholeFile) {
  const std::string bytes = base::ReadAll(path_);
  for (size_t byte = 0; byte < bytes.size(); byte += 13) {
    base::WriteAll(path_, bytes);
    Flip(byte, static_cast<int>(byte % 8));
    const auto bundle = Bundle::Open(path_);
    EXPECT_FALSE(bundle.ok() && (*bundle)->Verify().ok()) << byte;
  }
}

TEST_F(BundleTest, VerifyNamesWhatIsDamaged) {
  const uint64_t weights = OffsetOf([](const Header& header) { return header.weights(); });
  Flip(weights + 17, 0);
  EXPECT_EQ(ErrorOf(path_), "") << "weights are not read by a start";
  EXPECT_THAT(std::string((*Bundle::Open(path_))->Verify().message()),
              EndsWith("is damaged: the hash of section weights is wrong"));
  Flip(weights + 17, 0);
  Flip(weights - 1, 0);
  EXPECT_THAT(std::string((*Bundle::Open(path_))->Verify().message()), HasSubstr("are not zero"));
}

TEST_F(BundleTest, IsRefusedOnACpuThatLacksAFeatureOfItsCode) {
  EditHeader(path_, [](Header* header) { header->add_cpu_features("avx1024"); });
  EXPECT_EQ(ErrorOf(path_), "its code cannot run here: this CPU lacks avx1024");
}

TEST_F(BundleTest, IsRefusedForAnotherArchitecture) {
  EditHeader(path_, [](Header* header) { header->set_architecture("aarch64"); });
  EXPECT_EQ(ErrorOf(path_), "is for aarch64, not for x86_64");
}

TEST_F(BundleTest, IsRefusedWhereEveryoneMayWrite) {
  ASSERT_EQ(chmod(path_.c_str(), 0646), 0);
  EXPECT_EQ(ErrorOf(path_), "may be written to by everyone, so its code is not run (chmod o-w)");
  ASSERT_EQ(chmod(path_.c_str(), 0664), 0);
  EXPECT_EQ(ErrorOf(path_), "");
}

// The one call of the bundle.
Call* CallOf(Header* header) {
  return header->mutable_program()->mutable_entries(0)->mutable_calls(0);
}

TEST_F(BundleTest, IsRefusedWhereNumbersOfTheHeaderDoNotFit) {
  const std::string bytes = base::ReadAll(path_);
  const std::pair<const char*, std::function<void(Header*)>> cases[] = {
      {"section code lies outside",
       [](Header* h) { h->mutable_code()->set_offset(uint64_t{1} << 63); }},
      {"section ir lies outside", [](Header* h) { h->mutable_ir()->set_bytes(~uint64_t{0}); }},
      {"section weights lies outside", [](Header* h) { h->mutable_weights()->set_offset(0); }},
      {"code's start", [](Header* h) { h->set_code_start(1); }},
      {"kernel.entry is 5000",
       [](Header* h) { h->mutable_program()->mutable_kernels(0)->set_entry(5000); }},
      {"kernel.entry is 0",
       [](Header* h) { h->mutable_program()->mutable_kernels(0)->set_entry(0); }},
      {"call.kernel is 1", [](Header* h) { CallOf(h)->set_kernel(1); }},
      {"buffer.offset is 5001", [](Header* h) { CallOf(h)->mutable_buffers(0)->set_offset(5001); }},
      {"buffer.offset is -64", [](Header* h) { CallOf(h)->mutable_buffers(3)->set_offset(-64); }},
      {"buffer.index is 1", [](Header* h) { CallOf(h)->mutable_buffers(1)->set_index(1); }},
      {"buffer.space is 9", [](Header* h) { CallOf(h)->mutable_buffers(1)->set_space(9); }},
      {"call.site.index is -2", [](Header* h) { CallOf(h)->mutable_site()->set_index(-2); }},
      {"tensor.factor is -1",
       [](Header* h) {
         h->mutable_program()->mutable_entries(0)->mutable_result()->set_factor(-1);
       }},
      {"tensor.symbol is 2",
       [](Header* h) {
         h->mutable_program()->mutable_entries(0)->mutable_inputs(0)->set_symbols(0, 2);
       }},
      {"buffer.index is 0, must be 0 to -1",
       [](Header* h) { h->mutable_program()->mutable_entries(0)->clear_inputs(); }},
      {"there is no entry step",
       [](Header* h) { h->mutable_program()->mutable_entries(0)->set_name("leap"); }},
      {"there are two entries step",
       [](Header* h) {
         Program* program = h->mutable_program();
         *program->add_entries() = Entry(program->entries(0));
       }},
      {"work_factor.divisor is 0",
       [](Header* h) {
         h->mutable_program()->mutable_kernels(0)->mutable_work_factors(0)->set_divisor(0);
       }},
      {"kernel.work_factor.symbol is 2",
       [](Header* h) {
         h->mutable_program()
             ->mutable_kernels(0)
             ->mutable_split()
             ->mutable_units_factors(0)
             ->set_symbol(2);
       }},
      {"kernel.split.unit_bytes is 1099511627776",
       [](Header* h) {
         Split* split = h->mutable_program()->mutable_kernels(0)->mutable_split();
         split->set_units_constant(1 << 20);
         split->set_unit_bytes(int64_t{1} << 40);
       }},
      {"symbol.max is 0",
       [](Header* h) {
         h->mutable_program()->mutable_symbols(0)->set_min(0);
         h->mutable_program()->mutable_symbols(0)->set_max(0);
       }},
      {"tensor.factor",
       [](Header* h) { h->mutable_program()->mutable_states(0)->set_factor(int64_t{1} << 45); }},
      {"program: tensor.position_group is -1, must be 1 to",
       [](Header* h) { h->mutable_program()->mutable_states(0)->set_position_group(-1); }},
      {"context and step", [](Header* h) { h->mutable_model()->set_max_step(65); }},
      {"unknown token", [](Header* h) { h->mutable_tokenizer()->set_unknown_id(4); }},
      {"added token",
       [](Header* h) { h->mutable_tokenizer()->mutable_added_tokens(0)->set_content(""); }},
  };
  for (const auto& [expected, edit] : cases) {
    base::WriteAll(path_, bytes);
    EditHeader(path_, edit);
    EXPECT_THAT(ErrorOf(path_), HasSubstr(expected));
  }
}

// A header whose hash is right and whose contents are nonsense is refused or read; it ends in no
// crash, and nothing of it is called.
TEST_F(BundleTest, SurvivesNonsenseInAHeaderWithTheRightHash) {
  const std::string bytes = base::ReadAll(path_);
  const std::string header = HeaderBytes(path_);
  std::mt19937 random(42);
  int refused = 0;
  for (int round = 0; round < 1000; ++round) {
    std::string damaged = header;
    for (uint32_t edits = 1 + random() % 4; edits > 0; --edits) {
      const size_t at = random() % damaged.size();
      switch (random() % 4) {
        case 0:
          damaged[at] = static_cast<char>(random());
          break;
        case 1:
          damaged[at] = static_cast<char>(damaged[at] ^ (1 << random() % 8));
          break;
        case 2:
          damaged.erase(at, 1 + random() % 8);
          break;
        default:
          damaged.insert(at, 1 + random() % 3, static_cast<char>(random()));
      }
      if (damaged.empty()) damaged = "x";
    }
    base::WriteAll(path_, bytes);
    ReplaceHeader(path_, damaged);
    refused += ReadEverything(path_).ok() ? 0 : 1;
  }
  EXPECT_GT(refused, 500);
}

TEST_F(BundleTest, IsToldFromOtherFilesByItsStartOrItsName) {
  EXPECT_TRUE(Bundle::Looks(path_));
  const std::string other = folder_.path() + "/other";
  base::WriteAll(other, base::ReadAll(path_));
  EXPECT_TRUE(Bundle::Looks(other));
  base::WriteAll(other, "{}");
  EXPECT_FALSE(Bundle::Looks(other));
  EXPECT_FALSE(Bundle::Looks(folder_.path()));
  EXPECT_TRUE(Bundle::Looks(folder_.path() + "/missing.llb"));
  EXPECT_THAT(ErrorOf(folder_.path() + "/missing.llb"), HasSubstr("No such file"));
  base::WriteAll(path_, "{}");
  EXPECT_EQ(ErrorOf(path_), "is not a bundle of lluda");
}

TEST_F(BundleTest, IsNotHalfWritten) {
  Contents contents;
  const std::string nowhere = folder_.path() + "/no/such/folder.llb";
  const absl::Status status = WriteBundle(nowhere, contents);
  EXPECT_EQ(status.code(), absl::StatusCode::kUnavailable);
  EXPECT_THAT(std::string(status.message()), HasSubstr(nowhere));
}

}  // namespace
}  // namespace lluda::bundle
