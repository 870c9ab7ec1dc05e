#include "engine/generate/stop.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"

namespace lluda::engine {
namespace {

constexpr int32_t kNone = -1;

int64_t Edge(int32_t node, unsigned char byte) { return int64_t{node} * 256 + byte; }

}  // namespace

absl::StatusOr<StopStrings> StopStrings::Create(const std::vector<std::string>& stops) {
  int64_t bytes = 0;
  for (size_t i = 0; i < stops.size(); ++i) {
    if (stops[i].empty()) {
      return absl::InvalidArgumentError(
          absl::StrCat("stop string ", i + 1, " of ", stops.size(), " is empty"));
    }
    bytes += static_cast<int64_t>(stops[i].size());
  }
  if (bytes >= std::numeric_limits<int32_t>::max()) {
    return absl::InvalidArgumentError(absl::StrCat("stop strings of ", bytes, " bytes together"));
  }
  StopStrings result;
  for (const std::string& stop : stops) {
    int32_t node = 0;
    for (const unsigned char byte : stop) node = result.AddChild(node, byte);
    result.nodes_[node].match_bytes = static_cast<int32_t>(stop.size());
  }
  result.LinkFallbacks();
  return result;
}

int32_t StopStrings::AddChild(int32_t node, unsigned char byte) {
  const auto [entry, is_new] =
      children_.try_emplace(Edge(node, byte), static_cast<int32_t>(nodes_.size()));
  if (is_new) {
    Node child;
    child.depth = nodes_[node].depth + 1;
    nodes_.push_back(child);
  }
  return entry->second;
}

// A node's fallback is shallower than the node, so the nodes are linked in order of depth.
void StopStrings::LinkFallbacks() {
  std::vector<std::pair<int64_t, int32_t>> edges(children_.begin(), children_.end());
  std::sort(edges.begin(), edges.end(), [this](const auto& a, const auto& b) {
    return nodes_[a.second].depth < nodes_[b.second].depth;
  });
  for (const auto& [edge, child] : edges) {
    const auto parent = static_cast<int32_t>(edge / 256);
    const auto byte = static_cast<unsigned char>(edge % 256);
    Node& node = nodes_[child];
    node.fallback = parent == 0 ? 0 : Next(nodes_[parent].fallback, byte);
    if (node.match_bytes == 0) node.match_bytes = nodes_[node.fallback].match_bytes;
  }
}

int32_t StopStrings::Child(int32_t node, unsigned char byte) const {
  const auto entry = children_.find(Edge(node, byte));
  return entry == children_.end() ? kNone : entry->second;
}

// The node of the longest suffix of the text so far, `byte` included, that is a prefix of a stop
// string.
int32_t StopStrings::Next(int32_t node, unsigned char byte) const {
  for (;;) {
    if (const int32_t child = Child(node, byte); child != kNone) return child;
    if (node == 0) return 0;
    node = nodes_[node].fallback;
  }
}

absl::string_view StopStrings::Push(absl::string_view piece) {
  return Search(piece, /*is_shown=*/true);
}

absl::string_view StopStrings::PushHidden(absl::string_view piece) {
  return Search(piece, /*is_shown=*/false);
}

absl::string_view StopStrings::Search(absl::string_view piece, bool is_shown) {
  out_.clear();
  if (stopped_) return out_;
  // What is held back is decided together with the new piece.
  out_.swap(held_);
  // Of the last `count` bytes that came, how many are printed.
  const auto last_shown = [this](int32_t count) {
    return std::count(held_is_shown_.end() - count, held_is_shown_.end(), true);
  };
  for (const char c : piece) {
    if (is_shown) out_.push_back(c);
    held_is_shown_.push_back(is_shown);
    state_ = Next(state_, static_cast<unsigned char>(c));
    const Node& node = nodes_[state_];
    if (node.match_bytes > 0) {
      stopped_ = true;
      out_.resize(out_.size() - last_shown(node.match_bytes));
      return out_;
    }
    while (held_is_shown_.size() > static_cast<size_t>(node.depth)) held_is_shown_.pop_front();
  }
  const size_t shown = out_.size() - last_shown(nodes_[state_].depth);
  held_.assign(out_, shown, std::string::npos);
  out_.resize(shown);
  return out_;
}

absl::string_view StopStrings::Flush() {
  out_.clear();
  out_.swap(held_);
  held_is_shown_.clear();
  state_ = 0;
  return out_;
}

}  // namespace lluda::engine
