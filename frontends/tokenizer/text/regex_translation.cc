#include "frontends/tokenizer/text/regex_translation.h"

#include <absl/status/status.h>
#include <absl/strings/ascii.h>

#include "base/status_macros.h"
#include "frontends/tokenizer/text/strings.h"
#include "frontends/tokenizer/text/unicode.h"

namespace lluda::tokenizer {
namespace {

// What Unicode 15.1 and 16.0 added to the properties that these expressions use. Debian 12's RE2 has
// Unicode 15.0; tokenizers has 16.0.
struct NewMembers {
  std::string_view property;
  std::string_view ranges;
};
constexpr NewMembers kNewMembers[] = {
    {"L",
     R"(\x{1C89}-\x{1C8A}\x{A7CB}-\x{A7CD}\x{A7DA}-\x{A7DC}\x{105C0}-\x{105F3}\x{10D4A}-\x{10D65})"
     R"(\x{10D6F}-\x{10D85}\x{10EC2}-\x{10EC4}\x{11380}-\x{11389}\x{1138B}\x{1138E})"
     R"(\x{11390}-\x{113B5}\x{113B7}\x{113D1}\x{113D3}\x{11BC0}-\x{11BE0}\x{13460}-\x{143FA})"
     R"(\x{16100}-\x{1611D}\x{16D40}-\x{16D6C}\x{18CFF}\x{1E5D0}-\x{1E5ED}\x{1E5F0})"
     R"(\x{2EBF0}-\x{2EE5D})"},
    {"Lu", R"(\x{1C89}\x{A7CB}-\x{A7CC}\x{A7DA}\x{A7DC}\x{10D50}-\x{10D65})"},
    {"Ll", R"(\x{1C8A}\x{A7CD}\x{A7DB}\x{10D70}-\x{10D85})"},
    {"Lm", R"(\x{10D4E}\x{10D6F}\x{16D40}-\x{16D42}\x{16D6B}-\x{16D6C})"},
    {"Lo",
     R"(\x{105C0}-\x{105F3}\x{10D4A}-\x{10D4D}\x{10D4F}\x{10EC2}-\x{10EC4}\x{11380}-\x{11389})"
     R"(\x{1138B}\x{1138E}\x{11390}-\x{113B5}\x{113B7}\x{113D1}\x{113D3}\x{11BC0}-\x{11BE0})"
     R"(\x{13460}-\x{143FA}\x{16100}-\x{1611D}\x{16D43}-\x{16D6A}\x{18CFF}\x{1E5D0}-\x{1E5ED})"
     R"(\x{1E5F0}\x{2EBF0}-\x{2EE5D})"},
    {"M",
     R"(\x{897}\x{10D69}-\x{10D6D}\x{10EFC}\x{113B8}-\x{113C0}\x{113C2}\x{113C5}\x{113C7}-\x{113CA})"
     R"(\x{113CC}-\x{113D0}\x{113D2}\x{113E1}-\x{113E2}\x{11F5A}\x{1611E}-\x{1612F})"
     R"(\x{1E5EE}-\x{1E5EF})"},
    {"N", R"(\x{10D40}-\x{10D49}\x{116D0}-\x{116E3}\x{11BF0}-\x{11BF9}\x{16130}-\x{16139})"
          R"(\x{16D70}-\x{16D79}\x{1CCF0}-\x{1CCF9}\x{1E5F1}-\x{1E5FA})"},
};

std::string_view NewMembersOf(std::string_view property) {
  for (const NewMembers& members : kNewMembers) {
    if (members.property == property) return members.ranges;
  }
  return "";
}

// Walks through the expression once; `pos_` is the next character to read.
class Translator {
 public:
  explicit Translator(std::string_view regex) : regex_(regex) {}

  absl::StatusOr<std::string> Run() {
    while (pos_ < regex_.size()) {
      RETURN_IF_ERROR(Item());
    }
    return std::move(out_);
  }

 private:
  static absl::Status Unsupported(std::string_view construct) {
    return absl::UnimplementedError(Concat(construct, " is not supported"));
  }

