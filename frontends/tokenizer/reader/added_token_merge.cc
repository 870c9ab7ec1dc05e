#include "frontends/tokenizer/reader/added_token_merge.h"

#include <optional>
#include <utility>

#include "base/quote.h"
#include "base/status_macros.h"
#include "frontends/tokenizer/text/strings.h"

namespace lluda::tokenizer {
namespace {

class Merger {
 public:
  Merger(const TokenizerConfig& config, const KnownTokens& vocabulary,
         std::vector<AddedToken>* tokens)
      : config_(config), vocabulary_(vocabulary), tokens_(tokens), next_id_(vocabulary.count) {
    for (size_t i = 0; i < tokens->size(); ++i) Index(i);
  }

  absl::Status AddListed(const NamedToken& listed) {
    AddedToken token = listed.token;
    AddedToken* known = Find(token.content);
    const std::optional<int32_t> id = IdOf(known, token.content);
    // The vocabulary's id counts, as for transformers.
    if (id.has_value()) token.id = *id;
    if (known == nullptr) {
      const auto other = by_id_.find(token.id);
      if (!id.has_value() && other != by_id_.end()) {
        return absl::InvalidArgumentError(
            Concat(listed.field, ": id ", token.id, " is that of ",
                   base::QuoteForMessage((*tokens_)[other->second].content)));
      }
      Append(token);
    } else if (config_.listed_flags_count) {
      *known = token;
    }
    return absl::OkStatus();
  }

  // Once all of them are there: an id that leaves a gap below it.
  absl::Status CheckForGaps() {
    for (const NamedToken& listed : config_.listed) {
      // One that the vocabulary has another id for took that.
      if (listed.token.id < next_id_ || Find(listed.token.content)->id != listed.token.id) continue;
      return absl::InvalidArgumentError(Concat(listed.field, ": id ", listed.token.id,
                                               " leaves a gap, as there are ", next_id_,
                                               " tokens"));
    }
    return absl::OkStatus();
  }

  // Once all that have ids are there.
  void AddSpecial(const NamedToken& special, bool has_role) {
    AddedToken* known = Find(special.token.content);
    if (known == nullptr) {
      AddedToken token = special.token;
      token.id = IdOf(nullptr, token.content).value_or(next_id_);
      known = Append(std::move(token));
    }
    if (config_.tokenizer_class == TokenizerClass::kQwen2) {
      // That class adds them all once more, without their flags.
      AddedToken plain;
      plain.content = known->content;
      plain.id = known->id;
      plain.special = true;
      *known = std::move(plain);
    } else if (has_role) {
      known->special = true;
    }
  }

 private:
  AddedToken* Find(const std::string& content) {
    const auto found = by_content_.find(content);
    return found == by_content_.end() ? nullptr : &(*tokens_)[found->second];
  }

  std::optional<int32_t> IdOf(const AddedToken* known, const std::string& content) const {
    if (known != nullptr) return known->id;
    const auto found = vocabulary_.ids.find(content);
    if (found == vocabulary_.ids.end()) return std::nullopt;
    return found->second;
  }

  AddedToken* Append(AddedToken token) {
    tokens_->push_back(std::move(token));
    Index(tokens_->size() - 1);
    return &tokens_->back();
  }

  void Index(size_t i) {
    const AddedToken& token = (*tokens_)[i];
    by_content_.emplace(token.content, i);
    by_id_.emplace(token.id, i);
    if (!vocabulary_.ids.contains(token.content)) ++next_id_;
  }

  const TokenizerConfig& config_;
  const KnownTokens& vocabulary_;
  std::vector<AddedToken>* tokens_;
  absl::flat_hash_map<std::string, size_t> by_content_;
  absl::flat_hash_map<int32_t, size_t> by_id_;
  int32_t next_id_;  // ids have no gaps
};

}  // namespace

absl::flat_hash_set<std::string> ContentsOf(const std::vector<AddedToken>& tokens,
                                            const TokenizerConfig& config) {
  absl::flat_hash_set<std::string> contents;
  for (const AddedToken& token : tokens) contents.insert(token.content);
  for (const auto* list : {&config.listed, &config.roles, &config.extra}) {
    for (const NamedToken& named : *list) contents.insert(named.token.content);
  }
  return contents;
}

absl::Status MergeAddedTokens(const TokenizerConfig& config, const KnownTokens& vocabulary,
                              std::vector<AddedToken>* tokens) {
  Merger merger(config, vocabulary, tokens);
  for (const NamedToken& listed : config.listed) {
    RETURN_IF_ERROR(merger.AddListed(listed));
  }
  RETURN_IF_ERROR(merger.CheckForGaps());
  for (const NamedToken& role : config.roles) merger.AddSpecial(role, /*has_role=*/true);
  for (const NamedToken& extra : config.extra) merger.AddSpecial(extra, /*has_role=*/false);
  return absl::OkStatus();
}

}  // namespace lluda::tokenizer
