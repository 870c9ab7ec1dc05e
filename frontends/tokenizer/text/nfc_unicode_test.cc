// ToNfc against the Unicode Character Database, Debian's package unicode-data: the conformance
// test, every code point, and every pair that begins like a composition.
#include <gtest/gtest.h>
#include <stdio.h>

#include <algorithm>
#include <cstdint>
#include <fstream>
#include <map>
#include <set>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "base/utf8.h"
#include "frontends/tokenizer/text/nfc.h"

namespace lluda::tokenizer {
namespace {

constexpr char kFolder[] = "/usr/share/unicode/";
constexpr char32_t kEndOfUnicode = 0x110000;

// Hangul composes by arithmetic (Unicode Standard, section 3.12); the end of each range excluded.
constexpr char32_t kSyllables = 0xAC00, kSyllablesEnd = 0xD7A4;
constexpr char32_t kLeading = 0x1100, kLeadingEnd = 0x1113;
constexpr char32_t kVowels = 0x1161, kVowelsEnd = 0x1176;
constexpr char32_t kTrailing = 0x11A8, kTrailingEnd = 0x11C3;
constexpr char32_t kPerLeading = 588, kPerVowel = 28;

using Text = std::vector<char32_t>;

bool IsSurrogate(char32_t c) { return c >= 0xD800 && c < 0xE000; }

std::string Utf8(const Text& text) {
  std::string out;
  for (const char32_t c : text) base::AppendUtf8(c, &out);
  return out;
}

std::vector<std::string> Fields(const std::string& line) {
  std::vector<std::string> fields;
  std::stringstream in(line.substr(0, line.find('#')));
  for (std::string field; std::getline(in, field, ';');) fields.push_back(field);
  return fields;
}

// "0061 0301", of hexadecimal numbers.
Text CodePoints(const std::string& field) {
  Text points;
  std::stringstream in(field);
  for (std::string point; in >> point;) points.push_back(std::stoul(point, nullptr, 16));
  return points;
}

// The database as Unicode 9 had it, and NFC as the standard defines it (D108 to D117, quadratic).
class Database {
 public:
  Database() {
    ReadAges();
    std::ifstream data(std::string(kFolder) + "UnicodeData.txt");
    for (std::string line; std::getline(data, line);) {
      const std::vector<std::string> fields = Fields(line);
      const char32_t c = CodePoints(fields[0])[0];
      if (!IsKnown(c)) continue;
      if (fields[3] != "0") combining_class_[c] = std::stoi(fields[3]);
      if (!fields[5].empty() && fields[5][0] != '<') decomposition_[c] = CodePoints(fields[5]);
    }
    std::set<char32_t> excluded;
    std::ifstream exclusions(std::string(kFolder) + "CompositionExclusions.txt");
    for (std::string line; std::getline(exclusions, line);) {
      if (const Text points = CodePoints(line.substr(0, line.find('#'))); !points.empty()) {
        excluded.insert(points[0]);
      }
    }
    for (const auto& [c, parts] : decomposition_) {
      const bool is_singleton = parts.size() == 1;
      const bool starts_with_mark = Class(c) != 0 || Class(parts[0]) != 0;
      if (is_singleton || starts_with_mark || excluded.count(c) > 0) continue;
      composite_[{parts[0], parts[1]}] = c;
    }
  }

  bool found() const { return !known_.empty() && !decomposition_.empty() && !composite_.empty(); }

  // Whether Unicode 9 had the character.
  bool IsKnown(char32_t c) const { return c < known_.size() && known_[c]; }
  bool AreKnown(const Text& text) const {
    return std::all_of(text.begin(), text.end(), [this](char32_t c) { return IsKnown(c); });
  }

  int Class(char32_t c) const {
    const auto found = combining_class_.find(c);
    return found == combining_class_.end() ? 0 : found->second;
  }

  Text Nfc(const Text& text) const {
    Text decomposed;
    for (const char32_t c : text) Decompose(c, &decomposed);
    for (size_t i = 1; i < decomposed.size(); ++i) {
      for (size_t j = i; j > 0; --j) {
        const int right = Class(decomposed[j]);
        if (right == 0 || Class(decomposed[j - 1]) <= right) break;
        std::swap(decomposed[j - 1], decomposed[j]);
      }
    }
    Text composed;
    size_t starter = decomposed.size();
    for (const char32_t c : decomposed) {
      if (starter < composed.size()) {
        const bool is_next = starter + 1 == composed.size();
        const int last = Class(composed.back());
        const bool is_blocked = !is_next && (last == 0 || last >= Class(c));
        if (const char32_t both = Composite(composed[starter], c); !is_blocked && both != 0) {
          composed[starter] = both;
          continue;
        }
      }
      if (Class(c) == 0) starter = composed.size();
      composed.push_back(c);
    }
    return composed;
  }

  // What may come first, and last, in a composition; what is near to the ranges of Hangul is there,
  // too.
  std::set<char32_t> Firsts() const {
    std::set<char32_t> firsts;
    for (const auto& [pair, both] : composite_) firsts.insert({pair.first, both});
    for (char32_t c = kLeading - 1; c <= kLeadingEnd; ++c) firsts.insert(c);
    for (char32_t c = kSyllables; c < kSyllablesEnd; c += kPerLeading) {
      firsts.insert({c, c + 1, c + kPerVowel});
    }
    return firsts;
  }
  std::set<char32_t> Seconds() const {
    std::set<char32_t> seconds;
    for (const auto& [pair, both] : composite_) seconds.insert(pair.second);
    for (char32_t c = kVowels - 1; c <= kVowelsEnd; ++c) seconds.insert(c);
    for (char32_t c = kTrailing - 1; c <= kTrailingEnd; ++c) seconds.insert(c);
    return seconds;
  }

