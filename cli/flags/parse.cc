#include "cli/flags/parse.h"

#include <algorithm>
#include <iostream>
#include <iterator>
#include <string>
#include <vector>

#include "CLI/App.hpp"
#include "CLI/Config.hpp"
#include "CLI/Formatter.hpp"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "ir/text/suggest.h"

namespace lluda::cli {
namespace {

// The end of a program that got --help or was used wrongly.
int ExitOf(const CLI::App& app, const CLI::Success& success) {
  app.exit(success);
  if (std::cout.flush()) return 0;
  std::cerr << app.get_name() << ": stdout: cannot be written\n";
  return 1;
}

int UsageError(absl::string_view program, absl::string_view what) {
  std::cerr << program << ": " << what << " (" << program << " --help tells more)\n";
  return 2;
}

// "unknown flag '--sed'; did you mean '--seed'?"
std::string Unknown(absl::string_view what, const std::string& name,
                    const std::vector<std::string>& known) {
  const std::string nearest = ir::Nearest(name, {known.begin(), known.end()});
  std::string text = absl::StrCat("unknown ", what, " '", name, "'");
  if (!nearest.empty()) absl::StrAppend(&text, "; did you mean '", nearest, "'?");
  return text;
}

// The command that was used: of subcommands, the innermost.
const CLI::App* Used(const CLI::App* app) {
  while (!app->get_subcommands().empty()) app = app->get_subcommands().front();
  return app;
}

std::vector<std::string> LongFlags(const CLI::App& app) {
  std::vector<std::string> flags;
  for (const CLI::Option* option : app.get_options()) {
    for (const std::string& name : option->get_lnames()) flags.push_back("--" + name);
  }
  return flags;
}

// What is wrong with the words that the parser has left over, "" if nothing is.
std::string LeftOver(const CLI::App& app) {
  const CLI::App* used = Used(&app);
  for (const std::string& word : app.remaining(/*recurse=*/true)) {
    if (word.size() > 1 && word[0] == '-') {
      return Unknown("flag", word.substr(0, word.find('=')), LongFlags(*used));
    }
    std::vector<std::string> commands;
    for (const CLI::App* sub : used->get_subcommands({})) commands.push_back(sub->get_name());
    if (!commands.empty()) return Unknown("command", word, commands);
  }
  return "";
}

// Texts, which may have no characters. Of everything else an empty word is a name that a script has
// lost, and would be taken for a flag that was not given.
constexpr absl::string_view kTexts[] = {"--prompt", "--stop",     "--system",
                                        "--query",  "--instruct", "--context"};

bool IsText(const CLI::Option& option) {
  return std::any_of(std::begin(kTexts), std::end(kTexts),
                     [&](absl::string_view name) { return option.check_name(std::string(name)); });
}

// Refuses empty words, of the app and its subcommands.
void RefuseEmptyWords(CLI::App* app) {
  for (CLI::Option* option : app->get_options()) {
    const bool takes_word = option->get_items_expected_min() > 0;
    if (!takes_word || IsText(*option)) continue;
    option->check([](const std::string& word) { return word.empty() ? "is empty" : ""; });
  }
  for (CLI::App* sub : app->get_subcommands({})) RefuseEmptyWords(sub);
}

}  // namespace

int ExitOf(const CLI::App& app, const CLI::Error& error) {
  // A mistyped word is often why the parser lacks another one.
  const bool lacks = dynamic_cast<const CLI::ExtrasError*>(&error) != nullptr ||
                     dynamic_cast<const CLI::RequiredError*>(&error) != nullptr;
  const std::string left_over = lacks ? LeftOver(app) : "";
  return UsageError(app.get_name(), left_over.empty() ? error.what() : left_over);
}

std::optional<int> Parse(CLI::App* app, int argc, char** argv) {
  RefuseEmptyWords(app);
  try {
    app->parse(argc, argv);
  } catch (const CLI::Success& success) {  // --help, --version
    return ExitOf(*app, success);
  } catch (const CLI::Error& error) {
    return ExitOf(*app, error);
  }
  return std::nullopt;
}

}  // namespace lluda::cli
