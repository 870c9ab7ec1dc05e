#include "engine/grammar/matcher.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"

namespace lluda::grammar {
namespace {

constexpr size_t kMaxLocalMasks = 32;

}  // namespace

Matcher::Matcher(std::shared_ptr<const Grammar> grammar, std::shared_ptr<const TokenTrie> trie,
                 size_t max_bytes)
    : grammar_(std::move(grammar)),
      trie_(std::move(trie)),
      sets_(grammar_.get()),
      max_bytes_(max_bytes),
      trim_at_(max_bytes),
      work_limit_(max_work()) {
  sets_.LimitWork(work_limit_);
  kept_.assign(1, sets_.Start());
}

void Matcher::Restart() {
  kept_[0] = sets_.Start();
  has_mask_ = false;
}

absl::Status Matcher::status() const {
  if (!sets_.failed()) return absl::OkStatus();
  if (sets_.has_too_many_places()) {
    return absl::ResourceExhaustedError(
        absl::StrCat("it is too complex: its text can be in more than the ", StateSets::kMaxPlaces,
                     " places at once that are allowed"));
  }
  return absl::ResourceExhaustedError(absl::StrCat(
      "it is too complex: to find what may come next in its text takes more than the ", max_work(),
      " steps that are allowed, or more than ", work_per_token(), " for token after token"));
}

void Matcher::BeginToken() {
  token_begin_ = sets_.work();
  work_limit_ = std::min(work_limit_ + work_per_token(), token_begin_ + max_work());
  sets_.LimitWork(work_limit_);
}

int32_t Matcher::After(int32_t token) {
  const absl::string_view bytes = trie_->bytes(token);
  if (bytes.empty()) return StateSets::kDead;
  int32_t set = kept_[0];
  for (const char byte : bytes) {
    set = sets_.Step(set, static_cast<uint8_t>(byte));
    if (set == StateSets::kDead) break;
  }
  return set;
}

bool Matcher::Advance(int32_t token) {
  const int32_t next = After(token);
  if (next == StateSets::kDead) return false;
  if (next != kept_[0]) has_mask_ = false;
  kept_[0] = next;
  TrimIfLarge();
  BeginToken();
  return true;
}

void Matcher::TrimIfLarge() {
  if (sets_.bytes() <= trim_at_) return;
  local_.clear();
  sets_.Trim(absl::MakeSpan(kept_));
  // What has to stay may be much: a text that is nested deep.
  trim_at_ = std::max(max_bytes_, 2 * sets_.bytes());
}

template <typename Visit>
int32_t Matcher::Walk(uint32_t begin, uint32_t end, size_t depth, int32_t set, const Visit& visit) {
  const absl::Span<const TokenTrie::Node> nodes = trie_->nodes();
  const size_t root = kept_.size();
  kept_.resize(root + 1 + static_cast<size_t>(trie_->max_depth()) - depth, StateSets::kDead);
  // The sets on the way to a node, by depth; further down they are those of nodes before it.
  int32_t* const path = kept_.data() + root;
  path[0] = set;
  for (uint32_t i = begin; i < end;) {
    const TokenTrie::Node& node = nodes[i];
    const size_t below = node.depth - depth;
    sets_.Spend(1);
    const int32_t next = sets_.Step(path[below - 1], node.byte);
    if (next == StateSets::kDead) {
      i = node.end;
      continue;
    }
    path[below] = next;
    if (!visit(i, next)) break;
    TrimIfLarge();
    ++i;
  }
  set = path[0];
  kept_.resize(root);
  return set;
}

void Matcher::AddTokens(const TokenTrie::Node& node, std::vector<uint64_t>* bits) const {
  for (uint32_t i = 0; i < node.token_count; ++i) {
    const auto token = static_cast<size_t>(trie_->tokens()[node.first_token + i]);
    (*bits)[token / 64] |= uint64_t{1} << (token % 64);
  }
}

std::vector<int32_t> Matcher::AllowedTokens(size_t limit) {
  std::vector<int32_t> found;
  const auto visit = [&](uint32_t i, int32_t) {
    const TokenTrie::Node& node = trie_->nodes()[i];
    for (uint32_t j = 0; j < node.token_count && found.size() < limit; ++j) {
      found.push_back(trie_->tokens()[node.first_token + j]);
    }
    return found.size() < limit;
  };
  if (limit > 0) Walk(0, static_cast<uint32_t>(trie_->nodes().size()), 0, kept_[0], visit);
  return found;
}

Matcher::LocalMask Matcher::ComputeLocal(size_t kept) {
  LocalMask mask;
  mask.bits.resize(mask_.size());
  const auto visit = [&](uint32_t i, int32_t there) {
    const TokenTrie::Node& node = trie_->nodes()[i];
    AddTokens(node, &mask.bits);
    if (sets_.CanEnd(there) && node.end > i + 1) mask.leaves.push_back(i);
    return true;
  };
  const int32_t set = Walk(0, static_cast<uint32_t>(trie_->nodes().size()), 0, kept_[kept], visit);
  kept_[kept] = set;
  return mask;
}

void Matcher::ComputeMask() {
  // The places by the frame that their rule was called from; of each group the set of these places
  // as if nobody had called, and that behind the call. They are kept from here on.
  const absl::Span<const StateSets::Place> now = sets_.places(kept_[0]);
  const std::vector<StateSets::Place> places(now.begin(), now.end());
  const auto base_of = [&](int32_t frame) {
    return sets_.frame(frame).is_character ? sets_.frame(frame).parent : frame;
  };
  std::vector<std::pair<int32_t, StateSets::Place>> by_base;
  for (const StateSets::Place& place : places) {
    if (place.state == StateSets::kEnd) continue;
    const int32_t base = base_of(place.frame);
    const int32_t frame =
        place.frame == base ? 0 : sets_.AddFrame({sets_.frame(place.frame).target, 0, true});
    by_base.push_back({base, {place.state, frame}});
  }
  std::sort(by_base.begin(), by_base.end());
  for (size_t i = 0; i < by_base.size();) {
    const int32_t base = by_base[i].first;
    std::vector<StateSets::Place> group;
    for (; i < by_base.size() && by_base[i].first == base; ++i) group.push_back(by_base[i].second);
    kept_.push_back(sets_.Close(group));
    const StateSets::Frame& above = sets_.frame(base);
    kept_.push_back(base == 0 ? StateSets::kDead : sets_.Close({{above.target, above.parent}}));
  }

  mask_.assign((static_cast<size_t>(trie_->size()) + 63) / 64, 0);
  for (size_t i = 1; i < kept_.size(); i += 2) {
    if (sets_.failed()) break;
    if (local_.find(kept_[i]) == local_.end()) {
      if (local_.size() >= kMaxLocalMasks) local_.clear();
      LocalMask computed = ComputeLocal(i);
      local_[kept_[i]] = std::move(computed);
    }
    const LocalMask& local = local_[kept_[i]];
    for (size_t word = 0; word < mask_.size(); ++word) mask_[word] |= local.bits[word];
    if (kept_[i + 1] == StateSets::kDead) continue;
    // A copy: a walk may forget the masks.
    const std::vector<uint32_t> leaves = local.leaves;
    const auto visit = [&](uint32_t node, int32_t) {
      AddTokens(trie_->nodes()[node], &mask_);
      return true;
    };
    for (const uint32_t leaf : leaves) {
      const TokenTrie::Node& node = trie_->nodes()[leaf];
      const int32_t set = Walk(leaf + 1, node.end, node.depth, kept_[i + 1], visit);
      kept_[i + 1] = set;
    }
  }
  kept_.resize(1);
}

absl::Span<const uint64_t> Matcher::Mask() {
  if (!has_mask_) ComputeMask();
  has_mask_ = true;
  return mask_;
}

}  // namespace lluda::grammar