 private:
  void ReadAges() {
    std::ifstream ages(std::string(kFolder) + "DerivedAge.txt");
    for (std::string line; std::getline(ages, line);) {
      const std::vector<std::string> fields = Fields(line);
      if (fields.size() < 2 || std::stod(fields[1]) > 9.0) continue;
      const size_t dots = fields[0].find("..");
      const char32_t first = CodePoints(fields[0].substr(0, dots))[0];
      const char32_t last =
          dots == std::string::npos ? first : CodePoints(fields[0].substr(dots + 2))[0];
      known_.resize(std::max<size_t>(known_.size(), kEndOfUnicode));
      std::fill(known_.begin() + first, known_.begin() + last + 1, true);
    }
  }

  void Decompose(char32_t c, Text* out) const {
    if (c >= kSyllables && c < kSyllablesEnd) {
      const char32_t index = c - kSyllables;
      out->push_back(kLeading + index / kPerLeading);
      out->push_back(kVowels + index % kPerLeading / kPerVowel);
      if (index % kPerVowel != 0) out->push_back(kTrailing + index % kPerVowel - 1);
      return;
    }
    const auto parts = decomposition_.find(c);
    if (parts == decomposition_.end()) {
      out->push_back(c);
    } else {
      for (const char32_t part : parts->second) Decompose(part, out);
    }
  }

  // 0 if the two do not compose.
  char32_t Composite(char32_t first, char32_t second) const {
    const auto within = [](char32_t c, char32_t begin, char32_t end) {
      return c >= begin && c < end;
    };
    if (within(first, kLeading, kLeadingEnd) && within(second, kVowels, kVowelsEnd)) {
      return kSyllables + (first - kLeading) * kPerLeading + (second - kVowels) * kPerVowel;
    }
    if (within(first, kSyllables, kSyllablesEnd) && (first - kSyllables) % kPerVowel == 0 &&
        within(second, kTrailing, kTrailingEnd)) {
      return first + (second - kTrailing) + 1;
    }
    const auto both = composite_.find({first, second});
    return both == composite_.end() ? 0 : both->second;
  }

  std::vector<bool> known_;
  std::map<char32_t, int> combining_class_;
  std::map<char32_t, Text> decomposition_;
  std::map<std::pair<char32_t, char32_t>, char32_t> composite_;
};

class NfcUnicodeTest : public testing::Test {
 protected:
  static void SetUpTestSuite() { database_ = new Database(); }
  static void TearDownTestSuite() { delete database_; }
  void SetUp() override {
    ASSERT_TRUE(database_->found()) << kFolder << ": install the Debian package unicode-data";
  }

  static const Database* database_;
};

const Database* NfcUnicodeTest::database_ = nullptr;

TEST_F(NfcUnicodeTest, PassesTheConformanceTest) {
  const std::string command = std::string("bzip2 -dc ") + kFolder + "NormalizationTest.txt.bz2";
  FILE* file = popen(command.c_str(), "r");
  ASSERT_NE(file, nullptr);
  int lines = 0;
  char buffer[4096];
  while (fgets(buffer, sizeof(buffer), file) != nullptr) {
    const std::vector<std::string> fields = Fields(buffer);
    if (fields.size() < 5) continue;
    std::vector<Text> columns;
    for (int i = 0; i < 5; ++i) columns.push_back(CodePoints(fields[i]));
    if (!std::all_of(columns.begin(), columns.end(),
                     [](const Text& text) { return database_->AreKnown(text); })) {
      continue;  // a character newer than Unicode 9
    }
    ++lines;
    for (const int column : {0, 1, 2}) EXPECT_EQ(ToNfc(Utf8(columns[column])), Utf8(columns[1]));
    for (const int column : {3, 4}) EXPECT_EQ(ToNfc(Utf8(columns[column])), Utf8(columns[3]));
  }
  EXPECT_EQ(pclose(file), 0);
  EXPECT_GT(lines, 17000);
}

TEST_F(NfcUnicodeTest, GivesEveryCodePointItsForm) {
  for (char32_t c = 0; c < kEndOfUnicode; ++c) {
    if (IsSurrogate(c)) continue;
    ASSERT_EQ(ToNfc(Utf8({c})), Utf8(database_->Nfc({c}))) << std::hex << uint32_t{c};
  }
}

TEST_F(NfcUnicodeTest, OrdersAndComposesAroundEveryCodePoint) {
  for (char32_t c = 0x300; c < kEndOfUnicode; ++c) {
    if (IsSurrogate(c)) continue;
    const Text text = {'e', 0x301, c, 0x323, 0xAC00, c, 0x11A8};
    ASSERT_EQ(ToNfc(Utf8(text)), Utf8(database_->Nfc(text))) << std::hex << uint32_t{c};
  }
}

TEST_F(NfcUnicodeTest, ComposesThePairsThatComposeAndNoOthers) {
  for (const char32_t first : database_->Firsts()) {
    for (const char32_t second : database_->Seconds()) {
      const Text text = {first, second};
      ASSERT_EQ(ToNfc(Utf8(text)), Utf8(database_->Nfc(text)))
          << std::hex << uint32_t{first} << ' ' << uint32_t{second};
    }
  }
}

}  // namespace
}  // namespace lluda::tokenizer