  std::string_view Rest() const { return regex_.substr(pos_); }

  void Copy(size_t count) {
    out_ += Rest().substr(0, count);
    pos_ += count;
  }

  absl::Status Item() {
    switch (regex_[pos_]) {
      case '\\':
        return Escape(/*in_class=*/false);
      case '[':
        return Class();
      case '(':
        return Group();
      case '^':
      case '$':
        return Unsupported(Concat("the anchor ", Rest().substr(0, 1)));
      default:
        Copy(1);
        return absl::OkStatus();
    }
  }

  absl::Status Group() {
    for (const std::string_view opening : {"(?:", "(?i:"}) {
      if (StartsWith(Rest(), opening)) {
        Copy(opening.size());
        return absl::OkStatus();
      }
    }
    if (StartsWith(Rest(), "(?")) {
      return Unsupported(Concat("the group ", Rest().substr(0, 3), "...)"));
    }
    Copy(1);
    return absl::OkStatus();
  }

  absl::Status Class() {
    Copy(1);
    if (StartsWith(Rest(), "^")) Copy(1);
    for (bool first = true; pos_ < regex_.size(); first = false) {
      const char next = regex_[pos_];
      if (next == ']' && !first) {
        Copy(1);
        return absl::OkStatus();
      }
      if (next == '[') return Unsupported("[ inside a character class");
      if (StartsWith(Rest(), "&&")) return Unsupported("&& inside a character class");
      if (next == '\\') {
        RETURN_IF_ERROR(Escape(/*in_class=*/true));
      } else {
        Copy(1);
      }
    }
    return absl::InvalidArgumentError("a character class has no end");
  }

  // Writes the class whose inside is `members`.
  void PutClass(std::string_view members, bool in_class, bool negated) {
    if (in_class) {
      out_ += members;
    } else {
      out_ += Concat(negated ? "[^" : "[", members, "]");
    }
  }

  absl::Status Escape(bool in_class) {
    const std::string_view name = Rest().substr(0, 2);
    const char letter = name.size() == 2 ? name[1] : '\0';
    const bool negated = letter == 'S' || letter == 'D' || letter == 'P';
    if (negated && in_class) {
      return Unsupported(Concat(name, " inside a character class"));
    }
    switch (letter) {
      case 's':
      case 'S':
        pos_ += 2;
        PutClass(kWhitespaceClass, in_class, negated);
        return absl::OkStatus();
      case 'd':
      case 'D':
        pos_ += 2;
        PutClass(R"(\p{Nd})", in_class, negated);
        return absl::OkStatus();
      case 'p':
      case 'P':
        return Property(in_class, negated);
      case 'u':
        if (Rest().size() < 6) return absl::InvalidArgumentError("\\u needs four digits");
        out_ += Concat("\\x{", Rest().substr(2, 4), "}");
        pos_ += 6;
        return absl::OkStatus();
      case 'r':
      case 'n':
      case 't':
      case 'f':
      case 'v':
      case 'x':
        Copy(2);
        return absl::OkStatus();
      default:
        if (absl::ascii_isalnum(letter) || letter == '\0') return Unsupported(name);
        Copy(2);
        return absl::OkStatus();
    }
  }

  absl::Status Property(bool in_class, bool negated) {
    const size_t end = Rest().find('}');
    if (end == std::string_view::npos || Rest()[2] != '{') {
      return absl::InvalidArgumentError("\\p needs a name in braces");
    }
    const std::string_view name = Rest().substr(3, end - 3);
    if (StartsWith(name, "^")) return Unsupported(Concat("\\p{", name, "}"));
    PutClass(Concat("\\p{", name, "}", NewMembersOf(name)), in_class, negated);
    pos_ += end + 1;
    return absl::OkStatus();
  }

  std::string_view regex_;
  size_t pos_ = 0;
  std::string out_;
};

}  // namespace

absl::StatusOr<std::string> TranslateToRe2(std::string_view regex) {
  return Translator(regex).Run();
}

}  // namespace lluda::tokenizer
