#include "engine/grammar/grammar.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"

namespace lluda::grammar {
namespace {

// Items by the state that they are of: those of state s are order[begin[s]] to order[begin[s + 1]].
struct Groups {
  std::vector<uint32_t> begin;
  std::vector<uint32_t> order;
};

template <typename Items, typename StateOf>
Groups GroupByState(const Items& items, size_t states, const StateOf& state_of) {
  Groups groups;
  groups.begin.assign(states + 1, 0);
  for (const auto& item : items) ++groups.begin[static_cast<size_t>(state_of(item)) + 1];
  for (size_t s = 0; s < states; ++s) groups.begin[s + 1] += groups.begin[s];
  groups.order.resize(items.size());
  std::vector<uint32_t> next = groups.begin;
  for (size_t i = 0; i < items.size(); ++i) {
    groups.order[next[static_cast<size_t>(state_of(items[i]))]++] = static_cast<uint32_t>(i);
  }
  return groups;
}

template <typename Visit>
void ForEachOf(const Groups& groups, int state, const Visit& visit) {
  const auto s = static_cast<size_t>(state);
  for (uint32_t i = groups.begin[s]; i < groups.begin[s + 1]; ++i) visit(groups.order[i]);
}

}  // namespace

int GrammarBuilder::AddRule() {
  start_.push_back(AddState());
  is_character_.push_back(false);
  return static_cast<int>(start_.size()) - 1;
}

int GrammarBuilder::AddCharacterRule() {
  const int rule = AddRule();
  is_character_.back() = true;
  return rule;
}

int GrammarBuilder::AddState() {
  ++work_;
  // Beyond the limit the numbers stay below it, and what is built of them is thrown away.
  if (!ok()) return 0;
  is_final_.push_back(false);
  return static_cast<int>(is_final_.size()) - 1;
}

int GrammarBuilder::AddFinalState() {
  const int state = AddState();
  SetFinal(state);
  return state;
}

void GrammarBuilder::AddBytes(int from, uint8_t low, uint8_t high, int to) {
  if (Spend(1)) edges_.push_back({from, {low, high, to}});
}

void GrammarBuilder::AddText(int from, absl::string_view text, int to) {
  for (size_t i = 0; i < text.size(); ++i) {
    const int next = i + 1 == text.size() ? to : AddState();
    const auto byte = static_cast<uint8_t>(text[i]);
    AddBytes(from, byte, byte, next);
    from = next;
  }
  if (text.empty()) AddJump(from, to);
}

void GrammarBuilder::AddCall(int from, int rule, int to) {
  if (Spend(1)) calls_.push_back({from, {rule, to}});
}

void GrammarBuilder::AddJump(int from, int to) {
  if (Spend(1)) jumps_.push_back({from, to});
}

absl::Status GrammarBuilder::status() const {
  if (ok()) return absl::OkStatus();
  if (is_final_.size() > kMaxStates) {
    return absl::ResourceExhaustedError(
        absl::StrCat("it is too complex: it takes more than ", kMaxStates, " states"));
  }
  return absl::ResourceExhaustedError(
      absl::StrCat("it is too complex: it takes more than ", kMaxWork, " steps to build"));
}

std::vector<bool> GrammarBuilder::FindProductive() const {
  const size_t states = is_final_.size();
  const Groups edges_into =
      GroupByState(edges_, states, [](const BuiltEdge& e) { return e.edge.target; });
  const Groups jumps_into = GroupByState(jumps_, states, [](const BuiltJump& j) { return j.to; });
  const Groups calls_into =
      GroupByState(calls_, states, [](const BuiltCall& c) { return c.call.target; });
  const Groups calls_of =
      GroupByState(calls_, states, [this](const BuiltCall& c) { return Start(c.call.rule); });
  std::vector<bool> productive(states, false);
  std::vector<int32_t> found;
  const auto add = [&](int32_t state) {
    if (productive[static_cast<size_t>(state)]) return;
    productive[static_cast<size_t>(state)] = true;
    found.push_back(state);
  };
  for (size_t s = 0; s < states; ++s) {
    if (is_final_[s]) add(static_cast<int32_t>(s));
  }
  while (!found.empty()) {
    const int32_t state = found.back();
    found.pop_back();
    ForEachOf(edges_into, state, [&](uint32_t i) { add(edges_[i].from); });
    ForEachOf(jumps_into, state, [&](uint32_t i) { add(jumps_[i].from); });
    // A call leads somewhere once the rule does and the state behind it does.
    ForEachOf(calls_into, state, [&](uint32_t i) {
      if (productive[static_cast<size_t>(Start(calls_[i].call.rule))]) add(calls_[i].from);
    });
    ForEachOf(calls_of, state, [&](uint32_t i) {
      if (productive[static_cast<size_t>(calls_[i].call.target)]) add(calls_[i].from);
    });
  }
  return productive;
}

absl::StatusOr<std::shared_ptr<const Grammar>> GrammarBuilder::Finish(int root) && {
  if (!ok()) return status();
  const size_t states = is_final_.size();
  const std::vector<bool> productive = FindProductive();
  const auto is_dead = [&](int32_t state) { return !productive[static_cast<size_t>(state)]; };
  if (is_dead(Start(root))) {
    return absl::InvalidArgumentError("nothing satisfies it: no text is allowed");
  }
  const auto drop = [](auto* items, const auto& dead) {
    items->erase(std::remove_if(items->begin(), items->end(), dead), items->end());
  };
  drop(&edges_, [&](const BuiltEdge& e) { return is_dead(e.edge.target); });
  drop(&jumps_, [&](const BuiltJump& j) { return is_dead(j.to); });
  drop(&calls_,
       [&](const BuiltCall& c) { return is_dead(c.call.target) || is_dead(Start(c.call.rule)); });

  auto grammar = std::make_shared<Grammar>();
  grammar->root_ = root;
  grammar->start_ = std::move(start_);
  grammar->is_character_ = std::move(is_character_);
  grammar->is_final_ = std::move(is_final_);
  const auto fill = [&](const auto& built, const auto& item_of, auto* items,
                        std::vector<uint32_t>* begin) {
    Groups groups = GroupByState(built, states, [](const auto& b) { return b.from; });
    *begin = std::move(groups.begin);
    items->reserve(built.size());
    for (const uint32_t i : groups.order) items->push_back(item_of(built[i]));
  };
  fill(edges_, [](const BuiltEdge& e) { return e.edge; }, &grammar->edges_, &grammar->edge_begin_);
  fill(calls_, [](const BuiltCall& c) { return c.call; }, &grammar->calls_, &grammar->call_begin_);
  fill(jumps_, [](const BuiltJump& j) { return j.to; }, &grammar->jumps_, &grammar->jump_begin_);
  grammar->only_ends_.resize(states);
  for (size_t s = 0; s < states; ++s) {
    const int state = static_cast<int>(s);
    grammar->only_ends_[s] = grammar->is_final_[s] && grammar->edges(state).empty() &&
                             grammar->calls(state).empty() && grammar->jumps(state).empty();
  }

  // A class ends where an edge begins or ends.
  std::array<bool, 257> boundary{};
  for (const Grammar::Edge& edge : grammar->edges_) {
    boundary[edge.low] = true;
    boundary[edge.high + 1u] = true;
  }
  int byte_class = 0;
  for (size_t byte = 0; byte < 256; ++byte) {
    if (byte > 0 && boundary[byte]) ++byte_class;
    grammar->byte_class_[byte] = static_cast<uint8_t>(byte_class);
  }
  grammar->byte_classes_ = byte_class + 1;
  return std::shared_ptr<const Grammar>(std::move(grammar));
}

}  // namespace lluda::grammar
