#include "frontends/tokenizer/bpe.h"

#include <absl/strings/str_format.h>
#include <glog/logging.h>

#include <algorithm>
#include <functional>
#include <limits>
#include <optional>
#include <queue>
#include <string>
#include <utility>

#include "base/utf8.h"
#include "frontends/tokenizer/hash_table.h"
#include "frontends/tokenizer/text/byte_level.h"

namespace lluda::tokenizer {
namespace {

constexpr int32_t kFree = -1;

}  // namespace

MergeTable::MergeTable(size_t count) : owned_(TableSize(count)) { slots_ = owned_; }

absl::StatusOr<MergeTable> MergeTable::FromSlots(absl::Span<const MergeSlot> slots,
                                                 int32_t vocabulary_size) {
  const auto is_bad = [vocabulary_size](const MergeSlot& slot) {
    return slot.merged < kFree || slot.merged >= vocabulary_size;
  };
  const auto is_free = [](const MergeSlot& slot) { return slot.merged == kFree; };
  if (slots.empty() || (slots.size() & (slots.size() - 1)) != 0 ||
      std::any_of(slots.begin(), slots.end(), is_bad) ||
      std::none_of(slots.begin(), slots.end(), is_free)) {
    return absl::InvalidArgumentError("the table of merges does not fit the vocabulary");
  }
  MergeTable table;
  table.slots_ = slots;
  return table;
}

void MergeTable::Set(int32_t left, int32_t right, int32_t rank, int32_t merged) {
  const uint64_t pair = PairKey(left, right);
  const size_t mask = owned_.size() - 1;
  size_t at = MixBits(pair) & mask;
  while (owned_[at].merged != kFree && owned_[at].pair != pair) at = (at + 1) & mask;
  owned_[at] = {pair, rank, merged};
}

const MergeSlot* MergeTable::Find(int32_t left, int32_t right) const {
  const uint64_t pair = PairKey(left, right);
  const size_t mask = slots_.size() - 1;
  for (size_t at = MixBits(pair) & mask;; at = (at + 1) & mask) {
    const MergeSlot& slot = slots_[at];
    if (slot.merged == kFree) return nullptr;
    if (slot.pair == pair) return &slot;
  }
}

Bpe::Bpe(const BpeOptions& options, MergeTable merges, const Vocabulary& vocabulary,
         bool byte_level, const std::vector<AddedToken>& added_tokens)
    : byte_level_(byte_level), options_(options), merges_(std::move(merges)) {
  for (const AddedToken& token : added_tokens) {
    if (!token.in_model) only_added_.insert(token.id);
  }
  for (int byte = 0; byte < 256; ++byte) {
    const char c = static_cast<char>(byte);
    byte_ids_[byte] = Find(Content(std::string_view(&c, 1)), vocabulary);
    fallback_ids_[byte] = Find(absl::StrFormat("<0x%02X>", byte), vocabulary);
  }
}

std::string Bpe::Content(std::string_view bytes) const {
  return byte_level_ ? EncodeByteLevel(bytes) : std::string(bytes);
}

int32_t Bpe::Find(std::string_view content, const Vocabulary& vocabulary) const {
  const std::optional<int32_t> id = vocabulary.Find(content);
  return id.has_value() && !only_added_.contains(*id) ? *id : kNone;
}

int32_t Bpe::FirstCharacter(std::string_view text, const Vocabulary& vocabulary,
                            size_t* length) const {
  *length = byte_level_ ? 1 : base::ReadUtf8(text).length;
  return *length == 1 ? byte_ids_[static_cast<uint8_t>(text[0])]
                      : Find(text.substr(0, *length), vocabulary);
}

bool Bpe::FallBack(std::string_view character, std::vector<Node>* nodes) const {
  if (!options_.byte_fallback) return false;
  const std::string content = Content(character);
  const auto id_of = [this](char c) { return fallback_ids_[static_cast<uint8_t>(c)]; };
  for (const char c : content) {
    if (id_of(c) == kNone) return false;
  }
  for (const char c : content) nodes->push_back({id_of(c), kNone, kNone});
  return true;
}

std::vector<Bpe::Node> Bpe::InitialNodes(std::string_view piece,
                                         const Vocabulary& vocabulary) const {
  std::vector<Node> nodes;
  nodes.reserve(piece.size());
  // An unknown token waits for the next character that has one: bytes of a fallback overtake it, as
  // in Hugging Face's library.
  bool unknown_waits = false;
  const auto put_unknown = [&] {
    if (unknown_waits) nodes.push_back({options_.unknown_id, kNone, kNone});
    unknown_waits = false;
  };
  while (!piece.empty()) {
    size_t length = 0;
    const int32_t id = FirstCharacter(piece, vocabulary, &length);
    if (id != kNone) {
      put_unknown();
      nodes.push_back({id, kNone, kNone});
    } else if (!FallBack(piece.substr(0, length), &nodes) && options_.unknown_id != kNone) {
      if (!options_.fuse_unknown) put_unknown();
      unknown_waits = true;
    }
    piece.remove_prefix(length);
  }
  put_unknown();
  for (size_t i = 0; i < nodes.size(); ++i) {
    nodes[i].previous = static_cast<int32_t>(i) - 1;
    nodes[i].next = i + 1 < nodes.size() ? static_cast<int32_t>(i) + 1 : kNone;
  }
  return nodes;
}

void Bpe::Encode(std::string_view piece, const Vocabulary& vocabulary, std::vector<int32_t>* ids,
                 int64_t* steps) const {
  CHECK_LE(piece.size(), static_cast<size_t>(std::numeric_limits<int32_t>::max()));
  if (options_.ignore_merges) {
    const int32_t whole = Find(Content(piece), vocabulary);
    if (whole != kNone) {
      ids->push_back(whole);
      return;
    }
  }
  std::vector<Node> nodes = InitialNodes(piece, vocabulary);
  if (nodes.empty()) return;

  const auto candidate = [&](int32_t left, std::vector<Candidate>* out) {
    ++*steps;
    const int32_t right = left == kNone ? kNone : nodes[left].next;
    if (right == kNone) return;
    const MergeSlot* merge = merges_.Find(nodes[left].id, nodes[right].id);
    if (merge == nullptr) return;
    out->push_back((static_cast<uint64_t>(merge->rank) << 32) | static_cast<uint32_t>(left));
  };
  std::vector<Candidate> initial;
  for (size_t i = 0; i + 1 < nodes.size(); ++i) candidate(static_cast<int32_t>(i), &initial);
  std::priority_queue<Candidate, std::vector<Candidate>, std::greater<Candidate>> queue(
      std::greater<Candidate>(), std::move(initial));

  std::vector<Candidate> fresh;
  while (!queue.empty()) {
    const Candidate top = queue.top();
    queue.pop();
    ++*steps;
    const int32_t left = static_cast<int32_t>(top & 0xFFFFFFFF);
    const int32_t right = nodes[left].next;
    if (nodes[left].id == kNone || right == kNone) continue;
    // A candidate is stale once either side has merged: then the pair has another rank, or none.
    const MergeSlot* merge = merges_.Find(nodes[left].id, nodes[right].id);
    if (merge == nullptr || static_cast<uint64_t>(merge->rank) != top >> 32) continue;
    nodes[left].id = merge->merged;
    nodes[left].next = nodes[right].next;
    if (nodes[right].next != kNone) nodes[nodes[right].next].previous = left;
    nodes[right].id = kNone;
    fresh.clear();
    candidate(nodes[left].previous, &fresh);
    candidate(left, &fresh);
    for (const Candidate next : fresh) queue.push(next);
  }
  // Nodes merge into their left neighbour, so the first is never dead.
  for (int32_t i = 0; i != kNone; i = nodes[i].next) ids->push_back(nodes[i].id);
}

}  // namespace lluda::tokenizer
