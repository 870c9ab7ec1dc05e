#include "frontends/tokenizer/bpe.h"

#include <glog/logging.h>

#include <functional>
#include <limits>
#include <optional>
#include <queue>
#include <string>
#include <utility>

#include "frontends/tokenizer/byte_level.h"
#include "frontends/tokenizer/strings.h"

namespace lluda::tokenizer {
namespace {

uint64_t PairKey(int32_t left, int32_t right) {
  return (static_cast<uint64_t>(left) << 32) | static_cast<uint32_t>(right);
}

using Sides = std::pair<std::string_view, std::string_view>;

// The two sides of a merge, "a b" or ["a", "b"]; nothing if it is neither.
std::optional<Sides> ReadMerge(simdjson::dom::element merge) {
  std::string_view text;
  if (merge.get(text) == simdjson::SUCCESS) {
    const size_t space = text.find(' ');
    if (space == std::string_view::npos || space != text.rfind(' ')) return std::nullopt;
    return Sides(text.substr(0, space), text.substr(space + 1));
  }
  simdjson::dom::array pair;
  Sides sides;
  if (merge.get(pair) != simdjson::SUCCESS || pair.size() != 2 ||
      pair.at(0).get(sides.first) != simdjson::SUCCESS ||
      pair.at(1).get(sides.second) != simdjson::SUCCESS) {
    return std::nullopt;
  }
  return sides;
}

// What is wrong with a merge that ReadMerge cannot read.
absl::Status BadMerge(const JsonValue& merge, bool is_string) {
  if (is_string) {
    const absl::StatusOr<std::string_view> text = merge.String();
    if (!text.ok()) return text.status();
    return merge.Error(Concat(QuoteForMessage(*text), " is not two tokens with one space"));
  }
  const absl::StatusOr<simdjson::dom::array> pair = merge.Array();
  if (!pair.ok()) return pair.status();
  return merge.Error("is not a pair of two strings");
}

// Whether the object's member `key` is absent, null, or equal to what leaves BPE plain.
absl::Status RequireEmptyString(const JsonValue& model, std::string_view key) {
  const absl::StatusOr<std::optional<JsonValue>> value = model.GetOptional(key);
  if (!value.ok()) return value.status();
  if (!value->has_value()) return absl::OkStatus();
  const absl::StatusOr<std::string_view> text = (*value)->String();
  if (!text.ok()) return text.status();
  if (text->empty()) return absl::OkStatus();
  return (*value)->Error(Concat(QuoteForMessage(*text), " is not supported"));
}

}  // namespace

absl::StatusOr<Bpe> Bpe::FromJson(const JsonValue& model, const Vocabulary& vocabulary) {
  Bpe result;
  absl::Status status = result.ReadOptions(model, vocabulary);
  if (!status.ok()) return status;
  for (int byte = 0; byte < 256; ++byte) {
    const char c = static_cast<char>(byte);
    result.byte_ids_[byte] =
        vocabulary.Find(EncodeByteLevel(std::string_view(&c, 1))).value_or(kNone);
  }
  const absl::StatusOr<JsonValue> merges = model.Get("merges");
  if (!merges.ok()) return merges.status();
  status = result.ReadMerges(*merges, vocabulary);
  if (!status.ok()) return status;
  return result;
}

absl::Status Bpe::ReadOptions(const JsonValue& model, const Vocabulary& vocabulary) {
  for (const std::string_view key : {"continuing_subword_prefix", "end_of_word_suffix"}) {
    absl::Status status = RequireEmptyString(model, key);
    if (!status.ok()) return status;
  }
  const absl::StatusOr<std::optional<JsonValue>> dropout = model.GetOptional("dropout");
  if (!dropout.ok()) return dropout.status();
  if (dropout->has_value()) return (*dropout)->Error("dropout is not supported");
  const absl::StatusOr<bool> byte_fallback = model.GetBool("byte_fallback", false);
  if (!byte_fallback.ok()) return byte_fallback.status();
  if (*byte_fallback) return model.Error("byte_fallback is not supported: not byte-level BPE");

  const absl::StatusOr<bool> ignore_merges = model.GetBool("ignore_merges", false);
  if (!ignore_merges.ok()) return ignore_merges.status();
  ignore_merges_ = *ignore_merges;
  const absl::StatusOr<bool> fuse_unknown = model.GetBool("fuse_unk", false);
  if (!fuse_unknown.ok()) return fuse_unknown.status();
  fuse_unknown_ = *fuse_unknown;

  const absl::StatusOr<std::optional<JsonValue>> unknown = model.GetOptional("unk_token");
  if (!unknown.ok()) return unknown.status();
  if (!unknown->has_value()) return absl::OkStatus();
  const absl::StatusOr<std::string_view> content = (*unknown)->String();
  if (!content.ok()) return content.status();
  const std::optional<int32_t> id = vocabulary.Find(*content);
  if (!id.has_value()) {
    return (*unknown)->Error(Concat("token ", QuoteForMessage(*content), " is unknown"));
  }
  unknown_id_ = *id;
  return absl::OkStatus();
}

absl::Status Bpe::ReadMerges(const JsonValue& merges, const Vocabulary& vocabulary) {
  const absl::StatusOr<simdjson::dom::array> array = merges.Array();
  if (!array.ok()) return array.status();
  merges_.reserve(array->size());
  std::string merged;
  int32_t rank = 0;
  int32_t previous_merged = kNone;
  for (const simdjson::dom::element element : *array) {
    const auto at = [&] { return merges.Child(element, Concat("[", rank, "]")); };
    const std::optional<Sides> sides = ReadMerge(element);
    if (!sides.has_value()) return BadMerge(at(), element.is_string());
    const std::optional<int32_t> left = vocabulary.Find(sides->first);
    const std::optional<int32_t> right = vocabulary.Find(sides->second);
    merged.assign(sides->first).append(sides->second);
    // Files list most merges in the order of what they make, so the next id is tried before the
    // hash table.
    const int32_t next_id = previous_merged + 1;
    const std::optional<int32_t> result =
        next_id < vocabulary.size() && vocabulary.Content(next_id) == merged
            ? next_id
            : vocabulary.Find(merged);
    if (!left.has_value() || !right.has_value() || !result.has_value()) {
      const std::string_view unknown = !left.has_value()    ? sides->first
                                       : !right.has_value() ? sides->second
                                                            : std::string_view(merged);
      return at().Error(Concat("token ", QuoteForMessage(unknown), " is not in the vocabulary"));
    }
    previous_merged = *result;
    merges_[PairKey(*left, *right)] = {rank, *result};
    ++rank;
  }
  return absl::OkStatus();
}

std::vector<Bpe::Node> Bpe::InitialNodes(std::string_view piece) const {
  std::vector<Node> nodes;
  nodes.reserve(piece.size());
  for (const char c : piece) {
    int32_t id = byte_ids_[static_cast<uint8_t>(c)];
    if (id == kNone) {
      id = unknown_id_;
      if (id == kNone || (fuse_unknown_ && !nodes.empty() && nodes.back().id == id)) continue;
    }
    const int32_t index = static_cast<int32_t>(nodes.size());
    nodes.push_back({id, index - 1, index + 1});
  }
  if (!nodes.empty()) nodes.back().next = kNone;
  return nodes;
}

const Bpe::Merge* Bpe::FindMerge(int32_t left, int32_t right) const {
  const auto it = merges_.find(PairKey(left, right));
  return it == merges_.end() ? nullptr : &it->second;
}

void Bpe::Encode(std::string_view piece, const Vocabulary& vocabulary, std::vector<int32_t>* ids,
                 int64_t* steps) const {
  CHECK_LE(piece.size(), static_cast<size_t>(std::numeric_limits<int32_t>::max()));
  if (ignore_merges_) {
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
    const Merge* merge = FindMerge(nodes[left].id, nodes[right].id);
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
    const Merge* merge = FindMerge(nodes[left].id, nodes[right].id);
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
