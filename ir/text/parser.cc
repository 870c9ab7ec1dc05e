#include "ir/text/parser.h"

#include <utility>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "ir/rules.h"
#include "ir/text/body_parser.h"
#include "ir/text/token_stream.h"

namespace lluda::ir {
namespace {

constexpr size_t kMaxTextBytes = size_t{4} << 20;
constexpr int64_t kFormatVersion = 1;

class ModuleParser {
 public:
  ModuleParser(absl::string_view text, absl::string_view file_name)
      : file_name_(file_name), tokens_(text, file_name) {}

  absl::StatusOr<std::unique_ptr<Module>> Parse();

 private:
  struct Body {
    Func* func;
    Position at;
    TokenStream::Mark start;  // behind the opening brace
  };

  void ParseDeclarations();
  void ParsePasses();
  void ParseSymbol();
  void ParseGlobal(Global::Kind kind);
  void ParseSignature();
  void SkipBody();

  absl::string_view file_name_;
  TokenStream tokens_;
  std::unique_ptr<Module> module_;
  ModuleNames names_;
  std::vector<Body> bodies_;
};

void ModuleParser::ParsePasses() {
  do {
    if (module_->passes.size() == kMaxPasses) tokens_.Fail(tokens_.Peek().at, "too many passes");
    module_->passes.push_back(tokens_.TakeText(TokenKind::kWord, "the name of a pass"));
  } while (tokens_.ok() && tokens_.TakeIf(","));
}

void ModuleParser::ParseSymbol() {
  const Position at = tokens_.Peek().at;
  Symbol symbol;
  symbol.name = tokens_.TakeName("the name of a symbol");
  tokens_.Expect("in");
  tokens_.TakeRange(&symbol.min, &symbol.max);
  if (!tokens_.ok()) return;
  tokens_.Require(at, CheckSymbol(symbol));
  if (module_->FindSymbol(symbol.name) != nullptr) {
    tokens_.Fail(at, absl::StrCat("symbol '", symbol.name, "' is already declared"));
  }
  if (module_->symbols.size() == kMaxSymbols) tokens_.Fail(at, "too many symbols");
  module_->symbols.push_back(std::move(symbol));
}

void ModuleParser::ParseGlobal(Global::Kind kind) {
  const Position at = tokens_.Peek().at;
  Global global;
  global.kind = kind;
  global.name = tokens_.TakeText(TokenKind::kGlobal, "the name of a global");
  global.index = tokens_.TakeIndexDeclaration();
  tokens_.Expect(":");
  global.type = tokens_.TakeType(*module_);
  if (kind == Global::Kind::kWeight && tokens_.TakeIf("from")) {
    const Position source_at = tokens_.Peek().at;
    const std::string escaped = tokens_.TakeText(TokenKind::kString, "the name of a tensor");
    std::string error;
    if (tokens_.ok() && !absl::CUnescape(escaped, &global.source, &error)) {
      tokens_.Fail(source_at, error);
    } else if (tokens_.ok() && (global.source.empty() || global.source.size() > kMaxSourceLength)) {
      tokens_.Fail(source_at,
                   absl::StrCat("the name of a tensor has 1 to ", kMaxSourceLength, " bytes"));
    }
  }
  if (!tokens_.ok()) return;
  Global* added = module_->AddGlobal(std::move(global));
  if (!names_.globals.try_emplace(added->name, added).second) {
    tokens_.Fail(at, absl::StrCat("@", added->name, " is already declared"));
  }
}

// Bodies are read once all signatures are known, so that a function can call a later one.
void ModuleParser::ParseSignature() {
  const Position at = tokens_.Peek().at;
  const std::string name = tokens_.TakeText(TokenKind::kGlobal, "the name of a function");
  if (!tokens_.ok()) return;
  Func* func = module_->AddFunc(name);
  if (!names_.funcs.try_emplace(name, func).second) {
    return tokens_.Fail(at, absl::StrCat("function @", name, " is already defined"));
  }
  func->index = tokens_.TakeIndexDeclaration();
  tokens_.Expect("(");
  absl::flat_hash_set<std::string> params;
  while (tokens_.Peek().kind == TokenKind::kValue) {
    const Token param = tokens_.Take();
    tokens_.Expect(":");
    func->AddParam(std::string(param.text), tokens_.TakeType(*module_));
    if (!params.emplace(param.text).second) {
      tokens_.Fail(param.at, absl::StrCat("%", param.text, " is already a parameter"));
    }
    if (!tokens_.TakeIf(",")) break;
  }
  tokens_.Expect(")");
  tokens_.Expect("->");
  func->result_type = tokens_.TakeType(*module_);
  tokens_.Expect("{");
  if (!tokens_.ok()) return;
  bodies_.push_back({func, at, tokens_.GetMark()});
  SkipBody();
}

void ModuleParser::SkipBody() {
  for (int64_t depth = 1; depth > 0;) {
    const Token token = tokens_.Take();
    if (token.kind == TokenKind::kEnd) {
      return tokens_.Fail(token.at,
                          absl::StrCat("the body of @", bodies_.back().func->name, " in line ",
                                       bodies_.back().at.line, " has no end"));
    }
    if (token.kind != TokenKind::kPunct) continue;
    if (token.text == "{") ++depth;
    if (token.text == "}") --depth;
  }
}

void ModuleParser::ParseDeclarations() {
  for (;;) {
    if (tokens_.TakeIf("symbol")) {
      ParseSymbol();
    } else if (tokens_.TakeIf("weight")) {
      ParseGlobal(Global::Kind::kWeight);
    } else if (tokens_.TakeIf("state")) {
      ParseGlobal(Global::Kind::kState);
    } else {
      return;
    }
  }
}

absl::StatusOr<std::unique_ptr<Module>> ModuleParser::Parse() {
  tokens_.Expect("lluda");
  const Position version_at = tokens_.Peek().at;
  if (tokens_.TakeInt("the version of the format") != kFormatVersion && tokens_.ok()) {
    tokens_.Fail(version_at, absl::StrCat("this is no version ", kFormatVersion, " file"));
  }
  tokens_.Expect("module");
  module_ =
      std::make_unique<Module>(tokens_.TakeText(TokenKind::kGlobal, "the name of the module"));
  module_->file = std::string(file_name_);
  tokens_.Expect("{");
  if (tokens_.TakeIf("passes")) ParsePasses();
  ParseDeclarations();
  const Position load_at = tokens_.Peek().at;
  if (tokens_.TakeIf("load")) {
    tokens_.Expect("{");
    BodyParser(&tokens_, &names_, module_.get(), nullptr, load_at).ParseBlock(&module_->load);
  }
  while (tokens_.TakeIf("func")) ParseSignature();
  if (tokens_.ok() && !tokens_.IsNext("}")) {
    tokens_.Fail(tokens_.Peek().at, absl::StrCat("expected a declaration, `load`, `func` or '}', ",
                                                 "got ", Describe(tokens_.Peek())));
  }
  tokens_.Expect("}");
  if (tokens_.ok() && tokens_.Peek().kind != TokenKind::kEnd) {
    tokens_.Fail(tokens_.Peek().at,
                 absl::StrCat("expected the end of the file, got ", Describe(tokens_.Peek())));
  }
  for (const Body& body : bodies_) {
    tokens_.Reset(body.start);
    if (!tokens_.ok()) break;
    BodyParser(&tokens_, &names_, module_.get(), body.func, body.at).ParseBlock(&body.func->body);
  }
  if (!tokens_.ok()) return tokens_.status();
  return std::move(module_);
}

}  // namespace

absl::StatusOr<std::unique_ptr<Module>> ParseModule(absl::string_view text,
                                                    absl::string_view file_name) {
  if (text.size() > kMaxTextBytes) {
    return absl::InvalidArgumentError(absl::StrCat(file_name, ":1:1: the text has ", text.size(),
                                                   " bytes, at most ", kMaxTextBytes, " fit"));
  }
  return ModuleParser(text, file_name).Parse();
}

}  // namespace lluda::ir
