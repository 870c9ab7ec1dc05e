// What Python's str does with characters. Positions in Python count characters, here bytes of
// UTF-8; all texts are valid.
//
//   CountCharacters("né")          == 2
//   Strip(" a ", nullptr, kBoth)   == "a"
//   ChangeCase("É", ToLower)       == "é"
#ifndef LLUDA_FRONTENDS_JINJA_VALUE_PYTHON_TEXT_H_
#define LLUDA_FRONTENDS_JINJA_VALUE_PYTHON_TEXT_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "frontends/jinja/value/budget.h"
#include "frontends/jinja/value/text.h"

namespace lluda::jinja {

// str.isspace() of one character.
bool IsPythonSpace(char32_t code_point);

size_t CountCharacters(std::string_view text);
// Where each character starts, and the end of the text.
std::vector<size_t> CharacterStarts(std::string_view text);

enum class Side : uint8_t { kLeft, kRight, kBoth };
// Where the last character of a text that is not empty starts.
size_t LastCharacter(std::string_view text);
// Without the characters of `characters` at its ends; null means white space.
Text Strip(const Text& text, const std::string* characters, Side side);

// kTitle is Python's str.title(); kWords is Jinja2's filter, for which words start behind a space,
// a hyphen or an opening bracket.
enum class Case : uint8_t { kUpper, kLower, kCapitalized, kTitle, kWords };
// Each character on its own, by Unicode's simple mappings, and "SS" for "ß".
Text ChangeCase(const Text& text, Case wanted);

// Python's str.splitlines(). Ends early, wrongly, once the budget is spent.
std::vector<Text> SplitLines(const Text& text, bool keep_ends, Budget* budget);

// Whether there are letters, and all of them are of this case.
bool IsUpper(std::string_view text);
bool IsLower(std::string_view text);

// The first place of `part` at or after `from`, npos if there is none. Linear in any case, which
// std::string_view::find is not.
size_t FindText(std::string_view text, std::string_view part, size_t from = 0);
// The last place.
size_t FindLastText(std::string_view text, std::string_view part);

}  // namespace lluda::jinja

#endif  // LLUDA_FRONTENDS_JINJA_VALUE_PYTHON_TEXT_H_
