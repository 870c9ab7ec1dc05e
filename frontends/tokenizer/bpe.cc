#include "frontends/tokenizer/bpe.h"

#include <glog/logging.h>

#include <algorithm>
#include <functional>
#include <limits>
#include <optional>
#include <queue>
#include <string>
#include <utility>

#include "frontends/tokenizer/text/byte_level.h"
#include "frontends/tokenizer/hash_table.h"

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

Bpe::Bpe(const BpeOptions& options, MergeTable merges, const Vocabulary& vocabulary)
    : options_(options), merges_(std::move(merges)) {
  for (int byte = 0; byte < 256; ++byte) {
    const char c = static_cast<char>(byte);
    byte_ids_[byte] = vocabulary.Find(EncodeByteLevel(std::string_view(&c, 1))).value_or(kNone);
  }
}

std::vector<Bpe::Node> Bpe::InitialNodes(std::string_view piece) const {
  std::vector<Node> nodes;
  nodes.reserve(piece.size());
  for (const char c : piece) {
    int32_t id = byte_ids_[static_cast<uint8_t>(c)];
    if (id == kNone) {
      id = options_.unknown_id;
      const bool repeats = options_.fuse_unknown && !nodes.empty() && nodes.back().id == id;
      if (id == kNone || repeats) continue;
    }
    const int32_t index = static_cast<int32_t>(nodes.size());
    nodes.push_back({id, index - 1, index + 1});
  }
  if (!nodes.empty()) nodes.back().next = kNone;
  return nodes;
}

void Bpe::Encode(std::string_view piece, const Vocabulary& vocabulary, std::vector<int32_t>* ids,
                 int64_t* steps) const {
  CHECK_LE(piece.size(), static_cast<size_t>(std::numeric_limits<int32_t>::max()));
  if (options_.ignore_merges) {
    const std::optional<int32_t> whole = vocabulary.Find(EncodeByteLevel(piece));
    if (whole.has_value()) {
      ids->push_back(*whole);
      return;
    }
  }
  std::vector<Node> nodes = InitialNodes(piece);
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
