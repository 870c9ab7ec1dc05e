// Feeds damaged copies of valid modules to the parser. Whatever comes in, it must answer with an
// error that has a position, or with a module that prints and reads back as an equal one, and that
// the verifier can judge. The seed is fixed: a failure repeats.
#include <fstream>
#include <random>
#include <sstream>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "gtest/gtest.h"
#include "ir/check/verifier.h"
#include "ir/text/hash.h"
#include "ir/text/parser.h"
#include "ir/text/printer.h"
#include "re2/re2.h"

namespace lluda::ir {
namespace {

constexpr int kIterations = 20000;

std::string ReadFile(const std::string& path) {
  std::ifstream file(path);
  EXPECT_TRUE(file.good()) << path;
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

class Mutator {
 public:
  explicit Mutator(std::vector<std::string> seeds) : random_(20240601), seeds_(std::move(seeds)) {
    // Whole words of the seeds replace each other: most such texts get past the lexer.
    for (const std::string& seed : seeds_) {
      for (absl::string_view word : absl::StrSplit(seed, absl::ByAnyChar(" \n"))) {
        words_.emplace_back(word);
      }
    }
    for (const char* word : {"0", "-1", "9223372036854775807", "9223372036854775808", "1e999",
                             "@panel(256x256, hid)", "\"\\001\"", "in", "by", "a-b", "..", "%"}) {
      words_.emplace_back(word);
    }
  }

  std::string Next() {
    std::string text = Pick(seeds_);
    const size_t edits = 1 + Below(3);
    for (size_t i = 0; i < edits; ++i) Edit(&text);
    return text;
  }

 private:
  size_t Below(size_t limit) { return random_() % limit; }
  const std::string& Pick(const std::vector<std::string>& from) { return from[Below(from.size())]; }

  void Edit(std::string* text) {
    const size_t at = Below(text->size() + 1);
    const size_t end = std::min(text->find_first_of(" \n", at), text->size());
    switch (Below(8)) {
      case 0:
        text->resize(at);
        break;
      case 1:
        text->erase(at, 1 + Below(40));
        break;
      case 2:
        text->insert(at, 1, static_cast<char>(Below(256)));
        break;
      case 3:
        if (at < text->size()) (*text)[at] ^= static_cast<char>(1 << Below(8));
        break;
      case 4: {  // a line again, somewhere
        const std::vector<std::string> lines = absl::StrSplit(*text, '\n');
        text->insert(at, absl::StrCat(Pick(lines), "\n"));
        break;
      }
      case 5: {  // a line less
        const size_t line_end = text->find('\n', at);
        if (line_end == std::string::npos) break;
        text->erase(line_end, text->find('\n', line_end + 1) - line_end);
        break;
      }
      default:
        text->replace(at, end - at, Pick(words_));
    }
  }

  std::mt19937 random_;
  std::vector<std::string> seeds_, words_;
};

TEST(FuzzParser, DamagedTextsGiveAnErrorOrAModuleThatReadsBackEqual) {
  Mutator mutator({ReadFile("ir/testdata/toy.lluda"), ReadFile("ir/testdata/literal.lluda"),
                   ReadFile("ir/testdata/toy_optimized.lluda"),
                   ReadFile("ir/testdata/softmax.lluda"),
                   ReadFile("ir/testdata/contraction.lluda")});
  const RE2 position("f:[0-9]+:[0-9]+: .+");
  int parsed = 0, refused = 0;
  for (int i = 0; i < kIterations; ++i) {
    const std::string text = mutator.Next();
    const auto module = ParseModule(text, "f");
    if (!module.ok()) {
      ++refused;
      ASSERT_TRUE(RE2::PartialMatch(std::string(module.status().message()), position))
          << module.status() << "\n"
          << text;
      continue;
    }
    ++parsed;
    const std::string printed = PrintModule(**module);
    const auto again = ParseModule(printed, "again");
    ASSERT_TRUE(again.ok()) << again.status() << "\n" << text;
    ASSERT_TRUE(Equal(**module, **again)) << text;
    ASSERT_EQ(PrintModule(**again), printed);
    ASSERT_EQ(Verify(**module), Verify(**again)) << text;
  }
  EXPECT_GT(parsed, kIterations / 100) << "the mutations are too wild to test the printer";
  EXPECT_GT(refused, kIterations / 4);
}

}  // namespace
}  // namespace lluda::ir
